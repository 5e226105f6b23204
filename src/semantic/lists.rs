//! `lists:` of the project → typed, sorted lists without duplicates. The driver calls it before any condition is
//! checked.

use super::Files;
use super::patterns::{ListSpans, pattern_error};
use crate::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::ir::{List, ListIndex, ListValues, Text};
use crate::regex::Regex;
use crate::source::{SourceId, Span, Spanned};
use crate::syntax::ast::{ListDeclaration, ListType};
use ipnet::IpNet;
use std::net::IpAddr;
use std::sync::Arc;

/// Wrong entries that are reported of one list; the rest is counted.
const MAX_REPORTED: usize = 20;
/// Entries that one list may have.
const MAX_ENTRIES: usize = 1_000_000;

/// Reads every list. They come back sorted by name, those with errors too (with the entries that could be read).
pub(super) fn lists(
    declarations: &[ListDeclaration],
    source: SourceId,
    files: &dyn Files,
    diagnostics: &mut Diagnostics,
) -> (Vec<List>, ListSpans) {
    let mut sorted: Vec<&ListDeclaration> = declarations.iter().collect();
    sorted.sort_by(|a, b| a.name.value.cmp(&b.name.value));
    let mut spans = ListSpans::new();
    let mut lists = Vec::with_capacity(sorted.len());
    for declaration in sorted {
        let mut reader = Reader {
            declaration,
            index: ListIndex(lists.len()),
            spans: &mut spans,
            wrong: 0,
            noted: false,
            diagnostics,
        };
        let list = reader.list(source, files);
        lists.push(list);
    }
    (lists, spans)
}

/// One entry as written.
struct Entry<'e> {
    text: &'e [u8],
    /// Of the entry, or of the `file:` that holds it where that is no source.
    span: Span,
    place: EntryPlace,
}

/// Where an entry stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum EntryPlace {
    /// In the project file.
    Project,
    /// In a file whose lines can be shown.
    File,
    /// On this line of a file that cannot be shown.
    Line(usize),
}

struct Reader<'r> {
    declaration: &'r ListDeclaration,
    index: ListIndex,
    spans: &'r mut ListSpans,
    wrong: usize,
    /// An entry with a comment or quotes was found: one shows what is the matter with the others.
    noted: bool,
    diagnostics: &'r mut Diagnostics,
}

