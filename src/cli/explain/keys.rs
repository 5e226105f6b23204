//! A key of a signature or of the project file, a mode, an action, a word such as `not`, or a limit as it stands in logs → its text, from the parser's own
//! table of keys.

use super::wrapped;
use crate::syntax::keys::{ACTIONS, PROJECT, SIGNATURE, each};
use std::fmt::Write;

/// Words that are values of a key, which explains them.
const VALUES: &[(&str, &str)] =
    &[("draft", "mode"), ("monitor", "mode"), ("canary", "mode"), ("enforce", "mode"), ("retired", "mode")];

/// How each action is written, and what it does.
const FORMS: &[(&str, &str)] = &[
    ("block", "block, block(404): an answer with this status; default `block.status` of the project"),
    ("log", "log: records the match, nothing else"),
    ("tag", "tag(\"name\"): the origin gets a header with all tags"),
    ("score", "score(5): enforced scores add up; at the project's `score.threshold` the request is blocked"),
    ("allow", "allow, allow(id: \"x\"), allow(tag: \"x\"): skips all after it, or only those (needs `expires`)"),
    ("redirect", "redirect(302, \"https://{req.host}{req.url.raw}\"): 301, 302, 303, 307 or 308"),
    ("strip", "strip(\"x-header\"): the origin does not get these headers"),
    ("throttle", "throttle: 429 with Retry-After; only with a `rate`"),
    ("tarpit", "tarpit(5s): a late answer, where the target has it; Varnish has not"),
];

/// Said of the limits of the language.
const OVER: &str = " Such a request is not inspected: it gets `limits.over` where a signature of the set can act, and else is recorded.";
/// Said of the limits of an engine.
const LOST: &str =
    " Such a request cannot be inspected whole: it is refused where a signature of the set can act, and else recorded.";

/// What stands in logs and verdicts in the place of a signature's id, and what becomes of the request.
const LIMITS: &[(&str, &str, &str)] = &[
    ("limit-url", "The URL is longer than `limits.url` of the project.", OVER),
    (
        "limit-values",
        "An argument or a cookie that a signature reads is there more often than `limits.values` of the project.",
        OVER,
    ),
    (
        "limit-names",
        "A request has more names of arguments than `limits.names` of the project, and a signature reads them.",
        OVER,
    ),
    (
        "limit-workspace",
        "On Varnish: what the signatures copy of the request does not fit into the workspace of varnishd; \
         docs/varnish.md says when.",
        LOST,
    ),
    (
        "limit-error",
        "On Varnish: the generated VCL failed on the request. VCL_Error of the same request in varnishlog says why; \
         docs/varnish.md says which request may do that, and any other is a bug of edgesig.",
        LOST,
    ),
    ("limit-patterns", "On Fastly: a pattern was given up on (EREGRECUR); docs/fastly.md says when.", LOST),
    ("limit-cookies", "On Fastly: the Cookie header was too long, and Fastly removed it.", LOST),
];

/// Words of conditions that are no operators between two values.
const WORDS: &[(&str, &str, &str)] = &[
    (
        "and",
        "Both hold. `and` binds tighter than `or`; write parentheses beside it.",
        "req.method == \"POST\" and req.path starts_with \"/api/\"",
    ),
    (
        "or",
        "One of them holds, or both.",
        "req.path.ext == \"bak\" or (req.path contains \"/old/\" and exists req.args[\"f\"])",
    ),
    (
        "not",
        "The comparison behind it does not hold, which is also so where its value is absent. It takes the whole comparison.",
        "not client.ip in @office",
    ),
    (
        "exists",
        "The value is there, also when it is empty. Every comparison with an absent value is false. Of a list: it has an element.",
        "exists req.headers[\"authorization\"] and req.headers[\"authorization\"] != \"Bearer x\"",
    ),
    (
        "any",
        "Some element of a list does: of arguments, cookies, several headers, `any_form(…)`. False where there is none. It holds \
         one comparison, `not` before it allowed.",
        "any(req.args[\"id\"] matches r\"[^0-9]\")",
    ),
    (
        "all",
        "Every element of a list does; true where there is none. It holds one comparison, `not` before it allowed.",
        "exists req.args[\"role\"] and all(req.args[\"role\"] != \"user\")",
    ),
];

/// The text for a word; nothing where it is none of these.
pub(super) fn explain(word: &str) -> Option<String> {
    if let Some((name, text, then)) = LIMITS.iter().find(|(name, ..)| *name == word) {
        return Some(format!("{name} (limit)\n\n{}\n", wrapped(&format!("{text}{then}"))));
    }
    let name = VALUES.iter().find(|(value, _)| *value == word).map_or(word, |(_, key)| key);
    let is_action = ACTIONS.contains(&word);
    let mut found = Vec::new();
    if let Some((name, text, example)) = WORDS.iter().find(|(name, ..)| *name == word) {
        found.push(format!("{name} (word of conditions)\n\n{}\n\n  Example: {example}\n", wrapped(text)));
    }
    for (file, mapping) in [("a signature", &SIGNATURE), ("edgesig.yaml", &PROJECT)] {
        each(mapping, "", &mut |place, _, key| {
            if key.name == name || place == name || (is_action && place == "then") {
                let mut text = format!("{place} (key of {file})\n\n{}\n", wrapped(key.doc));
                if !key.example.is_empty() {
                    let _ = write!(text, "\n  Example: {}\n", key.example);
                }
                if is_action && place == "then" {
                    let form = FORMS.iter().find(|(action, _)| *action == word).map_or(word, |(_, form)| form);
                    let _ = write!(text, "\n  {form}\n");
                }
                found.push(text);
            }
        });
    }
    (!found.is_empty()).then(|| found.join("\n"))
}

/// Every word that [`explain`] knows.
pub(super) fn names() -> Vec<&'static str> {
    let limits = LIMITS.iter().map(|(name, ..)| *name);
    let values = VALUES.iter().map(|(name, _)| *name).chain(ACTIONS);
    let words = WORDS.iter().map(|(name, ..)| *name);
    let mut names: Vec<&'static str> = values.chain(limits).chain(words).collect();
    for mapping in [&SIGNATURE, &PROJECT] {
        each(mapping, "", &mut |_, _, key| names.push(key.name));
    }
    names
}
