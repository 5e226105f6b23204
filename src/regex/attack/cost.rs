//! A tree to a bound on what matching costs: a proof that no subject up to a length exceeds Varnish's limits, or nothing.
//! Called by `find_runaway`, to clear most patterns without running anything.
//!
//! What PCRE2's JIT does (read from its source, 10.42 – 10.46): the match limit holds anew for each start of a match; a
//! single-byte repetition counts one each time that what follows it is tried, a group one for each pass. Its stack has 4096
//! words; a repeated group that can be backtracked into leaves some there for each pass.
//!
//! Why the sum is a bound. A piece is entered at one place of the subject; it hands over to what follows it at most `ways`
//! times, and spends at most `flat + per_byte × subject` counts, whatever becomes of the handovers.
//!
//! - One piece, then another: the second is entered once for each handover, so `ways` multiply and the second's whole cost
//!   comes `ways` times. With one way the first has paid for the bytes up to the handover and the second pays for those from
//!   there on: no byte twice, so of two costs for each byte the larger holds for both.
//! - What was looked at and not consumed (a branch or a pass that failed, a look-around) is looked at again by others: there
//!   the cost of each byte is turned into one of the whole subject (`unshared`, `vain`).
//! - A repeated byte class can hand over after each length it may have. Where what follows cannot begin with a byte of the
//!   class it fails there at once, for the byte at which it would begin is one that the class has given back: only the end of
//!   the run is left, one way, and each byte costs the toll of looking. PCRE2 makes such a repetition possessive where it sees
//!   that itself (`direct`). At the end of a match or of an atomic group the first handover is the last.
//! - A repeated group: with one way through a pass each end of a pass is a handover, unless what follows cannot begin as a
//!   pass does; with several ways those of all passes multiply. A pass takes at least `length` bytes, so there are no more
//!   than `subject / length`; one that takes none ends the repetition.
//! - Branches: of those that must begin with different bytes one can be gone through; else the ways of all add up.
//! - Stack: what all pieces hold at one time, a group's for each pass.
//!
//! The margins below and the generous words for groups are for what this leaves out. `tests.rs` runs the whole search, and
//! subjects that know nothing of it, against generated patterns that are called harmless here.

use super::super::bytes::ByteSet;
use super::super::tree::{Mode, Node, Repeat};

/// Varnish's match limit, less a margin for what is not modelled.
const COUNT_LIMIT: u64 = 9_500;
/// The JIT's stack in words, less a margin.
const STACK_LIMIT: u64 = 3_000;
/// What having branches costs each time that they are left, where they are not those of a possessive group.
const BRANCHING: u64 = 1;
/// Stack words for one pass of a group; generous.
const GROUP_WORDS: u64 = 8;

/// Whether no subject of up to `limit` bytes can exceed a limit.
pub(super) fn is_harmless(tree: &Node, limit: usize) -> bool {
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    let bound = bound(tree, &Lead::ACCEPT, limit);
    bound.count(limit) <= COUNT_LIMIT && bound.stack <= STACK_LIMIT
}

/// How the text after a point goes on.
#[derive(Clone, Copy, Debug)]
struct Lead {
    /// The bytes that the next byte consumed can be.
    set: ByteSet,
    /// Nothing can go wrong any more: the match, look-around or atomic group is complete.
    accept: bool,
    /// Looking on may itself be costly, or is not understood.
    opaque: bool,
    /// Counts that may be spent before a byte is looked at.
    toll: u64,
    /// The next byte is looked at first, by a literal or class: PCRE2 makes a repetition before it possessive if they differ.
    direct: bool,
}

impl Lead {
    const ACCEPT: Lead = Lead { set: ByteSet::EMPTY, accept: true, opaque: false, toll: 0, direct: false };
    const OPAQUE: Lead = Lead { set: ByteSet::ALL, accept: false, opaque: true, toll: 0, direct: false };

    fn or(self, other: Lead) -> Lead {
        Lead {
            set: self.set.union(other.set),
            accept: self.accept || other.accept,
            opaque: self.opaque || other.opaque,
            toll: self.toll.saturating_add(other.toll),
            direct: self.direct && other.direct,
        }
    }

    /// Whether going on after one of `set`, when the next byte is of `set` too, fails at once.
    fn excludes(&self, set: &ByteSet) -> bool {
        !self.accept && !self.opaque && !self.set.intersects(set)
    }
}

