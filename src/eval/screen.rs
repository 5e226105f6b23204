//! The comparisons of one value → which of them a request leaves open. What its texts hold is looked at once for all of
//! them: most are a no by that alone, and are not asked themselves. [`super::program`] screens a value when it comes to
//! the first comparison of it.

use super::plan::{Sight, Slot, Test};
use super::view::Seen;
use crate::ir::Quantifier;
use crate::regex::Presence;

/// Comparisons of one slot that no text is a no to, made ready.
#[derive(Debug)]
pub struct Screen {
    slot: Slot,
    watch: Option<Watch>,
}

/// What to look for in the texts.
#[derive(Debug)]
struct Watch {
    /// What any of the comparisons needs.
    keys: Presence,
    /// Key → place of a comparison that a text with it may be a yes to. Sorted.
    opened: Vec<(u16, u32)>,
    /// Places of those about which no key says anything.
    always: Vec<u32>,
}

/// Comparisons at fixed places of a text are quick: fewer than this many are not worth looking at all of it.
const FEW: usize = 4;

/// Up to this many keys are looked up one by one.
const SPARSE: usize = 24;

/// Whether a comparison is a yes only if one text is, so that a screen can say no.
pub fn is_screened(test: &Test<'_>) -> bool {
    !test.source.negated && test.source.quantifier != Some(Quantifier::All)
}

impl Screen {
    /// Of comparisons of one slot, each of which [`is_screened`].
    pub fn new(tests: &[Test<'_>], slot: Slot) -> Screen {
        let is_worth_it = tests.len() >= FEW || tests.iter().any(|test| test.check.searches());
        Screen { slot, watch: is_worth_it.then(|| Watch::new(tests)) }
    }

    /// The places of comparisons that are to be asked; the others are a no.
    pub fn each_open<'v>(&self, count: usize, sight: &'v Sight<'v>, open: impl Fn(usize)) {
        let all = 0..count;
        match (sight.seen(self.slot), &self.watch) {
            (Seen::Text(None) | Seen::Integer(None), _) => {}
            (Seen::Texts(texts), _) if texts.is_empty() => {}
            (Seen::Text(Some(text)), Some(watch)) => watch.each_open(std::iter::once(&**text), sight, open),
            (Seen::Texts(texts), Some(watch)) => {
                watch.each_open(texts.iter().flatten().map(|text| &**text), sight, open);
            }
            (Seen::Text(Some(_)) | Seen::Texts(_), None) => all.for_each(open),
            (Seen::Integer(Some(_)) | Seen::Integers(_) | Seen::Address(_) | Seen::Truth(_), _) => all.for_each(open),
        }
    }
}

impl Watch {
    fn new(tests: &[Test<'_>]) -> Watch {
        let mut watch = Watch { keys: Presence::default(), opened: Vec::new(), always: Vec::new() };
        for (place, test) in (0..).zip(tests) {
            match test.check.keys() {
                None => watch.always.push(place),
                Some(keys) => {
                    for key in keys {
                        watch.keys.insert(key);
                        watch.opened.push((key, place));
                    }
                }
            }
        }
        watch.opened.sort_unstable();
        watch.opened.dedup();
        watch
    }

    fn each_open<'t>(&self, texts: impl Iterator<Item = &'t [u8]>, sight: &Sight<'_>, open: impl Fn(usize)) {
        self.always.iter().for_each(|place| open(*place as usize));
        for text in texts {
            sight.presences.with(text, |presence| {
                if self.opened.len() <= SPARSE {
                    let found = self.opened.iter().filter(|(key, _)| presence.has(*key));
                    return found.for_each(|(_, place)| open(*place as usize));
                }
                presence.each_shared(&self.keys, |key| {
                    let first = self.opened.partition_point(|(other, _)| *other < key);
                    let places = self.opened[first..].iter().take_while(|(other, _)| *other == key);
                    places.for_each(|(_, place)| open(*place as usize));
                });
            });
        }
    }
}