impl Reader<'_> {
    fn list(&mut self, source: SourceId, files: &dyn Files) -> List {
        let declaration = self.declaration;
        self.check_name(&declaration.name);
        self.check_parts();
        let values = if let Some(file) = &declaration.file {
            match files.read(source, &file.value) {
                Ok(content) => self.file(&content, file, files.source(source, &file.value)),
                Err(error) => {
                    let message = format!("the list file `{}` cannot be read: {error}", file.value);
                    self.diagnostics.push(
                        Diagnostic::new(Code::InvalidList, file.span, message, "this file")
                            .help("the path is relative to the folder of edgesig.yaml"),
                    );
                    self.values(std::iter::empty())
                }
            }
        } else {
            let values = declaration.values.as_ref().or(declaration.sample.as_ref());
            let entries = values.into_iter().flatten();
            if values.is_some_and(|values| values.is_empty()) && declaration.edge.is_none() {
                self.diagnostics.push(empty_list(&declaration.name, declaration.name.span));
            }
            self.values(entries.map(|entry| Entry {
                text: entry.value.as_bytes(),
                span: entry.span,
                place: EntryPlace::Project,
            }))
        };
        List {
            name: declaration.name.value.clone(),
            span: declaration.name.span,
            values,
            edge: declaration.edge.as_ref().map(|edge| edge.value.clone()),
        }
    }

    fn check_name(&mut self, name: &Spanned<String>) {
        if !is_identifier(&name.value.replace('-', "_")) {
            let message = format!("`{}` cannot be the name of a list", name.value);
            self.diagnostics.push(
                Diagnostic::new(Code::InvalidList, name.span, message, "`@name` could not say this")
                    .help("a name is a letter or `_`, then letters, digits, `_` and `-`"),
            );
        }
    }

    /// `values`, or `file`, or `edge` with a `sample`.
    fn check_parts(&mut self) {
        let declaration = self.declaration;
        let name = &declaration.name;
        let mut problem = |span: Span, message: String, help: &str| {
            self.diagnostics.push(Diagnostic::new(Code::InvalidList, span, message, "this list").help(help));
        };
        let sources = [declaration.values.is_some(), declaration.file.is_some(), declaration.edge.is_some()];
        match sources.iter().filter(|given| **given).count() {
            1 => {}
            0 => problem(
                name.span,
                format!("the list `{}` has no values", name.value),
                "give it `values: […]`, `file: …`, or `edge: …` with a `sample: […]`",
            ),
            _ => problem(
                name.span,
                format!("the list `{}` has its values from two places", name.value),
                "keep one of `values`, `file` and `edge`",
            ),
        }
        match &declaration.edge {
            Some(edge) => {
                if !is_identifier(&edge.value) {
                    problem(
                        edge.span,
                        format!("`{}` cannot be the name of an ACL or dictionary", edge.value),
                        "a name is a letter or `_`, then letters, digits and `_`",
                    );
                }
                if !matches!(declaration.list_type.value, ListType::Ip | ListType::String) {
                    problem(
                        declaration.list_type.span,
                        "a list at the edge has the type ip (an ACL) or string (a dictionary)".to_owned(),
                        "change the type, or keep the values in the project",
                    );
                }
            }
            None if declaration.sample.is_some() => problem(
                name.span,
                format!("the list `{}` has a `sample` but no `edge`", name.value),
                "a sample stands for values that live at the edge; write `values`",
            ),
            None => {}
        }
    }

    /// One entry a line, `#` starts a comment line.
    fn file(&mut self, content: &[u8], file: &Spanned<String>, source: Option<SourceId>) -> ListValues {
        let mark = if content.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let mut next = mark;
        let entries = content[mark..].split(|byte| *byte == b'\n').enumerate().filter_map(|(number, line)| {
            let start = next + (line.len() - line.trim_ascii_start().len());
            next += line.len() + 1;
            let text = line.trim_ascii();
            let is_entry = !text.is_empty() && !text.starts_with(b"#");
            let (span, place) = match source {
                Some(source) => (Span::new(source, start, start + text.len()), EntryPlace::File),
                None => (file.span, EntryPlace::Line(number + 1)),
            };
            is_entry.then_some(Entry { text, span, place })
        });
        let wrong = self.wrong;
        let values = self.values(entries);
        if is_empty(&values) && self.wrong == wrong {
            self.diagnostics.push(empty_list(&self.declaration.name, file.span));
        }
        values
    }

    fn values<'e>(&mut self, entries: impl Iterator<Item = Entry<'e>>) -> ListValues {
        let entries = entries.take(MAX_ENTRIES);
        let ignore_case = self.declaration.list_type.value == ListType::IgnoreCaseString;
        let values = match self.declaration.list_type.value {
            ListType::Ip => ListValues::Ip(sorted(entries.filter_map(|entry| self.network(&entry)).collect())),
            ListType::String | ListType::IgnoreCaseString => {
                ListValues::Strings(sorted(entries.filter_map(|entry| self.text(&entry, ignore_case)).collect()))
            }
            ListType::Int => ListValues::Int(sorted(entries.filter_map(|entry| self.integer(&entry)).collect())),
            ListType::Regex => {
                let mut patterns: Vec<Arc<Regex>> = entries.filter_map(|entry| self.regex(&entry)).collect();
                patterns.sort_by(|a, b| a.pattern.cmp(&b.pattern));
                patterns.dedup();
                ListValues::Regex(patterns)
            }
        };
        if self.wrong > MAX_REPORTED {
            let more = self.wrong - MAX_REPORTED;
            let name = &self.declaration.name;
            let message = format!("{more} more entries of the list `{}` are wrong", name.value);
            self.diagnostics.push(Diagnostic::new(Code::InvalidList, name.span, message, "in this list"));
        }
        values
    }

    fn wrong(&mut self, entry: &Entry, mut diagnostic: Diagnostic) {
        self.wrong += 1;
        if self.wrong > MAX_REPORTED {
            return;
        }
        if let EntryPlace::Line(line) = entry.place {
            diagnostic.message = format!("{} (line {line} of the file)", diagnostic.message);
        }
        if entry.place != EntryPlace::Project {
            // Fixes are edits of YAML.
            diagnostic.fixes.clear();
        }
        self.diagnostics.push(diagnostic);
    }

    fn invalid(&mut self, entry: &Entry, what: &str, help: &str) {
        let shown = shown(entry.text);
        let subject = if shown.is_empty() { "this".to_owned() } else { format!("`{shown}`") };
        let diagnostic = Diagnostic::new(Code::InvalidList, entry.span, format!("{subject} is {what}"), "this entry");
        self.wrong(entry, if help.is_empty() { diagnostic } else { diagnostic.help(help) });
    }

    fn network(&mut self, entry: &Entry) -> Option<IpNet> {
        let text = std::str::from_utf8(entry.text).unwrap_or("");
        let network = match text.parse::<IpNet>() {
            Ok(network) => network,
            Err(_) => match text.parse::<IpAddr>() {
                Ok(address) => IpNet::from(address),
                Err(_) => {
                    let help = address_help(text, entry.place == EntryPlace::Project);
                    self.invalid(entry, "no address and no network", &help);
                    return None;
                }
            },
        };
        if let IpNet::V6(ipv6) = network
            && let Some(ipv4) = ipv6.addr().to_ipv4_mapped()
        {
            self.invalid(
                entry,
                "an IPv4-mapped IPv6 address",
                &format!("clients with such an address are IPv4: write `{ipv4}`"),
            );
            return None;
        }
        let truncated = network.trunc();
        if truncated != network {
            let shown = shown(entry.text);
            let message = format!("`{shown}` has bits set behind its prefix of {}", network.prefix_len());
            let diagnostic = Diagnostic::new(Code::InvalidList, entry.span, message, "not a network")
                .help(format!("the network is `{truncated}`, the address alone `{}`", network.addr()))
                .proposal(format!("write `{truncated}`"), entry.span, truncated.to_string());
            self.wrong(entry, diagnostic);
            return None;
        }
        Some(network)
    }

    fn text(&mut self, entry: &Entry, ignore_case: bool) -> Option<Text> {
        if entry.text.is_empty() {
            self.invalid(entry, "an empty string", "remove it: an empty string is in every text");
            return None;
        }
        if entry.text.contains(&0) {
            self.invalid(entry, "a string with a NUL byte", "");
            return None;
        }
        if entry.place != EntryPlace::Project {
            self.note_extras(entry);
        }
        // In a list without case, entries that differ in nothing else are one.
        let bytes = if ignore_case { entry.text.to_ascii_lowercase() } else { entry.text.to_vec() };
        Some(Text { bytes, ignore_case })
    }

    /// `nikto # a scanner`, `"nikto"`: in a file these are texts too, and hardly meant.
    fn note_extras(&mut self, entry: &Entry) {
        let quoted =
            |quote: u8| entry.text.len() > 2 && entry.text.starts_with(&[quote]) && entry.text.ends_with(&[quote]);
        let comment = entry.text.windows(3).any(|three| three[0].is_ascii_whitespace() && three[1..] == *b"# ");
        let what = match (comment, quoted(b'"') || quoted(b'\'')) {
            (true, _) => "holds its comment",
            (false, true) => "holds its quotes",
            (false, false) => return,
        };
        if std::mem::replace(&mut self.noted, true) {
            return;
        }
        let line = if let EntryPlace::Line(line) = entry.place {
            format!(" (line {line} of the file)")
        } else {
            String::new()
        };
        let message = format!("the entry `{}` {what}{line}", shown(entry.text));
        self.diagnostics
            .push(Diagnostic::new(Code::CommentedEntry, entry.span, message, "searched for as it stands").help(
            "every byte of a line belongs to its entry; a comment stands on a line of its own, which starts with `#`",
        ));
    }

    fn integer(&mut self, entry: &Entry) -> Option<i64> {
        let digits = entry.text.strip_prefix(b"-").unwrap_or(entry.text);
        let is_number = (1..=15).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
        let value = std::str::from_utf8(entry.text).ok().and_then(|text| text.parse().ok()).filter(|_| is_number);
        if value.is_none() {
            self.invalid(entry, "no integer", "an integer has at most 15 digits");
        }
        value
    }

    fn regex(&mut self, entry: &Entry) -> Option<Arc<Regex>> {
        let Ok(pattern) = std::str::from_utf8(entry.text) else {
            self.invalid(entry, "not UTF-8", "write other bytes as `\\xHH`");
            return None;
        };
        if pattern.is_empty() {
            self.invalid(entry, "an empty regular expression", "remove it: it matches any text");
            return None;
        }
        match Regex::new(pattern, false) {
            Ok(regex) => {
                self.spans.entry((self.index, pattern.to_owned())).or_insert(entry.span);
                Some(regex)
            }
            Err(error) => {
                let diagnostic =
                    pattern_error(&error, entry.span).note(format!("the pattern is `{}`", shown(entry.text)));
                self.wrong(entry, diagnostic);
                None
            }
        }
    }
}