/// The most that a piece can cost, entered once, over all the ways through it.
#[derive(Clone, Copy, Debug)]
struct Bound {
    /// How often what follows can be tried.
    ways: u64,
    /// Counts for each byte that the piece consumes or tries to.
    per_byte: u64,
    /// Counts besides.
    flat: u64,
    /// Words on the JIT's stack at one time.
    stack: u64,
    /// The fewest bytes a match of it has.
    length: u64,
}

impl Bound {
    const NOTHING: Bound = Bound { ways: 1, per_byte: 0, flat: 0, stack: 0, length: 0 };

    fn count(&self, limit: u64) -> u64 {
        self.flat.saturating_add(self.per_byte.saturating_mul(limit))
    }

    fn then(self, next: Bound, limit: u64) -> Bound {
        let (per_byte, flat) = if self.ways <= 1 {
            // Two pieces with one way each share the subject's bytes.
            (self.per_byte.max(next.per_byte), self.flat.saturating_add(next.flat))
        } else {
            (self.per_byte, self.flat.saturating_add(self.ways.saturating_mul(next.count(limit))))
        };
        Bound {
            ways: self.ways.saturating_mul(next.ways),
            per_byte,
            flat,
            stack: self.stack.saturating_add(next.stack),
            length: self.length.saturating_add(next.length),
        }
    }

    /// With no claim that what it tries to consume is not looked at again.
    fn unshared(self, limit: u64) -> Bound {
        Bound { flat: self.count(limit), per_byte: 0, ..self }
    }

    /// As a look-around or atomic group: one way, its cost paid.
    fn closed(self) -> Bound {
        Bound { ways: 1, flat: self.flat.saturating_add(1), stack: self.stack.saturating_add(2 * GROUP_WORDS), ..self }
    }
}

fn lead(node: &Node, next: &Lead) -> Lead {
    match node {
        Node::Empty => *next,
        Node::Bytes(set) => Lead { set: *set, accept: false, opaque: false, toll: 0, direct: true },
        Node::Anchor => Lead { accept: false, direct: false, ..*next },
        Node::Concat(items) => items.iter().rev().fold(*next, |next, item| lead(item, &next)),
        Node::Alternate(branches) => lead_of_branches(branches, next),
        // PCRE2 does not always look past a group that can be empty.
        Node::Group(_, body) | Node::Atomic(body) => lead(body, &Lead { direct: false, ..*next }),
        Node::Look(_, _, body) if is_flat(body) => {
            Lead { accept: false, direct: false, toll: next.toll.saturating_add(2), ..*next }
        }
        Node::Look(..) | Node::Reference(_) | Node::Conditional(_) => Lead::OPAQUE,
        Node::Repeat(repeat) => {
            let body = lead(&repeat.body, next);
            // PCRE2 does not look into a repeated group for the next byte, nor past it.
            let of_bytes = matches!(repeat.body, Node::Bytes(_));
            let entered = Lead { toll: body.toll.saturating_add(1), direct: of_bytes, ..body };
            if repeat.min > 0 {
                return entered;
            }
            let either = entered.or(*next);
            Lead { direct: of_bytes && next.direct, ..either }
        }
    }
}

fn lead_of_branches(branches: &[Node], next: &Lead) -> Lead {
    let leads = branches.iter().map(|branch| lead(branch, next));
    leads.reduce(Lead::or).map_or(*next, |lead| Lead { toll: lead.toll.saturating_add(1), ..lead })
}

/// Without repetitions and what can hide them.
fn is_flat(node: &Node) -> bool {
    match node {
        Node::Empty | Node::Bytes(_) | Node::Anchor => true,
        Node::Concat(items) => items.iter().all(is_flat),
        Node::Group(_, body) | Node::Atomic(body) => is_flat(body),
        Node::Alternate(_) | Node::Look(..) | Node::Repeat(_) | Node::Reference(_) | Node::Conditional(_) => false,
    }
}

