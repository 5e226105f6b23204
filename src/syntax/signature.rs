//! The node tree of a signature file → [`Signature`]. Called by `syntax::parse_signature`; every problem of a file is
//! reported in one run.

use super::ast::{
    Action, Date, Duration, Expression, ExpressionKind, Limit, Mode, Rate, RatePoint, References, Risk, Signature,
};
use super::nodes::{Reader, each};
use super::values::Risk as Severity;
use super::yaml::{Document, Node, NodeKind};
use super::{cases, keys, lets, shapes, terms};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{SourceId, Span, Spanned};

/// Lists that cost time for each of their items, and that no signature has so long.
const MOST_ACTIONS: usize = 64;
const MOST_LIMITS: usize = 64;
const MOST_KEY_PARTS: usize = 64;

/// Reads a signature. `None` when there is no mapping or no id: then nothing can be said about the rest.
pub(super) fn signature(
    reader: &mut Reader<'_, '_>,
    source: SourceId,
    file_name: &str,
    document: Document<'_>,
) -> Option<Signature> {
    let Document { root, comments, alias: _ } = document;
    if let NodeKind::Null = root.kind {
        let span = Span::new(source, 0, 0);
        reader.report.push(Diagnostic::new(
            Code::MissingKey,
            span,
            "the file is empty",
            "a signature was expected here",
        ));
        return None;
    }
    let mut fields = reader.mapping(&root, "a signature")?;
    if let Some(node) = fields.require("edgesig") {
        language_version(reader, node);
    }
    let id = fields.require("id").and_then(|node| self::id(reader, node, file_name));
    let version = fields.get("version").and_then(|node| reader.integer(node, keys::VERSIONS));
    let title = fields.require("title").and_then(|node| reader.text(node, "a title"));
    let description = fields.get("description").and_then(|node| reader.text(node, "text"));
    let risks = Risk::ALL.map(|risk| (risk.name(), risk));
    let severity = fields.require("severity").and_then(|node| reader.word(node, "severity", &risks));
    let mode = fields.get("mode").and_then(|node| reader.term(node, "a mode", terms::mode));
    let owner = fields.get("owner").and_then(|node| reader.text(node, "text"));
    let created = fields.get("created").and_then(|node| date(reader, node));
    let expires = fields.get("expires").and_then(|node| date(reader, node));
    let refs = fields.get("refs").map(|node| references(reader, node)).unwrap_or_default();
    let tags = fields.get("tags").and_then(|node| reader.texts(node, "a list of tags")).unwrap_or_default();
    let targets = fields.get("targets").map(|node| targets(reader, node));
    let lets = fields.get("let").map(|node| lets::lets(reader, node)).unwrap_or_default();
    let when = fields.require("when").map(|node| reader.condition(node, "when"));
    let except = fields.get("except").map(|node| reader.condition(node, "except"));
    let rate = fields.get("rate").and_then(|node| rate(reader, node));
    let then = fields.get("then").map(|node| actions(reader, node)).unwrap_or_default();
    let tests = fields.get("tests").map(|node| cases::tests(reader, node)).unwrap_or_default();
    let notes = fields.get("notes").map(|node| notes(reader, node)).unwrap_or_default();
    fields.finish(reader, &keys::SIGNATURE);

    // What is missing was reported; what stands in for it lets the rest be checked in the same run.
    let start = reader.first_line(root.span);
    let id = id?;
    Some(Signature {
        source,
        span: root.span,
        version: version
            .map_or(Spanned::new(1, start), |version| version.map(|v| u32::try_from(v).unwrap_or(u32::MAX))),
        title: title.unwrap_or(Spanned::new(id.value.clone(), start)),
        id,
        description,
        severity: severity.unwrap_or(Spanned::new(Severity::Medium, start)),
        mode: mode.unwrap_or(Spanned::new(Mode::Monitor, start)),
        owner,
        created,
        expires,
        refs,
        tags,
        targets,
        lets,
        when: when.unwrap_or(Expression { kind: ExpressionKind::Error, span: start }),
        except,
        rate,
        then,
        tests,
        notes,
        comments,
    })
}

/// `edgesig: 1`
pub(super) fn language_version(reader: &mut Reader<'_, '_>, node: &Node<'_>) {
    let Some(version) = reader.integer(node, 1..=u64::MAX) else { return };
    if version.value != 1 {
        let message = format!("language version {} is not known to this edgesig", version.value);
        let diagnostic = Diagnostic::new(Code::UnsupportedVersion, version.span, message, "unknown version");
        reader.report.push(diagnostic.help("this edgesig knows version 1: `edgesig: 1`"));
    }
}

