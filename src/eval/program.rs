//! Conditions → one list of steps for all rules: each step asks one comparison and says where to go on with a yes and
//! with a no. What rules have in common is asked at most once per request, and what a [`Screen`] says no to never.
//! [`super::verdict`] runs it; [`super::plan`]'s `Node::holds` is the plain walk that it must agree with.

use super::plan::{Node, Sight, Slot, Test};
use super::screen::{Screen, is_screened};
use crate::ir::{Check, Comparison, Needles, Patterns};
use std::cell::Cell;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The conditions of a plan.
#[derive(Debug, Default)]
pub struct Program<'r> {
    steps: Vec<Step>,
    /// Every distinct comparison. Those that are screened together are next to each other.
    tests: Vec<Test<'r>>,
    groups: Vec<Group>,
    /// Test → its group.
    group_of: Vec<Option<u32>>,
}

/// Requests that are judged without a screen: the tests of a signature are fewer, and one takes longer to make than they do.
const FEW_REQUESTS: u32 = 16;

/// So many tests are compared one by one: most signatures have fewer.
const FEW_TESTS: usize = 16;

/// Tests that are screened together.
#[derive(Debug)]
struct Group {
    tests: Range<usize>,
    /// Made when it is worth it.
    screen: OnceLock<Screen>,
    /// Requests that came to it, up to [`FEW_REQUESTS`].
    asked: AtomicU32,
}

#[derive(Debug)]
struct Step {
    /// Index into `tests`.
    test: u32,
    yes: Goal,
    no: Goal,
}

/// Where a condition starts or goes on: a step, or an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Goal(u32);

const HOLDS: Goal = Goal(u32::MAX);
const FAILS: Goal = Goal(u32::MAX - 1);

/// Makes a [`Program`].
#[derive(Debug, Default)]
pub struct Assembler<'r> {
    program: Program<'r>,
    /// Slot and [`mark`] → indices into `tests`, when there are many.
    known: HashMap<(Slot, &'r [u8]), Vec<u32>>,
}

impl<'r> Assembler<'r> {
    /// Where to start to find out whether `node` holds.
    pub fn add(&mut self, node: Node<'r>) -> Goal {
        self.ask(node, HOLDS, FAILS)
    }

    /// Where to start to find out whether `when` holds and `except` does not.
    pub fn add_rule(&mut self, when: Node<'r>, except: Option<Node<'r>>) -> Goal {
        let selected = except.map_or(HOLDS, |except| self.ask(except, FAILS, HOLDS));
        self.ask(when, selected, FAILS)
    }

    pub fn finish(self) -> Program<'r> {
        let Program { mut steps, tests, .. } = self.program;
        let key = |test: &Test<'_>| (!is_screened(test), test.slot);
        let mut ordered: Vec<(usize, Test<'r>)> = tests.into_iter().enumerate().collect();
        ordered.sort_by_key(|(_, test)| key(test));
        let mut places = vec![0; ordered.len()];
        for (place, (number, _)) in (0..).zip(&ordered) {
            places[*number] = place;
        }
        for step in &mut steps {
            step.test = places[step.test as usize];
        }
        let tests: Vec<Test<'r>> = ordered.into_iter().map(|(_, test)| test).collect();
        let (mut groups, mut group_of) = (Vec::new(), vec![None; tests.len()]);
        let mut start = 0;
        for alike in tests.chunk_by(|one, other| key(one) == key(other)) {
            let range = start..start + alike.len();
            start = range.end;
            if is_screened(&alike[0]) {
                group_of[range.clone()].fill(u32::try_from(groups.len()).ok());
                groups.push(Group { tests: range, screen: OnceLock::new(), asked: AtomicU32::new(0) });
            }
        }
        Program { steps, tests, groups, group_of }
    }

    /// The first step of `node`, when what comes after a yes and after a no is known.
    fn ask(&mut self, node: Node<'r>, yes: Goal, no: Goal) -> Goal {
        match node {
            Node::All(parts) => parts.into_iter().rev().fold(yes, |yes, part| self.ask(part, yes, no)),
            Node::Any(parts) => parts.into_iter().rev().fold(no, |no, part| self.ask(part, yes, no)),
            Node::Not(inner) => self.ask(*inner, no, yes),
            Node::Compare(test) => {
                let test = self.test(test);
                let step = self.program.steps.len();
                self.program.steps.push(Step { test, yes, no });
                // INVARIANT: a project's conditions are far shorter than this.
                Goal(u32::try_from(step).expect("fewer steps than 4 billion"))
            }
        }
    }