fn bound(node: &Node, next: &Lead, limit: u64) -> Bound {
    match node {
        Node::Empty | Node::Anchor => Bound::NOTHING,
        Node::Bytes(_) => Bound { length: 1, ..Bound::NOTHING },
        Node::Concat(items) => {
            let mut total = Bound::NOTHING;
            let mut next = *next;
            for item in items.iter().rev() {
                total = bound(item, &next, limit).then(total, limit);
                next = lead(item, &next);
            }
            total
        }
        Node::Alternate(branches) => bound_of_branches(branches, next, limit),
        Node::Group(number, body) => {
            let body = bound(body, next, limit);
            let words = if number.is_some() { GROUP_WORDS } else { GROUP_WORDS / 2 };
            Bound { stack: body.stack.saturating_add(words), ..body }
        }
        // It may end before what it has looked at.
        Node::Atomic(body) => bound(body, &Lead::ACCEPT, limit).unshared(limit).closed(),
        Node::Look(_, _, body) => {
            // What it looks at is consumed again by others.
            let body = bound(body, &Lead::ACCEPT, limit).closed();
            Bound { length: 0, ..body.unshared(limit) }
        }
        Node::Reference(_) => Bound { flat: 1, ..Bound::NOTHING },
        Node::Conditional(parts) => {
            let parts = parts.iter().map(|part| bound(part, &Lead::OPAQUE, limit));
            let either = parts.reduce(either).unwrap_or(Bound::NOTHING).unshared(limit);
            Bound { flat: either.flat.saturating_add(2), stack: either.stack.saturating_add(2 * GROUP_WORDS), ..either }
        }
        Node::Repeat(repeat) => match &repeat.body {
            Node::Bytes(set) => bound_of_bytes(repeat, set, next, limit),
            Node::Empty
            | Node::Anchor
            | Node::Concat(_)
            | Node::Alternate(_)
            | Node::Group(..)
            | Node::Atomic(_)
            | Node::Look(..)
            | Node::Repeat(_)
            | Node::Reference(_)
            | Node::Conditional(_) => bound_of_group(repeat, next, limit),
        },
    }
}

/// Both can be gone through.
fn either(left: Bound, right: Bound) -> Bound {
    Bound {
        ways: left.ways.saturating_add(right.ways),
        per_byte: left.per_byte.saturating_add(right.per_byte),
        flat: left.flat.saturating_add(right.flat),
        stack: left.stack.max(right.stack),
        length: left.length.min(right.length),
    }
}

fn bound_of_branches(branches: &[Node], next: &Lead, limit: u64) -> Bound {
    let mut total: Option<Bound> = None;
    let mut most_ways = 1;
    // The first byte says which branch it is.
    let mut apart = true;
    let mut seen = Lead { set: ByteSet::EMPTY, accept: false, opaque: false, toll: 0, direct: true };
    let next = &Lead { toll: next.toll.saturating_add(BRANCHING), ..*next };
    for branch in branches {
        let one = bound(branch, next, limit);
        let first = lead(branch, next);
        apart &= !first.accept && !first.opaque && seen.excludes(&first.set);
        seen = seen.or(first);
        most_ways = one.ways.max(most_ways);
        total = Some(total.map_or(one, |total| either(total, one)));
    }
    let total = total.unwrap_or(Bound::NOTHING);
    let apart = apart || start_apart(branches);
    let ways = if apart { most_ways } else { total.ways };
    let stack = total.stack.saturating_add(GROUP_WORDS / 2);
    let total = Bound { ways, stack, flat: total.flat.saturating_add(BRANCHING.saturating_mul(ways)), ..total };
    // What one branch has looked at in vain, another may leave to what follows.
    if apart { total } else { total.unshared(limit) }
}

/// Whether at most one branch can match, told from the bytes that each must start with.
fn start_apart(branches: &[Node]) -> bool {
    const MOST_BRANCHES: usize = 24;
    if branches.len() > MOST_BRANCHES {
        return false;
    }
    let starts: Vec<&[Node]> = branches.iter().map(items_of).collect();
    let differ = |left: &[Node], right: &[Node]| {
        left.iter()
            .zip(right)
            .map_while(|(left, right)| {
                let (Node::Bytes(left), Node::Bytes(right)) = (left, right) else { return None };
                Some(left.intersects(right))
            })
            .any(|intersect| !intersect)
    };
    starts.iter().enumerate().all(|(index, left)| starts[index + 1..].iter().all(|right| differ(left, right)))
}

fn items_of(node: &Node) -> &[Node] {
    if let Node::Concat(items) = node { items } else { core::slice::from_ref(node) }
}

