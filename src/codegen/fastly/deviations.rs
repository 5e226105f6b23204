//! The only places where Fastly's verdict can differ from the evaluator's. The docs print them; a build notes those that a
//! signature touches.

use super::Generator;
use crate::diagnostic::{Code, Diagnostic};

/// What differs, one sentence each.
pub const DEVIATIONS: &[&str] = &[
    "a body of more than 8 KB is absent and `req.body.truncated`, even where `limits.body` is larger",
    "a body with a NUL in it is absent and `req.body.truncated`: Fastly does not show what follows a NUL",
    "a Cookie header of more than 32 KB, which Fastly removes, is over the limits (`limit-cookies`) where a signature reads cookies",
    "facts about a client are Fastly's own; the headers of `facts` are not read",
    "of several instances of a header whose name is not letters, digits, `-` and `_` one is seen",
    "a request on which Fastly gives a pattern up is over the limits (`limit-patterns`): such patterns are refused before, so none is known",
    "behind `trusted_proxies`, `client.asn` and `client.as_name` are looked up with `client.geo.ip_override`, as Fastly's page on geolocation variables has it; no page says it of these two by name",
    "`accept-encoding` is what Fastly makes of it: the best encoding of a few, or nothing",
];

pub(super) const BODY: usize = 0;
pub(super) const NUL_IN_BODY: usize = 1;
pub(super) const COOKIES: usize = 2;
pub(super) const FACTS: usize = 3;
pub(super) const ODD_NAMES: usize = 4;
pub(super) const PATTERNS: usize = 5;
pub(super) const NETWORKS: usize = 6;
pub(super) const ENCODINGS: usize = 7;

/// Notes every deviation that a rule touches.
pub(super) fn note(generator: &mut Generator<'_>) {
    for (number, (span, rule)) in std::mem::take(&mut generator.touched) {
        let text = DEVIATIONS.get(number).copied().unwrap_or_default();
        let message = format!("`{rule}` on Fastly: {text}");
        generator.diagnostics.push(Diagnostic::new(Code::TargetDeviation, span, message, ""));
    }
}
