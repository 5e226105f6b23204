//! What targets have of the language besides fields and functions.

use super::Availability::{self, Emulated, Native, No};

/// What each target has of one thing.
#[derive(Clone, Copy, Debug)]
pub struct SupportRow {
    pub name: &'static str,
    pub varnish: Availability,
    pub fastly: Availability,
}

const fn row(name: &'static str, varnish: Availability, fastly: Availability) -> SupportRow {
    SupportRow { name, varnish, fastly }
}

/// Actions, in the language's order.
pub static ACTIONS: &[SupportRow] = &[
    row("block", Native("synth"), Native("error")),
    row("log", Native("std.log"), Native("log")),
    row("tag", Native("req.http"), Native("req.http")),
    row("score", Emulated("var"), Emulated("a local")),
    row("allow", Emulated("var"), Emulated("a local")),
    row("redirect", Native("synth"), Native("error")),
    row("strip", Native("unset"), Native("unset")),
    row("throttle", Native("vsthrottle"), Native("ratecounter")),
    row("tarpit", No("block or throttle"), Native("resp.tarpit")),
];

/// Parts of a rate.
pub static RATES: &[SupportRow] = &[
    row("limit", Native("windows up to 24 h"), Emulated("windows of 1 to 3 s and 10 to 239 s")),
    row("at: edge", Native("vsthrottle"), Native("ratecounter")),
    row("at: origin", Native("vcl_miss, vcl_pass"), Native("vcl_miss, vcl_pass")),
    row("count, of responses", Native("vcl_deliver"), Native("vcl_deliver")),
    row("penalty", Emulated("a bucket of one token"), Native("penaltybox: whole minutes, 2 to 60")),
];