/// A repetition of one byte: it leaves two words, however long.
fn bound_of_bytes(repeat: &Repeat, set: &ByteSet, next: &Lead, limit: u64) -> Bound {
    let max = repeat.max.map_or(limit, |max| u64::from(max).min(limit));
    let min = u64::from(repeat.min);
    let spare = max.saturating_sub(min);
    let one = Bound { flat: 2, stack: 4, length: min, ..Bound::NOTHING };
    if spare == 0 || repeat.mode == Mode::Possessive || (next.accept && repeat.mode == Mode::Greedy) {
        return one;
    }
    if next.accept {
        // Lazy, at the end: the shortest will do.
        return one;
    }
    if next.excludes(set) {
        if next.direct && repeat.mode == Mode::Greedy {
            return one;
        }
        let each = next.toll.saturating_add(1);
        if spare < 64 {
            return Bound { flat: (spare + 1).saturating_mul(each).saturating_add(1), ..one };
        }
        return Bound { per_byte: each, flat: each.saturating_add(1), ..one };
    }
    Bound { ways: spare + 1, flat: spare.saturating_add(2), ..one }
}

/// A repetition of anything else.
fn bound_of_group(repeat: &Repeat, next: &Lead, limit: u64) -> Bound {
    let possessive = repeat.mode == Mode::Possessive;
    let again = repeat.max != Some(1);
    // `(…){0,3}` is `(?:…(?:…(?:…)?)?)?` to PCRE2: what leaves the third pass leaves them all, and each counts.
    let nested = again && repeat.max.is_some();
    let leaving = |pass: u64| if nested { pass } else { 1 };
    let passes_at_most = repeat.max.map_or(limit, u64::from).clamp(1, limit.max(1));
    let first = lead(&repeat.body, next);
    let inner = if possessive {
        Lead::ACCEPT
    } else {
        let inner = if again { Lead { accept: false, direct: false, ..first.or(*next) } } else { *next };
        Lead { toll: inner.toll.saturating_add(leaving(passes_at_most)), ..inner }
    };
    let body = bound(&repeat.body, &inner, limit);
    let passes = passes_at_most.min(limit / body.length.max(1)).max(1);
    let length = body.length.saturating_mul(u64::from(repeat.min));
    // What the last pass has looked at in vain is left to what follows.
    let vain = body.per_byte.saturating_mul(limit);
    if possessive {
        // The group itself counts after its last pass only. More ways than the limit may be too many to have been counted.
        let branching = if is_branching(&repeat.body) && body.ways <= COUNT_LIMIT { BRANCHING * body.ways } else { 0 };
        let each = body.count(limit).saturating_sub(branching);
        let flat = passes.saturating_mul(each).saturating_add(leaving(passes));
        return Bound { flat, per_byte: 0, ways: 1, length, ..body }.closed();
    }
    let stack = passes.saturating_mul(body.stack.saturating_add(GROUP_WORDS));
    if body.ways <= 1 {
        let exits = if nested { passes.saturating_mul(passes + 3) / 2 } else { passes + 1 };
        let flat = passes.saturating_mul(body.flat).saturating_add(exits).saturating_add(vain);
        if next.excludes(&first.set) && !first.opaque && !first.accept {
            let flat = flat.saturating_add((passes + 1).saturating_mul(next.toll.saturating_add(1)));
            return Bound { ways: 1, flat, stack, length, ..body };
        }
        return Bound { ways: if next.accept { 1 } else { passes + 1 }, flat, stack, length, ..body };
    }
    // Each way through one pass is followed by all ways through the others.
    let mut ways = 1_u64;
    let mut flat = 1_u64;
    for pass in 1..=passes {
        let exits = body.ways.saturating_add(1).saturating_mul(leaving(pass));
        flat = flat.saturating_add(ways.saturating_mul(body.count(limit).saturating_add(exits)));
        ways = ways.saturating_mul(body.ways);
        if flat > COUNT_LIMIT {
            break;
        }
    }
    Bound { ways: ways.saturating_mul(2), per_byte: 0, flat, stack, length }
}

fn is_branching(node: &Node) -> bool {
    if let Node::Group(_, body) = node { matches!(**body, Node::Alternate(_)) } else { false }
}
