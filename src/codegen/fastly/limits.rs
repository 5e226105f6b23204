//! What Fastly takes at most, checked before anything is written: a version that is too large is refused there with less
//! to go by.

use super::Generator;
use super::carriers::EdgeLists;
use crate::codegen::Format;
use crate::codegen::vcl::Printed;
use crate::diagnostic::{Code, Diagnostic, Diagnostics, counted};
use crate::ir::{List, ListValues};

/// Bytes of a snippet or a VCL file ("1 MB", so the smaller reading).
const FILE_BYTES: usize = 1_000_000;
/// Entries of an ACL and items of a dictionary, unless Fastly raised it for the account.
const ENTRIES: usize = 1000;
/// Bytes of a key in a dictionary.
const KEY_BYTES: usize = 256;

/// The lists at the edge that rules refer to, with their samples; errors where Fastly could not hold them.
pub(super) fn edge_lists(generator: &Generator<'_>, format: Format, diagnostics: &mut Diagnostics) -> EdgeLists {
    let mut edge = EdgeLists::default();
    for list in &generator.ruleset.lists {
        let Some((name, is_acl)) = list.edge.as_ref().and_then(|name| generator.edge.get_key_value(name)) else {
            continue;
        };
        let mut error = |message: String, label: &str, help: &str| {
            diagnostics.push(Diagnostic::new(Code::UnsupportedOnTarget, list.span, message, label).help(help));
        };
        if name.starts_with(&format!("{}_", generator.settings.prefix)) {
            error(
                format!("`{name}` could be the name of something that is generated"),
                "begins like generated names",
                "rename it at Fastly and in `edge:`, or choose another `prefix`",
            );
        }
        match (&list.values, is_acl) {
            (ListValues::Ip(networks), true) => {
                edge.acls.entry(name.clone()).or_default().extend(networks);
            }
            (ListValues::Strings(texts), false) => {
                let keys = edge.dictionaries.entry(name.clone()).or_default();
                for text in texts {
                    match String::from_utf8(text.bytes.clone()) {
                        Ok(key) if key.starts_with('%') && format == Format::Terraform => error(
                            format!("the sample of `@{}` has an entry that begins with `%`", list.name),
                            "Terraform's provider loses such keys",
                            "add the entry at Fastly, or keep the list in the project, without `edge:`",
                        ),
                        Ok(key) if key.len() <= KEY_BYTES => keys.push(key),
                        Ok(key) => error(
                            format!("the sample of `@{}` has an entry of {} bytes", list.name, key.len()),
                            "a key of a dictionary at Fastly has at most 256 bytes",
                            "keep the list in the project, without `edge:`, or shorten the entry",
                        ),
                        Err(_) => error(
                            format!("the sample of `@{}` has an entry that is not UTF-8", list.name),
                            "a key of a dictionary at Fastly is UTF-8",
                            "keep the list in the project, without `edge:`",
                        ),
                    }
                }
            }
            (ListValues::Ip(_) | ListValues::Strings(_), _) => diagnostics.push(
                Diagnostic::new(
                    Code::UnsupportedOnTarget,
                    list.span,
                    format!("`{name}` is an ACL in one list and a dictionary in another"),
                    "names the same thing at the edge",
                )
                .help("give one of the two another name")
                .of_set(),
            ),
            // INVARIANT: such a list was refused where it is used.
            (ListValues::Int(_) | ListValues::Regex(_), _) => {}
        }
    }
    for networks in edge.acls.values_mut() {
        networks.sort_unstable();
        networks.dedup();
    }
    for keys in edge.dictionaries.values_mut() {
        keys.sort_unstable();
        keys.dedup();
    }
    let counts = edge.acls.iter().map(|(name, networks)| (name, networks.len(), "an ACL", "entries"));
    let counts = counts.chain(edge.dictionaries.iter().map(|(name, keys)| (name, keys.len(), "a dictionary", "items")));
    for (name, count, kind, entries) in counts.filter(|(_, count, ..)| *count > ENTRIES) {
        let of_name = |list: &&List| list.edge.as_ref() == Some(name);
        let Some(list) = generator.ruleset.lists.iter().find(of_name) else { continue };
        diagnostics.push(
            Diagnostic::new(
                Code::UnsupportedOnTarget,
                list.span,
                format!("the sample for `{name}` has {count} {entries}, and {kind} at Fastly holds {ENTRIES}"),
                "too long for the edge",
            )
            .help("keep the list in the project, without `edge:`: there it is part of the VCL and has no such limit")
            .of_set(),
        );
    }
    edge
}

/// An error where the file that holds the signatures is larger than Fastly takes; the others are a line each.
pub(super) fn file_size(generator: &Generator<'_>, printed: &Printed, diagnostics: &mut Diagnostics) {
    let bytes = printed.text.len();
    if bytes <= FILE_BYTES {
        return;
    }
    let lines = |id: &str| {
        let places = printed.lines.get(id).map_or(&[][..], Vec::as_slice);
        places.iter().map(|(first, last)| last - first + 1).sum::<usize>()
    };
    // The first of the longest, whatever sorts behind it.
    let Some(longest) = generator.ruleset.rules.iter().rev().max_by_key(|rule| lines(&rule.id)) else { return };
    diagnostics.push(
        Diagnostic::new(
            Code::UnsupportedOnTarget,
            longest.span,
            format!(
                "the VCL of {} has {bytes} bytes, and Fastly takes {FILE_BYTES} in one piece",
                counted(generator.ruleset.rules.len(), "signature")
            ),
            format!("the longest of them, {} lines", lines(&longest.id)),
        )
        .help(
            "build fewer: `--exclude ID`, `--service NAME` with a selection of its own, or long lists at the edge \
             (`edge:`)",
        )
        .of_set(),
    );
}
