//! How serious each lint is: its own level, what edgesig.yaml says, what the command line says, in this order.

use super::{LINTS, Lint, find};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, Severity, nearest};
use crate::syntax::ast;
use std::collections::BTreeMap;

/// What a lint's finding is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Not looked for.
    Allow,
    /// A warning.
    Warn,
    /// An error.
    Deny,
}

impl Level {
    pub const ALL: [Level; 3] = [Level::Allow, Level::Warn, Level::Deny];

    pub fn name(self) -> &'static str {
        match self {
            Level::Allow => "allow",
            Level::Warn => "warn",
            Level::Deny => "deny",
        }
    }
}

/// The word that stands for every warning, of lints and of the compiler.
pub const WARNINGS: &str = "warnings";

/// The levels of one run.
#[derive(Clone, Debug, Default)]
pub struct Levels {
    set: BTreeMap<&'static str, Level>,
    /// Warnings fail the run.
    pub deny_warnings: bool,
}

impl Levels {
    /// What the project says; what it says wrong is reported.
    pub fn of_project(project: Option<&ast::Project>, diagnostics: &mut Diagnostics) -> Levels {
        let mut levels = Levels::default();
        for (id, word) in project.map(|project| project.lints.as_slice()).unwrap_or_default() {
            let Some(level) = Level::ALL.into_iter().find(|level| level.name() == word.value) else {
                let message = format!("`{}` is no level", shown(&word.value));
                let diagnostic = Diagnostic::new(Code::InvalidConfig, word.span, message, "not a level");
                diagnostics.push(diagnostic.help("a lint's level is `allow`, `warn` or `deny`"));
                continue;
            };
            if let Err(unknown) = levels.set(&id.value, level) {
                let diagnostic = Diagnostic::new(Code::InvalidConfig, id.span, unknown.message, "not a lint");
                diagnostics.push(match unknown.near {
                    Some(near) => diagnostic.fix(format!("did you mean `{near}`?"), id.span, near),
                    None => diagnostic.help("docs/lints.md has them all"),
                });
            }
        }
        levels
    }

    /// Sets the level of a lint, or with `warnings` that of all warnings.
    pub fn set(&mut self, id: &str, level: Level) -> Result<(), UnknownLint> {
        match (id, level) {
            (WARNINGS, Level::Deny) => self.deny_warnings = true,
            (WARNINGS, Level::Warn) => self.deny_warnings = false,
            (WARNINGS, Level::Allow) => {
                let message = "`warnings` can be `warn` or `deny`, not `allow`".to_owned();
                return Err(UnknownLint { message, near: None });
            }
            _ => {
                let lint = find(id).ok_or_else(|| UnknownLint::new(id))?;
                self.set.insert(lint.id, level);
            }
        }
        Ok(())
    }

    /// The severity of a lint's findings; `None` when it is not to run.
    pub fn severity(&self, lint: &Lint) -> Option<Severity> {
        match self.set.get(lint.id).copied().unwrap_or(lint.level) {
            Level::Allow => None,
            Level::Warn => Some(Severity::Warning),
            Level::Deny => Some(Severity::Error),
        }
    }
}

/// An id that no lint has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownLint {
    pub message: String,
    pub near: Option<&'static str>,
}

impl UnknownLint {
    pub fn new(id: &str) -> UnknownLint {
        let message = match Code::from_id(id) {
            Some(_) => format!("`{id}` is a finding of the compiler and has no level"),
            None => format!("there is no lint `{}`", shown(id)),
        };
        let short = id.get(..64).unwrap_or(id);
        UnknownLint { message, near: nearest(short, LINTS.iter().map(|lint| lint.id)) }
    }
}

/// The start of a word, for messages.
fn shown(word: &str) -> &str {
    word.char_indices().nth(60).map_or(word, |(end, _)| &word[..end])
}
