//! What the commands that read signatures have in common: paths → a checked set, and the selection of a part of it.

use super::console::Console;
use super::failure::{Exit, Failure};
use super::workspace::Workspace;
use crate::codegen::{TARGETS, Target};
use crate::diagnostic::Diagnostics;
use crate::ir::{Date, Mode, Ruleset, Selection};
use crate::syntax::ast;
use clap::{Args, ValueEnum};
use rayon::prelude::*;
use std::ffi::OsStr;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

/// `[PATHS]`
#[derive(Args, Debug)]
pub struct Paths {
    /// Signature files, or folders of them [default: what edgesig.yaml names, else `signatures`]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}

/// Which rules, and in which mode.
#[derive(Args, Debug, Default)]
pub struct SelectionArguments {
    /// The rules and modes of one service (`services:` in edgesig.yaml)
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// Give every rule this mode; drafts and retired ones stay out
    #[arg(long, value_name = "MODE")]
    pub mode: Option<ModeArgument>,
    /// Leave signatures out: `--exclude a --exclude b`, or `--exclude a,b`
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub exclude: Vec<String>,
    /// The day that decides what has expired [default: today, UTC]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_date)]
    pub today: Option<Date>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModeArgument {
    /// Record what would happen
    Monitor,
    /// Take every action
    Enforce,
}

pub fn parse_date(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| "there is no such day, or it is not written as 2026-11-23".to_owned())
}

/// A set of signatures, checked.
pub struct Loaded {
    /// Large, as the next two: taking it apart can wait for the end of the process.
    pub workspace: ManuallyDrop<Workspace>,
    pub ruleset: ManuallyDrop<Ruleset>,
    /// As written.
    pub signatures: ManuallyDrop<Vec<ast::Signature>>,
    /// Sorted.
    pub diagnostics: Diagnostics,
}

impl Loaded {
    /// Reads, parses and checks what `paths` name. No signature at all is a failure.
    pub fn load(paths: &[PathBuf]) -> Result<Loaded, Failure> {
        let mut workspace = Workspace::load(paths)?;
        let mut diagnostics = std::mem::take(&mut workspace.diagnostics);
        if workspace.signatures.is_empty() && !diagnostics.has_errors() {
            return Err(Failure::with_help(
                "no signature was found",
                "signatures are files named ID.yaml; `edgesig init --signature ID` writes one",
            ));
        }
        let signatures = crate::parse_signatures(&workspace.sources, &workspace.signatures, &mut diagnostics);
        let ruleset =
            crate::analyze(&workspace.sources, workspace.project.as_ref(), &signatures, &workspace, &mut diagnostics);
        diagnostics.sort();
        Ok(Loaded {
            workspace: ManuallyDrop::new(workspace),
            ruleset: ManuallyDrop::new(ruleset),
            signatures: ManuallyDrop::new(signatures),
            diagnostics,
        })
    }

    /// The same, after the texts of its sources were changed in memory.
    pub fn analyze_again(mut self) -> Result<Loaded, Failure> {
        let mut diagnostics = Diagnostics::default();
        self.workspace.project =
            crate::parse_project(&self.workspace.sources, self.workspace.project_source, &mut diagnostics);
        let Workspace { sources, project, signatures, .. } = &*self.workspace;
        let signatures = crate::parse_signatures(sources, signatures, &mut diagnostics);
        *self.ruleset = crate::analyze(sources, project.as_ref(), &signatures, &*self.workspace, &mut diagnostics);
        diagnostics.sort();
        self.signatures = ManuallyDrop::new(signatures);
        self.diagnostics = diagnostics;
        Ok(self)
    }

    /// Gives the memory of the syntax trees back, for a command that only needs the typed program.
    pub fn without_trees(mut self) -> Loaded {
        // Large, and made by many threads: many take it apart faster than one.
        std::mem::take(&mut *self.signatures).into_par_iter().with_min_len(64).for_each(drop);
        self
    }

    /// Shows every finding; `Err(exit)` inside when the set has errors and nothing can be done with it.
    pub fn show(&self, console: &mut Console) -> Result<Option<Exit>, Failure> {
        console.diagnostics(&self.workspace.sources, &self.diagnostics)?;
        Ok(self.diagnostics.has_errors().then_some(Exit::Invalid))
    }

    /// The selection that the arguments mean; names that do not exist are failures.
    pub fn selection(&self, arguments: &SelectionArguments, target: Option<&str>) -> Result<Selection, Failure> {
        if let Some(service) = &arguments.service {
            let mut known = self.ruleset.settings.services.iter().map(|service| service.name.as_str());
            if !known.any(|name| name == service) {
                let names = self.ruleset.settings.services.iter().map(|service| service.name.as_str());
                return Err(Failure::unknown("service", service, names));
            }
        }
        for id in &arguments.exclude {
            self.known_signature(id)?;
        }
        Ok(Selection {
            target: target.map(str::to_owned),
            service: arguments.service.clone(),
            mode: arguments.mode.map(|mode| match mode {
                ModeArgument::Monitor => Mode::Monitor,
                ModeArgument::Enforce => Mode::Enforce,
            }),
            exclude: arguments.exclude.clone(),
            today: Some(today(arguments.today)),
        })
    }

    /// The index of the signature with this id.
    pub fn known_signature(&self, id: &str) -> Result<usize, Failure> {
        let place = |id: &str| self.ruleset.rules.iter().position(|rule| rule.id == id);
        place(id).ok_or_else(|| {
            // The file's name, as a shell completes it.
            let stem = Path::new(id).file_stem().and_then(OsStr::to_str).filter(|stem| place(stem).is_some());
            match stem {
                Some(stem) => {
                    Failure::with_help(format!("there is no signature `{id}`"), format!("did you mean `{stem}`?"))
                }
                None => Failure::unknown("signature", id, self.ruleset.rules.iter().map(|rule| rule.id.as_str())),
            }
        })
    }
}

/// The day that was given, else the clock's, in UTC so that every machine agrees.
pub fn today(given: Option<Date>) -> Date {
    given.unwrap_or_else(|| jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date())
}

/// The target of this name.
pub fn target(name: &str) -> Result<&'static Target, Failure> {
    crate::target(name).ok_or_else(|| Failure::unknown("target", name, TARGETS.iter().map(|target| target.name)))
}

/// The target that was named; without a name, or with `all`, every target of the project.
pub fn targets(ruleset: &Ruleset, named: Option<&str>) -> Result<Vec<&'static Target>, Failure> {
    match named {
        None | Some("all") => ruleset.settings.targets.iter().map(|name| target(name)).collect(),
        Some(name) => Ok(vec![target(name)?]),
    }
}
