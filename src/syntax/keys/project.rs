//! The keys of `edgesig.yaml`.

use super::{ANY_NAME, Mapping, Names, Shape, key, required};
use crate::syntax::policy::{ACTIONS, REQUIRABLE};
use crate::syntax::project::LIST_TYPES;
use std::ops::RangeInclusive;

const TEXTS: Shape = Shape::List(&Shape::Verbatim);

/// Of `limits: url`.
pub(in crate::syntax) const URL_LENGTHS: RangeInclusive<u64> = 64..=32_768;
/// Of `limits: values`.
pub(in crate::syntax) const VALUE_COUNTS: RangeInclusive<u64> = 1..=1_000;
/// Of `limits: names`.
pub(in crate::syntax) const NAME_COUNTS: RangeInclusive<u64> = 1..=10_000;
/// Of `limits: body`.
pub(in crate::syntax) const BODY_LENGTHS: RangeInclusive<u64> = 1..=1_048_576;
/// Of `block: status`.
pub(in crate::syntax) const BLOCK_STATUSES: RangeInclusive<u64> = 400..=599;
/// Of `score: threshold`.
pub(in crate::syntax) const THRESHOLDS: RangeInclusive<u64> = 1..=1_000_000;

/// The project file.
pub static PROJECT: Mapping = Mapping {
    keys: &[
        key("edgesig", Shape::Version, "The version of the signature language.", "1"),
        key("signatures", TEXTS, "Folders and files of signatures. Default: signatures.", "[signatures]"),
        key("targets", Shape::Mapping(&TARGETS), "What is built. Default: varnish.", "{varnish: {version: \"7.1\"}}"),
        key(
            "trusted_proxies",
            Shape::Text,
            "The list of addresses whose X-Forwarded-For and facts are believed. Default: none, client.ip is the TCP \
             peer.",
            "our_lb",
        ),
        key(
            "facts",
            Shape::Free(Names::Fields, &Shape::Text),
            "Headers, set by a trusted terminator, that hold what Varnish does not know. Field to header.",
            "{client.country: x-country}",
        ),
        key(
            "lists",
            Shape::Free(Names::Pattern(ANY_NAME), &Shape::Mapping(&LIST)),
            "Lists that conditions name with `@`.",
            "{our_lb: {type: ip, values: [10.0.0.0/8]}}",
        ),
        key("limits", Shape::Mapping(&LIMITS), "Where inspection ends, and what is done then.", ""),
        key("block", Shape::Mapping(&BLOCK), "The answer of `block`.", "{status: 403, body: json}"),
        key("score", Shape::Mapping(&SCORE), "What the points of `score` add up to.", "{threshold: 10}"),
        key(
            "prefix",
            Shape::Pattern("^[a-z][a-z0-9_]{0,15}$"),
            "Starts every generated identifier and header. Default: edgesig.",
            "edgesig",
        ),
        key(
            "services",
            Shape::Free(Names::Pattern(ANY_NAME), &Shape::Mapping(&SERVICE)),
            "Many sites from one set: `build --service NAME`.",
            "",
        ),
        key(
            "lints",
            Shape::Free(Names::Lints, &Shape::Word(|| vec!["allow", "warn", "deny"])),
            "Levels of lints; `warnings` stands for every warning.",
            "{short-literal: allow, warnings: deny}",
        ),
        key(
            "policy",
            Shape::Mapping(&POLICY),
            "What `check` demands of every signature.",
            "{require: [owner, refs], lifetime: {patch: 180d}}",
        ),
    ],
    forms: &[],
};

/// `targets`
pub(in crate::syntax) static TARGETS: Mapping = Mapping {
    keys: &[
        key("varnish", Shape::Optional(&Shape::Mapping(&VARNISH)), "Varnish 7.1 and later.", "{version: \"7.1\"}"),
        key("fastly", Shape::Optional(&Shape::Mapping(&FASTLY)), "Fastly's VCL services.", "{}"),
    ],
    forms: &[],
};

/// `targets: [varnish]` of a signature: keys of the one above.
pub(in crate::syntax) const TARGET_NAMES: Shape = Shape::List(&Shape::Word(|| TARGETS.names()));

/// `targets: varnish`
pub(in crate::syntax) static VARNISH: Mapping = Mapping {
    keys: &[
        key("version", Shape::Verbatim, "The version that is run, in quotes.", "\"7.1\""),
        key("vmods", TEXTS, "The modules that are installed.", "[std, header, vsthrottle]"),
    ],
    forms: &[],
};

/// `targets: fastly`
pub(in crate::syntax) static FASTLY: Mapping =
    Mapping { keys: &[key("log_endpoint", Shape::Text, "Name of the logging endpoint.", "edgesig")], forms: &[] };

