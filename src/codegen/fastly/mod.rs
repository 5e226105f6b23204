//! IR → VCL for Fastly: one `init` snippet (or a file to include) and a line for each of six subroutines. How the
//! engine differs from the evaluator, and what is done about it:
//!
//! - **Regular expressions** are PCRE2 in byte mode with literal patterns. The engine text of a `Regex` is printed as it
//!   is, its `%` as `%25`: in a string `%XX` is the only escape and a backslash is none.
//! - **Absent** is "not set", which is unequal to everything, does not match, and may print as `(null)`: a value that can
//!   be absent has its presence beside it, and nothing absent is ever concatenated.
//! - **Decoding**: `urldecode` stops at `%00`, what it does with a malformed `%` or a `+` is not said. All three are
//!   escaped before, so that nothing but well-formed escapes is left to it.
//! - **Headers**: `req.http.X` is one instance only; those that rules read are joined by `std.collect`.
//! - **Lists** (arguments, cookies) have no loop: their elements are taken out one by one, as many as the limits allow,
//!   and every check of the set on that list runs over each (`lists`).
//! - **Entries**: `vcl_recv` runs on shields, after restarts and for ESI fragments too. Everything happens on the node that
//!   the client talks to, in the first run.
//! - **One exit**: matches are kept in locals; headers are written once at the end, and there is one `error`. Its status is
//!   of 600–699, the only ones that are free.
//! - **Scopes**: TLS facts cannot be read in `vcl_error`, so everything is decided in `vcl_recv`.
//!
//! `emit` is called through the `TARGETS` row.

mod answers;
mod artifacts;
mod carriers;
mod client;
mod deviations;
mod fields;
mod functions;
mod limits;
mod lists;
mod origin;
mod over;
mod place;
mod predicate;
mod rate_forms;
mod rate_key;
mod rates;
mod recv;
#[cfg(test)]
mod tests;

pub use deviations::DEVIATIONS;

use super::names::Names;
use super::vcl::{Expression, Statement};
use super::{Artifact, Options};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::ir::{Ruleset, Settings};
use crate::source::Span;
use place::{Place, Scope};
use std::collections::{BTreeMap, BTreeSet};

/// Name of the target.
pub const NAME: &str = "fastly";
/// The `error` statuses that are ours until `vcl_error` has answered; 600–699 belong to nobody else.
const ERROR_STATUS: u16 = 640;
/// Bytes of a body that Fastly shows.
const BODY_LIMIT: u32 = 8192;