/// `targets: [varnish]`. A misspelled one, or none, would be a signature that is built nowhere.
fn targets(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Vec<Spanned<String>> {
    let known: Vec<(&str, &str)> = keys::TARGETS.names().into_iter().map(|name| (name, name)).collect();
    if let NodeKind::Sequence(items) = &node.kind
        && items.is_empty()
    {
        let message = "the list of targets is empty";
        let diagnostic = Diagnostic::new(Code::InvalidValue, node.span, message, "built nowhere");
        reader
            .report
            .push(diagnostic.help("leave the key out to build it for every target; `mode: draft` is not built"));
    }
    let named = reader.words(node, "target", &known);
    named.into_iter().map(|target| target.map(str::to_owned)).collect()
}

/// Kebab-case: `[a-z0-9]+(-[a-z0-9]+)*`.
pub(super) fn is_kebab_case(text: &str) -> bool {
    let word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    text.split('-').all(word)
}

fn to_kebab_case(text: &str) -> String {
    let mut kebab = String::new();
    for character in text.trim().chars() {
        if character.is_ascii_alphanumeric() {
            kebab.push(character.to_ascii_lowercase());
        } else if !kebab.is_empty() && !kebab.ends_with('-') {
            kebab.push('-');
        }
    }
    kebab.trim_end_matches('-').to_owned()
}

/// What stands in the place of an id in logs when a limit was exceeded, or the generated code failed.
const RESERVED_IDS: [&str; 5] = ["limit-url", "limit-values", "limit-names", "limit-workspace", "limit-error"];

fn id(reader: &mut Reader<'_, '_>, node: &Node<'_>, file_name: &str) -> Option<Spanned<String>> {
    let id = reader.verbatim(node, "an id")?;
    if !is_kebab_case(&id.value) {
        let message = format!("`{}` is no id", terms::shorten(&id.value));
        let diagnostic = Diagnostic::new(Code::InvalidValue, id.span, message, "not kebab-case")
            .help("an id is made of `a` to `z`, `0` to `9` and single `-` between them, such as `log4shell-jndi`");
        let kebab = to_kebab_case(&id.value);
        reader.report.push(match is_kebab_case(&kebab) && kebab.len() <= 64 {
            true => diagnostic.fix(format!("write it as `{kebab}`"), id.span, kebab),
            false => diagnostic,
        });
        return Some(id);
    }
    if id.value.len() > 64 {
        let message = format!("the id is {} bytes long, more than 64", id.value.len());
        reader.report.push(Diagnostic::new(Code::InvalidValue, id.span, message, "too long for a log line"));
        return Some(id);
    }
    if RESERVED_IDS.contains(&id.value.as_str()) {
        let message = format!("`{}` is no id: logs call a limit so", id.value);
        reader.report.push(
            Diagnostic::new(Code::InvalidValue, id.span, message, "the name of a limit")
                .help("take another id; where the log says this, nobody could tell which it is"),
        );
        return Some(id);
    }
    let base = file_name.rsplit('/').next().unwrap_or(file_name);
    // Text from elsewhere (standard input) has no file name to compare with.
    if let Some(stem) = base.strip_suffix(".yaml").or(base.strip_suffix(".yml"))
        && stem != id.value
    {
        let message = format!("the id `{}` is not the file's name `{}`", id.value, terms::shorten(stem));
        let diagnostic = Diagnostic::new(Code::IdFileMismatch, id.span, message, "differs from the file's name")
            .help(format!("rename the file to `{}.yaml`, or change the id", id.value));
        reader.report.push(match is_kebab_case(stem) {
            true => diagnostic.fix("use the file's name", id.span, stem),
            false => diagnostic,
        });
    }
    Some(id)
}

fn date(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Option<Spanned<Date>> {
    let text = reader.verbatim(node, "a date")?;
    let shape = text.value.len() == 10
        && text.value.bytes().enumerate().all(|(i, b)| if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() });
    match day(&text.value).filter(|_| shape) {
        Some(date) => Some(Spanned::new(date, text.span)),
        None => {
            let message = format!("`{}` is no date", terms::shorten(&text.value));
            let why = if shape { "there is no such day" } else { "not a date" };
            let diagnostic = Diagnostic::new(Code::InvalidValue, text.span, message, why);
            reader.report.push(diagnostic.help("a date is written as year, month and day: `2026-11-22`"));
            None
        }
    }
}

/// `2026-11-22`, by the places of its parts.
fn day(text: &str) -> Option<Date> {
    Date::new(text.get(..4)?.parse().ok()?, text.get(5..7)?.parse().ok()?, text.get(8..)?.parse().ok()?).ok()
}

fn references(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> References {
    let mut references = References::default();
    if let NodeKind::Sequence(_) | NodeKind::Scalar(..) = &node.kind {
        let diagnostic = reader.wrong_type(node, "a mapping (`refs`)");
        reader.report.push(match references_by_kind(node) {
            Some(kinds) => diagnostic.fix(format!("references stand by their kind: `{kinds}`"), node.span, kinds),
            None => diagnostic.help(
                "references stand by their kind: `refs: {cve: [CVE-2021-44228], urls: [\"https://www.example.com/\"]}`",
            ),
        });
        return references;
    }
    let Some(mut fields) = reader.mapping(node, "`refs`") else { return references };
    for (key, list) in [
        ("cve", &mut references.cve),
        ("cwe", &mut references.cwe),
        ("attack", &mut references.attack),
        ("owasp", &mut references.owasp),
        ("urls", &mut references.urls),
    ] {
        *list = fields.get(key).and_then(|node| reader.texts(node, "a list of references")).unwrap_or_default();
    }
    fields.finish(reader, &keys::REFERENCES);
    references
}

/// `[CVE-2021-44228, https://…]` → `{cve: [CVE-2021-44228], urls: ["https://…"]}`, where every kind can be told.
fn references_by_kind(node: &Node<'_>) -> Option<String> {
    let items = match &node.kind {
        NodeKind::Sequence(items) => items.as_slice(),
        NodeKind::Null | NodeKind::Scalar(..) | NodeKind::Mapping(_) => std::slice::from_ref(node),
    };
    let (mut cves, mut cwes, mut urls) = (Vec::new(), Vec::new(), Vec::new());
    for item in items {
        let NodeKind::Scalar(text, _) = &item.kind else { return None };
        let upper = text.to_ascii_uppercase();
        if upper.starts_with("CVE-") && is_word(text) {
            cves.push(upper);
        } else if upper.starts_with("CWE-") && is_word(text) {
            cwes.push(upper);
        } else if text.starts_with("http") && text.len() <= 200 && !text.contains(['"', '\\', ' ', '\n']) {
            urls.push(format!("\"{text}\""));
        } else {
            return None;
        }
    }
    let kinds = [("cve", cves), ("cwe", cwes), ("urls", urls)];
    let kinds: Vec<String> = kinds
        .iter()
        .filter(|(_, items)| !items.is_empty())
        .map(|(kind, items)| format!("{kind}: [{}]", items.join(", ")))
        .collect();
    let whole = format!("{{{}}}", kinds.join(", "));
    (whole.len() <= 400 && !kinds.is_empty()).then_some(whole)
}

fn rate(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Option<Rate> {
    if !reader.is_mapping(node, "a mapping (`rate`)", shapes::rate, "rate: {key: [client.ip], limit: 10/60s}") {
        return None;
    }
    let mut fields = reader.mapping(node, "`rate`")?;
    let key = fields.require("key").and_then(|node| {
        let items = reader.sequence(node, "a list of fields")?;
        let items = reader.at_most(items, MOST_KEY_PARTS, "parts of a key", node.span);
        Some(items.iter().map(|item| reader.condition(item, "key")).collect())
    });
    let limits = fields.require("limit").map(|node| match &node.kind {
        NodeKind::Sequence(items) => {
            if items.is_empty() {
                let diagnostic =
                    Diagnostic::new(Code::InvalidValue, node.span, "the list of limits is empty", "no limit");
                reader.report.push(diagnostic.help("a limit is a number per time, such as `10/60s`"));
            }
            let items = reader.at_most(items, MOST_LIMITS, "limits of a rate", node.span);
            each(items, |item| reader.term(item, "a limit", terms::limit))
        }
        NodeKind::Null | NodeKind::Scalar(..) | NodeKind::Mapping(_) => reader
            .term(node, "a limit such as `10/60s`, or a list of them", terms::limit)
            .map(|limit| vec![limit])
            .unwrap_or_default(),
    });
    let cost = fields.get("cost").and_then(|node| reader.integer(node, keys::COSTS));
    let points = [("edge", RatePoint::Edge), ("origin", RatePoint::Origin)];
    let at = fields.get("at").and_then(|node| reader.word(node, "place for a rate", &points));
    let count = fields.get("count").map(|node| reader.condition(node, "count"));
    let penalty = fields.get("penalty").and_then(|node| reader.term(node, "a duration", terms::duration));
    fields.finish(reader, &keys::RATE);
    // Stands in for what could not be read, so that `when: true` is not called wrong too.
    let stand_in = || vec![Spanned::new(Limit { count: 1_000_000, window: Duration(1000) }, node.span)];
    let limits = limits.filter(|limits| !limits.is_empty()).unwrap_or_else(stand_in);
    Some(Rate { span: node.span, key: key.unwrap_or_default(), limits, cost, at, count, penalty })
}

fn actions(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Vec<Spanned<Action>> {
    let NodeKind::Sequence(items) = &node.kind else {
        if let Some(actions) = several(node) {
            let list = format!("[{}]", actions.join(", "));
            let diagnostic = reader.wrong_type(node, "an action or a list of actions");
            reader.report.push(diagnostic.proposal(format!("a list stands in brackets: `{list}`"), node.span, list));
            return Vec::new();
        }
        return action(reader, node, "an action or a list of actions").map(|action| vec![action]).unwrap_or_default();
    };
    if items.is_empty() {
        let diagnostic = Diagnostic::new(Code::InvalidValue, node.span, "the list of actions is empty", "no action");
        reader.report.push(diagnostic.help("`log` records a match and does nothing else"));
    }
    let items = reader.at_most(items, MOST_ACTIONS, "actions", node.span);
    each(items, |item| action(reader, item, "an action"))
}

/// The actions of `block, log`, written as one text.
fn several(node: &Node<'_>) -> Option<Vec<&'static str>> {
    let NodeKind::Scalar(text, _) = &node.kind else { return None };
    terms::several_actions(text)
}

/// One action. `{block: 403}`, as other languages have it, is answered with the call that it stands for.
fn action(reader: &mut Reader<'_, '_>, node: &Node<'_>, expected: &str) -> Option<Spanned<Action>> {
    let NodeKind::Mapping(entries) = &node.kind else {
        if several(node).is_some() {
            let diagnostic = reader.wrong_type(node, expected);
            reader.report.push(diagnostic.help("one item of the list is one action: write each with a `-` of its own"));
            return None;
        }
        return reader.term(node, expected, terms::action);
    };
    let diagnostic = reader.wrong_type(node, expected);
    reader.report.push(match action_of_mapping(entries) {
        Some(call) => diagnostic.proposal(format!("an action is written as a call: `{call}`"), node.span, call),
        None => diagnostic
            .help("an action is a word, with its arguments in brackets: `block(403)`, `tag(\"name\")`, `tarpit(5s)`"),
    });
    None
}

/// `{block: 403}` and `{block: {status: 403}}` → `block(403)`.
fn action_of_mapping(entries: &[(Node<'_>, Node<'_>)]) -> Option<String> {
    let [(Node { kind: NodeKind::Scalar(name, _), .. }, value)] = entries else { return None };
    let value = match &value.kind {
        NodeKind::Mapping(inner) if inner.len() == 1 => &inner.first()?.1,
        NodeKind::Null | NodeKind::Scalar(..) | NodeKind::Sequence(_) | NodeKind::Mapping(_) => value,
    };
    match &value.kind {
        NodeKind::Null => action_call(name, None),
        NodeKind::Scalar(value, _) => action_call(name, Some(value)),
        NodeKind::Sequence(_) | NodeKind::Mapping(_) => None,
    }
}

/// `block` and `403` → `block(403)`.
pub(super) fn action_call(name: &str, value: Option<&str>) -> Option<String> {
    if !terms::ACTIONS.contains(&name) {
        return None;
    }
    match value {
        None => terms::BARE_ACTIONS.contains(&name).then(|| name.to_owned()),
        Some(value) if terms::duration_like(value) => Some(format!("{name}({value})")),
        Some(value) => is_word(value).then(|| format!("{name}(\"{value}\")")),
    }
}

/// Text that needs no escape in quotes.
fn is_word(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

fn notes(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Vec<(Spanned<String>, Spanned<String>)> {
    let expected = "a mapping of texts";
    if !reader.is_mapping(node, expected, shapes::notes, "notes: {false_positives: none known}") {
        return Vec::new();
    }
    let Some(entries) = reader.entries(node, expected) else { return Vec::new() };
    let mut notes = Vec::with_capacity(entries.len());
    for (name, key, value) in entries {
        if let Some(text) = reader.verbatim(value, "text") {
            notes.push((Spanned::new(name.to_owned(), key.span), text));
        }
    }
    notes
}