/// An entry of `lists`
pub(in crate::syntax) static LIST: Mapping = Mapping {
    keys: &[
        required(
            "type",
            Shape::Word(|| LIST_TYPES.iter().map(|(name, _)| *name).collect()),
            "What its values are; `i-string` ignores case.",
            "ip",
        ),
        key("values", TEXTS, "The values.", "[10.0.0.0/8]"),
        key("file", Shape::Text, "A file with one value a line; `#` starts a comment.", "lists/scanners.txt"),
        key("edge", Shape::Text, "The list lives at the edge under this name, and changes without a build.", "denied"),
        key("sample", TEXTS, "Stands for a list at the edge in the evaluator and in tests.", "[192.0.2.0/24]"),
    ],
    forms: &[],
};

/// `limits`
pub(in crate::syntax) static LIMITS: Mapping = Mapping {
    keys: &[
        key("url", Shape::Integer(URL_LENGTHS), "Longest URL, in bytes. Default: 4096.", "4096"),
        key("values", Shape::Integer(VALUE_COUNTS), "Most arguments or cookies of one name. Default: 8.", "8"),
        key("names", Shape::Integer(NAME_COUNTS), "Most names of arguments. Default: 32.", "32"),
        key("body", Shape::Integer(BODY_LENGTHS), "Longest body, in bytes. Default: 65536.", "65536"),
        key("over", Shape::Action, "What happens to a request over a limit.", "block(414)"),
    ],
    forms: &[],
};

/// `block`
pub(in crate::syntax) static BLOCK: Mapping = Mapping {
    keys: &[
        key("status", Shape::Integer(BLOCK_STATUSES), "Default: 403.", "403"),
        key("body", Shape::Text, "One of json, html and text, or a file.", "json"),
    ],
    forms: &[],
};

/// `score`
pub(in crate::syntax) static SCORE: Mapping = Mapping {
    keys: &[required("threshold", Shape::Integer(THRESHOLDS), "From this sum on a request is blocked.", "10")],
    forms: &[],
};

/// An entry of `services`
pub(in crate::syntax) static SERVICE: Mapping = Mapping {
    keys: &[
        key("select", Shape::Mapping(&SELECT), "The signatures that it has. Default: all.", "{tags: [java]}"),
        key(
            "modes",
            Shape::Free(Names::Pattern(super::KEBAB_CASE), &Shape::Mode),
            "Other modes, by id.",
            "{log4shell-jndi: enforce}",
        ),
        key(
            "except",
            Shape::Free(Names::Pattern(super::KEBAB_CASE), &Shape::Expression),
            "Further exceptions, by id.",
            "{sqli-basic: 'req.path starts_with \"/cms/\"'}",
        ),
    ],
    forms: &[],
};

/// `select`
pub(in crate::syntax) static SELECT: Mapping = Mapping {
    keys: &[
        key("tags", TEXTS, "Signatures with any of these tags.", "[generic, java]"),
        key("ids", TEXTS, "Signatures with these ids.", "[log4shell-jndi]"),
    ],
    forms: &[],
};

const ACTION_WORDS: Shape = Shape::List(&Shape::Word(|| ACTIONS.to_vec()));

/// `policy`
pub(in crate::syntax) static POLICY: Mapping = Mapping {
    keys: &[
        key(
            "require",
            Shape::List(&Shape::Word(|| REQUIRABLE.iter().map(|(name, _)| *name).collect())),
            "Keys that every signature must have.",
            "[owner, refs]",
        ),
        key("tags", TEXTS, "Every signature has at least one of these tags.", "[generic, java]"),
        key("lifetime", Shape::Mapping(&LIFETIME), "Longest time from `created` to `expires`.", "{patch: 180d}"),
        key(
            "longest_suppression",
            Shape::Duration,
            "How long, counted from today, a comment may excuse the findings of a lint.",
            "90d",
        ),
        key("actions", Shape::Mapping(&POLICY_ACTIONS), "The actions that a mode may have. Default: all.", ""),
    ],
    forms: &[],
};

/// `policy: lifetime`
pub(in crate::syntax) static LIFETIME: Mapping = Mapping {
    keys: &[
        key("patch", Shape::Duration, "Of a virtual patch: a signature with a CVE.", "180d"),
        key("any", Shape::Duration, "Of every signature.", "730d"),
    ],
    forms: &[],
};

/// `policy: actions`
pub(in crate::syntax) static POLICY_ACTIONS: Mapping = Mapping {
    keys: &[
        key("monitor", ACTION_WORDS, "Of signatures that only record.", "[log, block]"),
        key("canary", ACTION_WORDS, "Of signatures that act on a part of the requests.", "[log, block]"),
        key("enforce", ACTION_WORDS, "Of signatures that act.", "[log, block, throttle]"),
    ],
    forms: &[],
};