/// Everything that is collected while the rules are translated. The file is put together from it afterwards.
struct Generator<'r> {
    ruleset: &'r Ruleset,
    settings: &'r Settings,
    names: Names,
    diagnostics: Diagnostics,
    /// Id of the rule that is being translated, for messages.
    rule: &'r str,
    /// Of the main sub, in order of their first use.
    locals: Vec<(String, &'static str)>,
    /// Request headers that rules read, lower-case: to be joined.
    headers: BTreeSet<String>,
    /// Those whose names VCL's grammar lacks; each is in a local.
    odd_headers: Vec<String>,
    /// What the rules compute of the request, before the first of them.
    prelude: Place,
    views: BTreeSet<&'static str>,
    visits: Vec<lists::Visit>,
    acls: Vec<Acl>,
    tables: Vec<Table>,
    /// Edge lists that are referred to: name and whether it is an ACL.
    edge: BTreeMap<String, bool>,
    stores: Vec<(&'static str, String)>,
    tags: BTreeSet<String>,
    strips: BTreeSet<String>,
    /// Limits on the URL that rules are under: conditions that say it is over.
    climbs: Vec<(crate::ir::Value, Expression)>,
    /// Deviations that rules touch, by number, with the first rule.
    touched: BTreeMap<usize, (Span, &'r str)>,
    /// Statements of `vcl_deliver`: rates that count responses.
    deliver: Vec<Statement>,
    response_headers: BTreeSet<String>,
    /// Statements of `vcl_miss` and `vcl_pass`: rates that count there.
    origin: Vec<Statement>,
    deliver_scope: Scope,
    origin_scope: Scope,
    /// Further internal headers.
    extra_headers: Vec<String>,
}

struct Acl {
    name: String,
    comment: String,
    networks: Vec<ipnet::IpNet>,
}

struct Table {
    name: String,
    comment: String,
    keys: Vec<String>,
}

/// The VCL of a set that `ir::select` gave. Nothing but diagnostics when a rule cannot be expressed.
pub fn emit(ruleset: &Ruleset, options: &Options, diagnostics: &mut Diagnostics) -> Vec<Artifact> {
    let mut generator = Generator::new(ruleset);
    let main = recv::main(&mut generator);
    deviations::note(&mut generator);
    let failed = generator.diagnostics.has_errors();
    diagnostics.extend(std::mem::take(&mut generator.diagnostics));
    if failed {
        return Vec::new();
    }
    artifacts::artifacts(generator, main, options, diagnostics)
}

impl<'r> Generator<'r> {
    fn new(ruleset: &'r Ruleset) -> Generator<'r> {
        let mut names = Names::new(&ruleset.settings.prefix);
        for sub in SUBS {
            names.unique(sub);
        }
        Generator {
            ruleset,
            settings: &ruleset.settings,
            names,
            diagnostics: Diagnostics::default(),
            rule: "",
            locals: Vec::new(),
            headers: BTreeSet::new(),
            odd_headers: Vec::new(),
            prelude: Place::default(),
            views: BTreeSet::new(),
            visits: Vec::new(),
            acls: Vec::new(),
            tables: Vec::new(),
            edge: BTreeMap::new(),
            stores: Vec::new(),
            tags: BTreeSet::new(),
            strips: BTreeSet::new(),
            climbs: Vec::new(),
            touched: BTreeMap::new(),
            deliver: Vec::new(),
            response_headers: BTreeSet::new(),
            origin: Vec::new(),
            deliver_scope: Scope::default(),
            origin_scope: Scope::default(),
            extra_headers: Vec::new(),
        }
    }

    /// Some emitted rule takes its action for at least some clients.
    fn can_act(&self) -> bool {
        self.ruleset.rules.iter().any(|rule| rule.mode.can_act())
    }

    /// `PREFIX_short`, one of [`SUBS`].
    fn sub(&self, short: &str) -> String {
        format!("{}_{short}", self.settings.prefix)
    }

    /// A local of the main sub; declared when it is first asked for.
    fn local(&mut self, name: &str, kind: &'static str) -> Expression {
        let name = format!("var.{name}");
        if !self.locals.iter().any(|(other, _)| *other == name) {
            self.locals.push((name.clone(), kind));
        }
        Expression::name(name)
    }

    /// A local that nothing else has.
    fn fresh(&mut self, stem: &str, kind: &'static str) -> Expression {
        let count = self.locals.iter().filter(|(name, _)| name.starts_with(&format!("var.{stem}"))).count();
        self.local(&format!("{stem}{}", count + 1), kind)
    }

    /// The internal request header `X-Prefix-Text`. `text` is in lower case.
    fn header_name(&self, text: &str) -> String {
        format!("x-{}-{text}", self.settings.prefix.replace('_', "-"))
    }

    fn header(&self, text: &str) -> Expression {
        Expression::Header("req", self.header_name(text))
    }

    /// Notes that the rule at hand touches a row of [`DEVIATIONS`].
    fn touch(&mut self, number: usize, span: Span) {
        let rule = self.rule;
        self.touched.entry(number).or_insert((span, rule));
    }

    /// Reports what Fastly cannot do, and the way out.
    fn unsupported(&mut self, span: Span, message: String, label: impl Into<String>, help: impl Into<String>) {
        self.diagnostics.push(Diagnostic::new(Code::UnsupportedOnTarget, span, message, label).help(help));
    }
}

/// Short names of the subs; claimed before any id gets a name.
const SUBS: &[&str] = &["recv", "clean", "deliver", "error", "log"];

/// `set TARGET = VALUE;`
fn set(target: &Expression, value: Expression) -> Statement {
    Statement::Set(target.clone(), value)
}
