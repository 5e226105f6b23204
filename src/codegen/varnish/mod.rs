//! IR → VCL for Varnish 7.1 and a manifest. How the engine differs from the evaluator, and what is done about it:
//!
//! - **Regular expressions** are PCRE2 with options 0; an exceeded limit is a failed request (503). The engine text of a
//!   `Regex` is printed as it is; the patterns written here use possessive or single-byte repeats only.
//! - **Absent** is NULL: `""` for `~` and `!~`, unequal to everything for `==`. A check that accepts the empty string is
//!   guarded by the value's presence.
//! - **Decoding**: `blob.transcode` fails on a malformed `%` and cuts at `%00`; both are escaped before.
//! - **Headers**: `req.http.X` is the first instance only, so headers that rules read are joined by `std.collect`.
//! - **Scratch state** lies in vmod var: headers can be lost silently, `var` values too when the workspace is full. The
//!   room that copies need is reckoned before they are made (`room`), and a last variable tells that none was lost.
//! - **Lists** (arguments, cookies) have no loop: their elements are taken out one by one, as many as the limits allow,
//!   and every check of the set on that list runs over each element (`visit`).
//! - **Entries**: `vcl_recv` runs again on restarts and for ESI fragments. Everything happens in the first run only.
//!
//! `emit` is called through the `TARGETS` row.

mod acl;
mod answers;
mod body;
mod client;
mod deviations;
mod driver;
mod fields;
mod functions;
mod log;
mod parts;
mod predicate;
mod prepare;
mod prune;
mod rates;
mod response;
mod room;
mod room_url;
mod rules;
mod support;
mod views;
mod visit;

pub use deviations::DEVIATIONS;

use super::manifest;
use super::names::Names;
use super::vcl::{Expression, Statement, print};
use super::{Artifact, Options};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::ir::{Check, Patterns, Rule, Ruleset, Settings};
use crate::source::Span;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Name of the target.
pub(super) const NAME: &str = "varnish";

/// Everything that is collected while the rules are translated. Parts of the file are built from it afterwards.
struct Generator<'r> {
    ruleset: &'r Ruleset,
    settings: &'r Settings,
    names: Names,
    /// Subs that several parts call, by their short name.
    subs: BTreeMap<&'static str, String>,
    vmods: BTreeSet<&'static str>,
    diagnostics: Diagnostics,
    /// Id of the rule that is being translated, for messages.
    rule: &'r str,
    /// Headers that rules read, lower-case: to be joined.
    headers: BTreeSet<String>,
    views: views::Views,
    visits: Vec<visit::Visit>,
    /// Subs that take an element out of a list, by the kind of list and the element's index.
    takes: BTreeMap<(u8, u32), String>,
    acls: acl::Acls,
    tags: BTreeSet<String>,
    /// Headers that enforced rules strip.
    strips: BTreeSet<String>,
    /// A redirect shows `{req.url.raw}`.
    redirects_url: bool,
    canary: bool,
    reads_url: bool,
    reads_body: bool,
    reads_names: bool,
    normalizes: Vec<Expression>,
    /// The method is read by a pattern, a function or the key of a rate: its length counts.
    measures_method: bool,
    uses_trust: bool,
    /// The walk along X-Forwarded-For is made.
    walks: bool,
    /// What is in the keys of rates and what it takes, one entry for each use.
    keyed: Vec<(views::Source, views::Cost)>,
    /// `count` reads the text of response headers, whose lines are joined.
    joins_answers: bool,
    /// The workspace is reckoned with.
    reckons: bool,
}

/// The VCL and the manifest of a set that `ir::select` gave. Nothing but diagnostics when a rule cannot be expressed.
pub fn emit(ruleset: &Ruleset, options: &Options, diagnostics: &mut Diagnostics) -> Vec<Artifact> {
    // Known for each pattern before the rules are gone through one after the other: a tenth of that walk, on all cores.
    ruleset.rules.par_iter().with_min_len(64).for_each(|rule| {
        for predicate in rule.predicates() {
            predicate.each_comparison(&mut |comparison| {
                if let Check::Matches(Patterns::Literals(patterns)) = &comparison.check {
                    patterns.iter().for_each(|pattern| _ = pattern.accepts_empty());
                }
            });
        }
    });
    let mut generator = Generator::new(ruleset);
    let file = driver::file(&mut generator, options);
    let failed = generator.diagnostics.has_errors();
    if !failed {
        deviations::note(&mut generator);
    }
    let vmods: Vec<&'static str> = generator.vmods.iter().copied().collect();
    diagnostics.extend(generator.diagnostics);
    let Some(file) = file.filter(|_| !failed) else { return Vec::new() };
    if options.only_refusals {
        file.items.into_par_iter().for_each(drop);
        return Vec::new();
    }
    let printed = print(&file);
    let version = &ruleset.settings.varnish.version;
    let (manifest, ()) = rayon::join(
        || manifest::manifest(ruleset, NAME, version, &vmods, &printed, &["edgesig.vcl"]),
        // A large set is a large tree: every core takes a part of it apart.
        || file.items.into_par_iter().for_each(drop),
    );
    vec![
        Artifact { path: "edgesig.vcl".to_owned(), content: printed.text },
        Artifact { path: "manifest.json".to_owned(), content: manifest },
    ]
}

