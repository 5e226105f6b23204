//! A value of the wrong kind → the form that it was meant as: a number where a mapping with one key is due, a list for a
//! mapping by names, an object for a text. Called by `signature`, `project` and `cases`.

use granit_parser::ScalarStyle;

use super::nodes::Reader;
use super::terms::{meant_limit, shorten};
use super::yaml::{Node, NodeKind};

/// Longest text that is proposed.
const LONGEST: usize = 400;

impl Reader<'_, '_> {
    /// Whether a node is a mapping; if it is not, that is reported with the form that was meant, else with an example.
    pub(super) fn is_mapping(
        &mut self,
        node: &Node<'_>,
        expected: &str,
        meant: impl FnOnce(&str, &Node<'_>) -> Option<String>,
        example: &str,
    ) -> bool {
        if matches!(node.kind, NodeKind::Mapping(_)) {
            return true;
        }
        let diagnostic = self.wrong_type(node, expected);
        let meant = meant(self.text, node).filter(|meant| meant.len() <= LONGEST && !meant.contains('\n'));
        self.report.push(match meant {
            Some(meant) => diagnostic.proposal(format!("write `{}`", shorten(&meant)), node.span, meant),
            None => diagnostic.help(format!("for example `{example}`")),
        });
        false
    }
}

/// `10` → `{threshold: 10}`
pub(super) fn under(key: &'static str) -> impl FnOnce(&str, &Node<'_>) -> Option<String> {
    move |text, node| match &node.kind {
        NodeKind::Scalar(_, ScalarStyle::Plain | ScalarStyle::DoubleQuoted) => {
            Some(format!("{{{key}: {}}}", &text[node.span.range()]))
        }
        NodeKind::Null | NodeKind::Scalar(..) | NodeKind::Sequence(_) | NodeKind::Mapping(_) => None,
    }
}

/// `5/1m`, `5/min` → `{key: [client.ip], limit: 5/1m}`
pub(super) fn rate(_: &str, node: &Node<'_>) -> Option<String> {
    let NodeKind::Scalar(limit, _) = &node.kind else { return None };
    Some(format!("{{key: [client.ip], limit: {}}}", meant_limit(limit)?))
}

/// `[generic, java]`, `generic` → `{tags: [generic, java]}`
pub(super) fn tags(text: &str, node: &Node<'_>) -> Option<String> {
    let written = &text[node.span.range()];
    match &node.kind {
        NodeKind::Sequence(_) if written.starts_with('[') => Some(format!("{{tags: {written}}}")),
        NodeKind::Scalar(_, ScalarStyle::Plain) if !written.contains(',') => Some(format!("{{tags: [{written}]}}")),
        NodeKind::Null | NodeKind::Scalar(..) | NodeKind::Sequence(_) | NodeKind::Mapping(_) => None,
    }
}

/// `none known` → `{false_positives: none known}`
pub(super) fn notes(text: &str, node: &Node<'_>) -> Option<String> {
    let NodeKind::Scalar(value, style) = &node.kind else { return None };
    let plain = !value.contains([',', '[', ']', '{', '}', '"', '\\', '\n', ':', '#']);
    let on_its_line = matches!(style, ScalarStyle::Plain | ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted);
    (plain && on_its_line).then(|| format!("{{false_positives: {}}}", &text[node.span.range()]))
}

/// `[192.0.2.0/24]` → `{type: ip, values: [192.0.2.0/24]}`
pub(super) fn list(text: &str, node: &Node<'_>) -> Option<String> {
    let NodeKind::Sequence(items) = &node.kind else { return None };
    let texts: Option<Vec<&str>> = items
        .iter()
        .map(|item| match &item.kind {
            NodeKind::Scalar(value, _) => Some(&**value),
            NodeKind::Null | NodeKind::Sequence(_) | NodeKind::Mapping(_) => None,
        })
        .collect();
    let texts = texts.filter(|texts| !texts.is_empty())?;
    let is_address = |text: &&str| text.parse::<ipnet::IpNet>().is_ok() || text.parse::<std::net::IpAddr>().is_ok();
    let is_number = |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let of = if texts.iter().all(is_address) {
        "ip"
    } else if texts.iter().all(is_number) {
        "int"
    } else {
        "string"
    };
    let written: Vec<&str> = items.iter().map(|item| &text[item.span.range()]).collect();
    Some(format!("{{type: {of}, values: [{}]}}", written.join(", ")))
}

/// `["User-Agent: x"]` → `{User-Agent: "x"}`
pub(super) fn headers(_: &str, node: &Node<'_>) -> Option<String> {
    let items = match &node.kind {
        NodeKind::Sequence(items) => items.as_slice(),
        NodeKind::Null | NodeKind::Scalar(..) | NodeKind::Mapping(_) => std::slice::from_ref(node),
    };
    let headers: Option<Vec<String>> = items
        .iter()
        .map(|item| match &item.kind {
            NodeKind::Scalar(value, _) => header(value),
            // `- User-Agent: x`
            NodeKind::Mapping(entries) => match &entries[..] {
                [(Node { kind: NodeKind::Scalar(name, _), .. }, Node { kind: NodeKind::Scalar(value, _), .. })] => {
                    header(&format!("{name}: {value}"))
                }
                _ => None,
            },
            NodeKind::Null | NodeKind::Sequence(_) => None,
        })
        .collect();
    headers.filter(|headers| !headers.is_empty()).map(|headers| format!("{{{}}}", headers.join(", ")))
}

fn header(line: &str) -> Option<String> {
    let (name, value) = line.split_once(':')?;
    let value = value.trim();
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    let plain = !value.contains(['"', '\\']) && !value.chars().any(char::is_control);
    (is_name && plain).then(|| format!("{name}: \"{value}\""))
}

/// `{"a": 1}` → `'{"a": 1}'`: the text that a body of JSON is.
pub(super) fn text(text: &str, node: &Node<'_>) -> Option<String> {
    let written = &text[node.span.range()];
    let in_brackets = written.starts_with(['{', '[']) && written.ends_with(['}', ']']);
    (in_brackets && written.len() <= LONGEST && !written.contains(['\'', '\n'])).then(|| format!("'{written}'"))
}
