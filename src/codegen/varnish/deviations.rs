//! Where varnishd's verdict can differ from the evaluator's, beside the errors of rates. The table is printed by the docs and
//! noted by `build` when a signature touches a row.

use super::Generator;
use crate::catalog::Field;
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{Action, Rule};
use std::collections::{BTreeMap, BTreeSet};

/// The rows, as the docs print them.
pub static DEVIATIONS: &[&str] = &[
    "`limit-workspace`: a request whose copies (joined headers, decoded URL, function values) would not fit `workspace_client` beside a request of `http_req_size`, or with more than 8,192 bytes in the joined lines of a header or in its method, is refused with 431 when a signature can act, and else recorded uninspected. The evaluator has no workspace.",
    "`Expect: 100-continue` is taken off by varnishd before the signatures see it.",
    "Tags and strips act on the request, not on the ESI fragments of its answer.",
    "A request that fills all `http_max_hdr` header lines leaves none for its tags, and one with more than some sixty different tags no room: it is refused with 431 as `limit-workspace`, and does not reach the origin untagged.",
    "`at: origin` counts misses and passes; a piped request is neither.",
    "`count` over `resp.status` sees what varnishd delivers: a cached answer counts too, and a synthetic one of the service with the status that it was made with.",
    "A response-counted rate counts when the delivery begins: requests that are in flight together are judged before they count.",
    "`count` over `resp.headers` takes a header whose lines have more than 8,192 bytes together for absent, and reads the Date and the Content-Length that varnishd writes where the origin sent none.",
    "Over HTTP/2, blanks at the end of a line of Cookie or X-Forwarded-For stay in front of the `; ` or `, ` by which varnishd itself joins the next line: the text of the whole header has them, the single cookies and addresses have not.",
];

const WORKSPACE: usize = 0;
const EXPECT: usize = 1;
const ESI: usize = 2;
const SLOTS: usize = 3;
const PIPE: usize = 4;
const SYNTHETIC: usize = 5;
const IN_FLIGHT: usize = 6;
const LONG_ANSWER: usize = 7;
const LINES: usize = 8;

/// As many ids as a note lists.
const MOST_IDS: usize = 6;

/// Notes the rows that signatures touch: one note for each row, with the signatures that touch it.
pub fn note(generator: &mut Generator<'_>) {
    let mut touched: BTreeMap<usize, Vec<&Rule>> = BTreeMap::new();
    for rule in &generator.ruleset.rules {
        for row in rows(rule) {
            touched.entry(row).or_default().push(rule);
        }
    }
    if !generator.reckons && generator.headers.is_empty() && !generator.measures_method {
        touched.remove(&WORKSPACE);
    }
    for (row, rules) in touched {
        let Some(first) = rules.first() else { continue };
        // The first row is about the set as a whole.
        let who = if row == WORKSPACE {
            "this set".to_owned()
        } else {
            let mut who =
                rules.iter().take(MOST_IDS).map(|rule| format!("`{}`", rule.id)).collect::<Vec<_>>().join(", ");
            if rules.len() > MOST_IDS {
                who.push_str(&format!(" and {} more", rules.len() - MOST_IDS));
            }
            who
        };
        generator.diagnostics.push(Diagnostic::new(
            Code::TargetDeviation,
            first.span,
            format!("varnish can differ for {who}: {}", DEVIATIONS[row].trim_end_matches('.')),
            "touches a deviation",
        ));
    }
}

fn rows(rule: &Rule) -> Vec<usize> {
    let mut rows = vec![WORKSPACE];
    let names = |names: &[&[u8]]| {
        rule.fields().iter().any(|reference| {
            reference.field == Field::Headers && reference.keys.iter().any(|key| names.contains(&key.as_slice()))
        })
    };
    if names(&[b"expect"]) {
        rows.push(EXPECT);
    }
    if names(&[b"cookie", b"x-forwarded-for"]) {
        rows.push(LINES);
    }
    for action in &rule.actions {
        match action {
            Action::Tag(_) => rows.extend([ESI, SLOTS]),
            Action::Strip(_) => rows.push(ESI),
            Action::Block(_)
            | Action::Log
            | Action::Score(_)
            | Action::Allow(_)
            | Action::Redirect { .. }
            | Action::Throttle
            | Action::Tarpit(_) => {}
        }
    }
    if let Some(rate) = &rule.rate {
        if rate.at == crate::ir::RatePoint::Origin {
            rows.push(PIPE);
        }
        if rate.count.is_some() && rate.count_phase == crate::catalog::Phase::Response {
            rows.extend([SYNTHETIC, IN_FLIGHT]);
            if rule.fields().iter().any(|reference| reference.field == Field::RespHeaders) {
                rows.push(LONG_ANSWER);
            }
        }
    }
    let mut seen = BTreeSet::new();
    rows.retain(|row| seen.insert(*row));
    rows
}
