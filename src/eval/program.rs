//! Conditions → one list of steps for all rules: each step asks one comparison and says where to go on with a yes and
//! with a no. What rules have in common is asked at most once per request. [`super::verdict`] runs it;
//! [`super::plan`]'s `Node::holds` is the plain walk that it must agree with.

use super::plan::{Node, Sight, Test};
use crate::ir::{Check, Comparison, Needles, Patterns, Value};
use std::cell::Cell;
use std::collections::HashMap;

/// The conditions of a plan.
#[derive(Debug, Default)]
pub struct Program<'r> {
    steps: Vec<Step>,
    /// Every distinct comparison.
    tests: Vec<Test<'r>>,
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
    /// Value and [`mark`] → indices into `tests`.
    known: HashMap<(&'r Value, &'r [u8]), Vec<u32>>,
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
        self.program
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
        let alike = self.known.entry((&test.source.value, mark(&test.source.check))).or_default();
        if let Some(same) = alike.iter().find(|other| are_equal(tests[**other as usize].source, test.source)) {
            return *same;
        }
        // INVARIANT: fewer tests than steps.
        let number = tests.len() as u32;
        alike.push(number);
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

/// What one request has been asked already.
pub struct Answers(Vec<Cell<Option<bool>>>);

impl<'r> Program<'r> {
    /// Nothing asked yet.
    pub fn answers(&self) -> Answers {
        Answers(vec![Cell::new(None); self.tests.len()])
    }

    /// Whether the condition that starts at `goal` holds.
    pub fn holds<'v>(&self, goal: Goal, sight: &'v Sight<'v>, answers: &Answers) -> bool {
        let mut at = goal;
        while let Some(step) = self.steps.get(at.0 as usize) {
            let known = &answers.0[step.test as usize];
            let yes = known.get().unwrap_or_else(|| {
                let yes = self.tests[step.test as usize].holds(sight);
                known.set(Some(yes));
                yes
            });
            at = if yes { step.yes } else { step.no };
        }
        at == HOLDS
    }
}
