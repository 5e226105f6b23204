//! The texts of one request → what each holds, looked at once however many patterns and fields see it. [`super::plan`]
//! asks before it runs a pattern.

use crate::regex::Presence;
use std::cell::{Cell, RefCell};

/// Places of the table of guesses: more than a request usually has texts.
const GUESSES: usize = 64;

/// What is known of texts. They are told apart by where they are: a text must stay where it is while this lives.
pub struct Presences {
    known: RefCell<Vec<(Place, Presence)>>,
    /// Where in `known` a text was seen last.
    guesses: [Cell<u8>; GUESSES],
}

/// Address and length.
type Place = (usize, usize);

impl Default for Presences {
    fn default() -> Presences {
        // Room for those of most requests: growing would copy them.
        Presences { known: RefCell::new(Vec::with_capacity(32)), guesses: std::array::from_fn(|_| Cell::new(0)) }
    }
}

impl Presences {
    /// What `ask` says of what `text` holds.
    pub fn with<T>(&self, text: &[u8], ask: impl FnOnce(&Presence) -> T) -> T {
        let place = (text.as_ptr().addr(), text.len());
        let guess = &self.guesses[(place.0 ^ place.0 >> 6 ^ place.1 << 2) % GUESSES];
        let is_here = |(other, _): &(Place, Presence)| *other == place;
        let mut known = self.known.borrow_mut();
        let index = Some(usize::from(guess.get()))
            .filter(|index| known.get(*index).is_some_and(is_here))
            .or_else(|| known.iter().position(is_here))
            .unwrap_or_else(|| {
                known.push((place, Presence::of(text)));
                known.len() - 1
            });
        guess.set(u8::try_from(index).unwrap_or(0));
        ask(&known[index].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regex::Regex;

    #[test]
    fn each_text_has_its_own_answer() {
        let regex = Regex::new("ab", false).unwrap();
        let presences = Presences::default();
        let texts: Vec<Vec<u8>> =
            (0..300).map(|number| if number % 3 == 0 { b"xab" } else { b"xba" }.to_vec()).collect();
        for _ in 0..2 {
            for (number, text) in texts.iter().enumerate() {
                assert_eq!(presences.with(text, |presence| regex.may_match(presence)), number % 3 == 0);
                assert!(!presences.with(&text[..2], |presence| regex.may_match(presence)));
            }
        }
        assert_eq!(presences.known.borrow().len(), 600);
    }
}