    /// The number of a test; of an equal one if there is one.
    fn test(&mut self, test: Test<'r>) -> u32 {
        let tests = &mut self.program.tests;
        let is_same = |other: &Test<'_>| other.slot == test.slot && are_equal(other.source, test.source);
        // INVARIANT: fewer tests than steps.
        let number = tests.len() as u32;
        if tests.len() < FEW_TESTS {
            if let Some(same) = tests.iter().position(is_same) {
                return same as u32;
            }
        } else {
            if self.known.is_empty() {
                for (other, number) in tests.iter().zip(0..) {
                    self.known.entry((other.slot, mark(&other.source.check))).or_default().push(number);
                }
            }
            let alike = self.known.entry((test.slot, mark(&test.source.check))).or_default();
            if let Some(same) = alike.iter().find(|other| is_same(&tests[**other as usize])) {
                return *same;
            }
            alike.push(number);
        }
        tests.push(test);
        number
    }
}

/// Whether two comparisons of the same value are one, wherever they are written.
fn are_equal(one: &Comparison, other: &Comparison) -> bool {
    (one.quantifier, one.negated, &one.check) == (other.quantifier, other.negated, &other.check)
}

/// Tells most checks apart without comparing all with all.
fn mark(check: &Check) -> &[u8] {
    match check {
        Check::Text { needles: Needles::Literals(needles), .. } => needles.first().map_or(b"", |needle| &needle.bytes),
        Check::Matches(Patterns::Literals(patterns)) => patterns.first().map_or(b"", |regex| regex.pattern.as_bytes()),
        Check::Exists
        | Check::IsTrue
        | Check::Text { needles: Needles::List(_), .. }
        | Check::Matches(Patterns::List(_))
        | Check::Integer { .. }
        | Check::IntegerIn(_)
        | Check::Network(_)
        | Check::SameAs(_) => b"",
    }
}

/// What is known of each test for one request.
pub struct Answers(Vec<Cell<Answer>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Unknown,
    /// The screen has not said no.
    Open,
    No,
    Yes,
}

impl<'r> Program<'r> {
    /// Nothing asked yet.
    pub fn answers(&self) -> Answers {
        Answers(vec![Cell::new(Answer::Unknown); self.tests.len()])
    }

    /// Whether the condition that starts at `goal` holds.
    pub fn holds<'v>(&self, goal: Goal, sight: &'v Sight<'v>, answers: &Answers) -> bool {
        let mut at = goal;
        while let Some(step) = self.steps.get(at.0 as usize) {
            let test = step.test as usize;
            let yes = match answers.0[test].get() {
                Answer::No => false,
                Answer::Yes => true,
                Answer::Unknown | Answer::Open => self.ask(test, sight, answers),
            };
            at = if yes { step.yes } else { step.no };
        }
        at == HOLDS
    }

    fn ask<'v>(&self, test: usize, sight: &'v Sight<'v>, answers: &Answers) -> bool {
        if answers.0[test].get() == Answer::Unknown
            && let Some(group) = self.group_of[test]
        {
            self.screen(&self.groups[group as usize], sight, answers);
        }
        let yes = answers.0[test].get() != Answer::No && self.tests[test].holds(sight);
        answers.0[test].set(if yes { Answer::Yes } else { Answer::No });
        yes
    }

    fn screen<'v>(&self, group: &Group, sight: &'v Sight<'v>, answers: &Answers) {
        let tests = &self.tests[group.tests.clone()];
        let answers = &answers.0[group.tests.clone()];
        if group.asked.load(Ordering::Relaxed) < FEW_REQUESTS {
            group.asked.fetch_add(1, Ordering::Relaxed);
            return answers.iter().for_each(|answer| answer.set(Answer::Open));
        }
        answers.iter().for_each(|answer| answer.set(Answer::No));
        let screen = group.screen.get_or_init(|| Screen::new(tests, tests[0].slot));
        screen.each_open(tests.len(), sight, |place| answers[place].set(Answer::Open));
    }
}