/// What is meant by an entry that is no network: as an ACL of VCL, a list of YAML or a firewall has it.
fn address_help(text: &str, in_project: bool) -> String {
    if !in_project && text.contains(['#']) || text.contains("//") {
        return "a comment stands on a line of its own, which starts with `#`".to_owned();
    }
    // `"192.0.2.0"/24;`, `- 192.0.2.0/24`
    let bare = text.trim_start_matches("- ").trim_end_matches([';', ',']).replace(['"', '\''], "");
    let bare = bare.trim();
    if text.starts_with('!') {
        return "an entry cannot be taken out again: write the networks that are meant".to_owned();
    }
    let one_each = match in_project {
        true => "one network is one element",
        false => "one network stands on one line, with nothing around it",
    };
    let parts: Vec<&str> = bare.split([',', ' ', ';']).filter(|part| !part.is_empty()).collect();
    if parts.len() > 1 && parts.iter().all(|part| is_network(part)) {
        let written: Vec<String> = parts.iter().map(|part| format!("`{part}`")).collect();
        return format!("{one_each}: {}", written.join(", "));
    }
    if is_network(bare) {
        return format!("{one_each}: `{bare}`");
    }
    if let Some(networks) = crate::syntax::networks(bare) {
        let written: Vec<String> = networks.iter().take(16).map(|network| format!("`{network}`")).collect();
        let more = if networks.len() > 16 { " …" } else { "" };
        return format!("a range is written as its networks, {one_each}: {}{more}", written.join(", "));
    }
    let masked = bare.split_once('/').and_then(|(address, mask)| {
        let network = IpNet::with_netmask(address.trim().parse().ok()?, mask.trim().parse().ok()?).ok()?;
        Some(network.trunc())
    });
    match masked {
        Some(network) => format!("a network has a prefix length, no mask: `{network}`"),
        None => "write `192.0.2.1`, `192.0.2.0/24` or `2001:db8::/32`".to_owned(),
    }
}

fn is_network(text: &str) -> bool {
    text.parse::<IpNet>().is_ok() || text.parse::<IpAddr>().is_ok()
}

fn empty_list(name: &Spanned<String>, span: Span) -> Diagnostic {
    Diagnostic::new(Code::EmptyList, span, format!("the list `{}` has no entries", name.value), "empty")
        .help("a comparison with it is always false")
}

fn is_empty(values: &ListValues) -> bool {
    match values {
        ListValues::Ip(values) => values.is_empty(),
        ListValues::Strings(values) => values.is_empty(),
        ListValues::Int(values) => values.is_empty(),
        ListValues::Regex(values) => values.is_empty(),
    }
}

fn sorted<T: Ord>(mut values: Vec<T>) -> Vec<T> {
    values.sort_unstable();
    values.dedup();
    values
}

/// The start of an entry, for messages.
fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

/// A name in VCL and in conditions.
pub(super) fn is_identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