impl<'r> Generator<'r> {
    fn new(ruleset: &'r Ruleset) -> Generator<'r> {
        let mut names = Names::new(&ruleset.settings.prefix);
        let mut subs = BTreeMap::new();
        for name in SUBS {
            subs.insert(*name, names.unique(name));
        }
        Generator {
            ruleset,
            settings: &ruleset.settings,
            names,
            subs,
            vmods: BTreeSet::new(),
            diagnostics: Diagnostics::default(),
            rule: "",
            headers: BTreeSet::new(),
            views: views::Views::default(),
            visits: Vec::new(),
            takes: BTreeMap::new(),
            acls: acl::Acls::default(),
            tags: BTreeSet::new(),
            strips: BTreeSet::new(),
            redirects_url: false,
            canary: false,
            reads_url: false,
            reads_body: false,
            reads_names: false,
            normalizes: Vec::new(),
            measures_method: false,
            uses_trust: false,
            walks: false,
            keyed: Vec::new(),
            joins_answers: false,
            reckons: false,
        }
    }

    /// Some emitted rule takes its action for at least some clients.
    fn can_act(&self) -> bool {
        self.ruleset.rules.iter().any(|rule| rule.mode.can_act())
    }

    /// The generated name of a shared sub or object.
    fn sub(&self, short: &'static str) -> String {
        // INVARIANT: only names of `SUBS` are asked for.
        self.subs.get(short).cloned().unwrap_or_default()
    }

    fn call(&self, short: &'static str) -> Statement {
        Statement::Call(self.sub(short))
    }

    /// Name of a variable: `PREFIX:text`.
    fn variable(&self, text: &str) -> String {
        format!("{}:{text}", self.settings.prefix)
    }

    fn get(&self, text: &str) -> Expression {
        Expression::call("var.get", [Expression::text(self.variable(text))])
    }

    fn get_int(&self, text: &str) -> Expression {
        Expression::call("var.get_int", [Expression::text(self.variable(text))])
    }

    fn get_ip(&self, text: &str) -> Expression {
        Expression::call("var.get_ip", [Expression::text(self.variable(text))])
    }

    fn set(&self, text: &str, value: Expression) -> Statement {
        Statement::Do(Expression::call("var.set", [Expression::text(self.variable(text)), value]))
    }

    fn set_int(&self, text: &str, value: Expression) -> Statement {
        Statement::Do(Expression::call("var.set_int", [Expression::text(self.variable(text)), value]))
    }

    fn set_ip(&self, text: &str, value: Expression) -> Statement {
        Statement::Do(Expression::call("var.set_ip", [Expression::text(self.variable(text)), value]))
    }

    /// `text += amount`
    fn add_int(&self, text: &str, amount: Expression) -> Statement {
        self.set_int(text, Expression::Sum(vec![self.get_int(text), amount]))
    }

    /// Notes that a vmod is needed. An error when the project's servers lack it.
    fn need(&mut self, vmod: &'static str, span: Span, feature: &str) {
        if self.vmods.insert(vmod) && !self.settings.varnish.vmods.iter().any(|other| other == vmod) {
            self.unsupported(
                span,
                format!("{feature} needs vmod `{vmod}`, which `targets.varnish.vmods` does not name"),
                format!("needs vmod `{vmod}`"),
                format!("install vmod `{vmod}` on the servers and add it to `targets.varnish.vmods` in edgesig.yaml"),
            );
        }
    }

    /// Reports what Varnish cannot do, and the way out.
    fn unsupported(&mut self, span: Span, message: String, label: impl Into<String>, help: impl Into<String>) {
        self.diagnostics.push(Diagnostic::new(Code::UnsupportedOnTarget, span, message, label).help(help));
    }

    /// A place for findings about the whole set.
    fn any_span(&self) -> Span {
        self.ruleset.rules.first().map_or_else(|| Span::new(crate::source::SourceId(0), 0, 0), |rule| rule.span)
    }
}

/// Short names of the shared subs and objects; claimed before any id gets a name.
const SUBS: &[&str] = &[
    "recv", "client", "hop", "headers", "room", "url", "views", "lists", "body", "matched", "finish", "block",
    "redirect", "throttle", "limit", "allows", "log", "effects", "rates", "synth", "location", "retry", "shard",
    "origin", "deliver", "network", "drop", "score", "lost", "respond", "count", "address", "full",
];

/// `allow` and its like come first: see `Ruleset::rules`.
fn is_rate(rule: &Rule) -> bool {
    rule.rate.is_some()
}
