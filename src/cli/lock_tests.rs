//! The lock file: what counts as a signature's meaning, what is written is read again, no text does harm.

use super::lock::{self, Repository};
use crate::diagnostic::Diagnostics;
use crate::semantic::Files;
use crate::source::{SourceId, SourceMap};
use proptest::prelude::*;
use std::collections::BTreeSet;

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: SourceId, _: &str) -> Result<Vec<u8>, String> {
        Err("no files".to_owned())
    }
}

const PROJECT: &str = "\
edgesig: 1
lists:
  a: {type: string, values: [x]}
  b: {type: string, values: [x]}
";

const BASE: &str = "\
edgesig: 1
id: subject
version: 3
title: A title
severity: high
mode: enforce
tags: [t]
expires: 2027-01-01
let:
  path: req.path == \"/a\"
when: path and req.args[\"q\"] in @a
except: client.ip in 192.0.2.0/24
rate: {key: [client.ip], limit: 10/60s}
then: throttle
tests:
  - {name: one, request: GET /a, expect: no_match}
";

/// The lock file of one signature beside `others`, with the project above or `project`.
fn locked(text: &str, project: &str, others: &[&str]) -> String {
    let mut sources = SourceMap::default();
    let project = sources.add("edgesig.yaml", project);
    let texts = std::iter::once(&text).chain(others);
    let ids: BTreeSet<String> = texts.clone().map(|text| id_of(text).to_owned()).collect();
    let files: Vec<SourceId> = texts.map(|text| sources.add(format!("{}.yaml", id_of(text)), *text)).collect();
    let mut diagnostics = Diagnostics::default();
    let project = crate::parse_project(&sources, Some(project), &mut diagnostics);
    let signatures = crate::parse_signatures(&sources, &files, &mut diagnostics);
    let ruleset = crate::analyze(&sources, project.as_ref(), &signatures, &NoFiles, &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{:?}", diagnostics.list);
    let repository =
        Repository { sources: &sources, signatures: &signatures, ruleset: &ruleset, ids: &ids, whole: true };
    let written = lock::updated(None, &repository);
    // What was written is up to date, and written again the same.
    let source = sources.add("edgesig.lock", written.clone());
    let repository =
        Repository { sources: &sources, signatures: &signatures, ruleset: &ruleset, ids: &ids, whole: true };
    let lock = lock::parse(&sources, source, &mut diagnostics).unwrap();
    assert!(lock::violations(&lock, &repository).list.is_empty() && lock::stale(&lock, &repository).list.is_empty());
    assert_eq!(lock::updated(Some(&lock), &repository), written);
    written.lines().find(|line| line.starts_with("subject ")).unwrap().to_owned()
}

fn id_of(text: &str) -> &str {
    text.lines().find_map(|line| line.strip_prefix("id: ")).unwrap()
}

#[test]
fn the_hash_is_of_the_meaning() {
    let base = locked(BASE, PROJECT, &[]);
    let with = |from: &str, to: &str| {
        assert!(BASE.contains(from), "{from}");
        locked(&BASE.replace(from, to), PROJECT, &[])
    };
    for (from, to) in [
        ("severity: high", "severity: low"),
        ("\"/a\"", "\"/b\""),
        ("path and", "path or"),
        ("in @a", "in @b"),
        ("except: client.ip in 192.0.2.0/24\n", ""),
        ("/24", "/25"),
        ("10/60s", "11/60s"),
        ("[client.ip]", "[req.host]"),
        ("then: throttle", "then: [log, throttle]"),
    ] {
        assert_ne!(with(from, to), base, "{from} → {to}");
    }
    for (from, to) in [
        ("A title", "Another title"),
        ("mode: enforce", "mode: monitor"),
        ("tags: [t]", "tags: [u, v]\ntargets: [varnish]\nowner: me\ndescription: why"),
        ("2027-01-01", "2028-01-01"),
        ("name: one", "name: another"),
        ("when: path and", "when: (req.path == \"/a\")  and  # written out\n "),
        ("version: 3", "# a comment\nversion: 3"),
    ] {
        let text = BASE.replace(from, to);
        let text =
            if to.contains("written out") { text.replace("let:\n  path: req.path == \"/a\"\n", "") } else { text };
        let text = text.replace("when: (req", "when: |\n  (req");
        assert_eq!(locked(&text, PROJECT, &[]), base, "{from} → {to}");
    }
    // The content of a list is the project's.
    assert_eq!(locked(BASE, &PROJECT.replace("[x]", "[x, y]"), &[]), base);
}

/// Another signature with the tag changes nothing about the one that allows it.
#[test]
fn a_tag_counts_by_its_name() {
    let allow = |tag: &str| {
        format!(
            "edgesig: 1\nid: subject\ntitle: x\nseverity: low\nexpires: 2027-01-01\nwhen: req.path == \"/a\"\n\
             then: 'allow(tag: \"{tag}\")'\n"
        )
    };
    let tagged = |id: &str, tag: &str| {
        format!("edgesig: 1\nid: {id}\ntitle: x\nseverity: low\ntags: [{tag}]\nwhen: req.path == \"/b\"\n")
    };
    let (one, two, other) = (tagged("one", "t"), tagged("two", "t"), tagged("other", "u"));
    let first = locked(&allow("t"), PROJECT, &[&one, &other]);
    assert_eq!(first, locked(&allow("t"), PROJECT, &[&one, &two, &other]));
    assert_ne!(first, locked(&allow("u"), PROJECT, &[&one, &other]));
    // Each of several scopes counts.
    let several = |scope: &str| {
        let then = format!("then: ['allow(tag: \"t\")', 'allow({scope})']");
        locked(&allow("t").replace("then: 'allow(tag: \"t\")'", &then), PROJECT, &[&one, &other])
    };
    let all = [several("tag: \"u\""), several("id: \"other\""), first];
    assert_eq!(BTreeSet::from_iter(&all).len(), 3);
}

/// The depth of what is nested deeply counts.
#[test]
fn deep_conditions_have_a_meaning_too() {
    let nested = |inner: &str| {
        let mut condition = inner.to_owned();
        for depth in 0..50 {
            let word = if depth % 2 == 0 { "or" } else { "and" };
            condition = format!("(req.path == \"/{depth}\" {word} {condition})");
        }
        format!("edgesig: 1\nid: subject\ntitle: x\nseverity: low\nwhen: |\n  {condition}\n")
    };
    let [a, b, c] = ["a", "b", "c"].map(|name| format!("req.path == \"/{name}\""));
    let first = locked(&nested(&format!("({a} and ({b} or not {c}))")), PROJECT, &[]);
    let second = locked(&nested(&format!("({a} and ({b} or {c}))")), PROJECT, &[]);
    let third = locked(&nested(&format!("(({a} and {b}) or not {c})")), PROJECT, &[]);
    assert_eq!(BTreeSet::from([&first, &second, &third]).len(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_does_harm(lines in proptest::collection::vec(
        prop_oneof![
            any::<String>(),
            Just("edgesig-lock 1".to_owned()),
            Just("a retired".to_owned()),
            "[a-z-]{1,8} [0-9]{1,12} [0-9a-f]{64}( retired)?",
        ],
        0..12,
    )) {
        let mut sources = SourceMap::default();
        let text = lines.join("\n");
        let source = sources.add("edgesig.lock", text.clone());
        let mut diagnostics = Diagnostics::default();
        let read = lock::parse(&sources, source, &mut diagnostics);
        prop_assert_eq!(read.is_none(), diagnostics.has_errors());
        for diagnostic in &diagnostics.list {
            prop_assert!(text.get(diagnostic.primary.span.range()).is_some());
        }
    }
}
