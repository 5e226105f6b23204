//! The node tree of `edgesig.yaml` → [`Project`]. Called by `syntax::parse_project`; everything in the file has a
//! default, so what is left out is `None` or empty.

use super::ast::{
    FastlyTarget, ListDeclaration, ListType, Project, ProjectBlock, ProjectLimits, ProjectTargets, Service,
    VarnishTarget,
};
use super::nodes::Reader;
use super::signature::language_version;
use super::yaml::{Document, Node, NodeKind};
use super::{foreign, keys, shapes, terms};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{SourceId, Spanned};

pub(super) const LIST_TYPES: [(&str, ListType); 5] = [
    ("ip", ListType::Ip),
    ("string", ListType::String),
    ("i-string", ListType::IgnoreCaseString),
    ("int", ListType::Int),
    ("regex", ListType::Regex),
];

/// Reads the project file. `None` when it is no mapping.
pub(super) fn project(reader: &mut Reader<'_, '_>, source: SourceId, document: Document<'_>) -> Option<Project> {
    let Document { root, comments, alias: _ } = document;
    let mut project = Project {
        source,
        comments,
        signatures: Vec::new(),
        targets: ProjectTargets::default(),
        trusted_proxies: None,
        facts: Vec::new(),
        lists: Vec::new(),
        limits: ProjectLimits::default(),
        block: ProjectBlock::default(),
        score_threshold: None,
        prefix: None,
        services: Vec::new(),
        lints: Vec::new(),
        policy: None,
    };
    if let NodeKind::Null = root.kind {
        return Some(project);
    }
    let mut fields = reader.mapping(&root, "the project file")?;
    if let Some(node) = fields.get("edgesig") {
        language_version(reader, node);
    }
    let folders = fields.get("signatures").and_then(|node| reader.texts(node, "a list of folders"));
    project.signatures = folders.unwrap_or_default();
    project.targets = fields.get("targets").map(|node| targets(reader, node)).unwrap_or_default();
    project.trusted_proxies = fields.get("trusted_proxies").and_then(|node| list_name(reader, node));
    project.facts =
        fields.get("facts").map(|node| pairs(reader, node, "a mapping of fields to headers")).unwrap_or_default();
    project.lists = fields.get("lists").map(|node| lists(reader, node)).unwrap_or_default();
    project.limits = fields.get("limits").map(|node| limits(reader, node)).unwrap_or_default();
    project.block = fields.get("block").map(|node| block(reader, node)).unwrap_or_default();
    project.score_threshold = fields.get("score").and_then(|node| {
        if !reader.is_mapping(node, "a mapping (`score`)", shapes::under("threshold"), "score: {threshold: 10}") {
            return None;
        }
        let mut fields = reader.mapping(node, "`score`")?;
        let threshold = fields.require("threshold").and_then(|node| reader.integer(node, keys::THRESHOLDS));
        fields.finish(reader, &keys::SCORE);
        threshold
    });
    project.prefix = fields.get("prefix").and_then(|node| prefix(reader, node));
    project.services = fields.get("services").map(|node| services(reader, node)).unwrap_or_default();
    project.lints = fields.get("lints").map(|node| levels(reader, node)).unwrap_or_default();
    project.policy = fields.get("policy").and_then(|node| super::policy::policy(reader, node));
    fields.finish(reader, &keys::PROJECT);
    Some(project)
}

fn targets(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> ProjectTargets {
    let mut targets = ProjectTargets::default();
    if let NodeKind::Sequence(_) | NodeKind::Scalar(..) = &node.kind {
        let diagnostic = reader.wrong_type(node, "a mapping (`targets`)");
        reader.report.push(match targets_of_names(node) {
            Some(fixed) => diagnostic.fix(format!("a target has settings: write `{fixed}`"), node.span, fixed),
            None => diagnostic.help("a target is a key with its settings: `targets: {varnish: {version: \"7.1\"}}`"),
        });
        return targets;
    }
    let Some(mut fields) = reader.mapping(node, "`targets`") else { return targets };
    if let Some(node) = fields.get("varnish") {
        targets.varnish = Some(VarnishTarget::default());
        if !matches!(node.kind, NodeKind::Null)
            && reader.is_mapping(
                node,
                "a mapping (the target `varnish`)",
                shapes::under("version"),
                "varnish: {version: \"7.1\"}",
            )
            && let Some(mut fields) = reader.mapping(node, "the target `varnish`")
        {
            let version = fields.get("version").and_then(|node| reader.verbatim(node, "a version such as `\"7.1\"`"));
            let vmods = fields.get("vmods").and_then(|node| reader.texts(node, "a list of vmods"));
            targets.varnish = Some(VarnishTarget { version, vmods });
            fields.finish(reader, &keys::VARNISH);
        }
    }
    if let Some(node) = fields.get("fastly") {
        targets.fastly = Some(FastlyTarget::default());
        if !matches!(node.kind, NodeKind::Null)
            && let Some(mut fields) = reader.mapping(node, "the target `fastly`")
        {
            let log_endpoint = fields.get("log_endpoint").and_then(|node| reader.text(node, "a name"));
            targets.fastly = Some(FastlyTarget { log_endpoint });
            fields.finish(reader, &keys::FASTLY);
        }
    }
    fields.finish(reader, &keys::TARGETS);
    targets
}

/// `[varnish, fastly]` → `{varnish: {}, fastly: {}}`
fn targets_of_names(node: &Node<'_>) -> Option<String> {
    let items = match &node.kind {
        NodeKind::Sequence(items) => items.as_slice(),
        NodeKind::Null | NodeKind::Scalar(..) | NodeKind::Mapping(_) => std::slice::from_ref(node),
    };
    let known = keys::TARGETS.names();
    let keys: Option<Vec<String>> = items
        .iter()
        .map(|item| match &item.kind {
            NodeKind::Scalar(name, _) if known.contains(&&**name) => Some(format!("{name}: {{}}")),
            NodeKind::Null | NodeKind::Scalar(..) | NodeKind::Sequence(_) | NodeKind::Mapping(_) => None,
        })
        .collect();
    keys.filter(|keys| !keys.is_empty()).map(|keys| format!("{{{}}}", keys.join(", ")))
}

/// The name of a list, also where it is written with `@`.
fn list_name(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Option<Spanned<String>> {
    if let NodeKind::Sequence(_) | NodeKind::Mapping(_) = &node.kind {
        let diagnostic = reader.wrong_type(node, "the name of a list");
        reader.report.push(diagnostic.help(
            "give the networks a name under `lists:`, `our_lb: {type: ip, values: [10.0.0.0/8]}`, and write it here: \
             `trusted_proxies: our_lb`",
        ));
        return None;
    }
    let name = reader.text(node, "the name of a list")?;
    if let Some(bare) = name.value.strip_prefix('@') {
        let message = "the list is named without `@` here";
        let diagnostic = Diagnostic::new(Code::InvalidValue, name.span, message, "has an `@`");
        reader.report.push(diagnostic.fix(format!("write `{bare}`"), name.span, bare));
        return Some(Spanned::new(bare.to_owned(), name.span));
    }
    Some(name)
}

fn pairs(reader: &mut Reader<'_, '_>, node: &Node<'_>, expected: &str) -> Vec<(Spanned<String>, Spanned<String>)> {
    let Some(entries) = reader.entries(node, expected) else { return Vec::new() };
    entries
        .into_iter()
        .filter_map(|(name, key, value)| Some((Spanned::new(name.to_owned(), key.span), reader.text(value, "text")?)))
        .collect()
}

/// `lints: {short-literal: allow}`; what other tools say for a level is answered with ours.
fn levels(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Vec<(Spanned<String>, Spanned<String>)> {
    let Some(entries) = reader.entries(node, "a mapping of lints to levels") else { return Vec::new() };
    let mut levels = Vec::with_capacity(entries.len());
    for (name, key, value) in entries {
        if let NodeKind::Scalar(word, _) = &value.kind
            && let Some(level) = foreign::word("level", word.get(..64).unwrap_or(word))
        {
            let message = format!("`{word}` is no level");
            let diagnostic = Diagnostic::new(Code::InvalidConfig, value.span, message, "not a level")
                .help("a lint's level is `allow`, `warn` or `deny`");
            reader.report.push(diagnostic.fix(format!("did you mean `{level}`?"), value.span, level));
        } else if let Some(level) = reader.text(value, "text") {
            levels.push((Spanned::new(name.to_owned(), key.span), level));
        }
    }
    levels
}

fn lists(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Vec<ListDeclaration> {
    let expected = "a mapping of names to lists";
    let example = "lists: {office: {type: ip, file: lists/office.txt}}";
    if !reader.is_mapping(node, expected, |_, _| None, example) {
        return Vec::new();
    }
    let Some(entries) = reader.entries(node, expected) else { return Vec::new() };
    let declarations = entries.into_iter().filter_map(|(name, key, value)| {
        let example = "{type: ip, values: [192.0.2.0/24]}";
        if !reader.is_mapping(value, "a mapping (a list)", shapes::list, example) {
            return None;
        }
        let mut fields = reader.mapping(value, "a list")?;
        let list_type = fields.require("type").and_then(|node| reader.word(node, "type of list", &LIST_TYPES));
        let values = fields.get("values").and_then(|node| reader.texts(node, "a list of values"));
        let file = fields.get("file").and_then(|node| reader.text(node, "a path"));
        let edge = fields.get("edge").and_then(|node| reader.text(node, "a name"));
        let sample = fields.get("sample").and_then(|node| reader.texts(node, "a list of values"));
        fields.finish(reader, &keys::LIST);
        let name = Spanned::new(name.to_owned(), key.span);
        Some(ListDeclaration { name, list_type: list_type?, values, file, edge, sample })
    });
    declarations.collect()
}

fn limits(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> ProjectLimits {
    let Some(mut fields) = reader.mapping(node, "`limits`") else { return ProjectLimits::default() };
    let mut number = |key: &str, range| fields.get(key).and_then(|node| reader.integer(node, range));
    let url = number("url", keys::URL_LENGTHS);
    let values = number("values", keys::VALUE_COUNTS);
    let names = number("names", keys::NAME_COUNTS);
    let body = number("body", keys::BODY_LENGTHS);
    let over = fields.get("over").and_then(|node| reader.term(node, "an action", terms::action));
    fields.finish(reader, &keys::LIMITS);
    ProjectLimits { url, values, names, body, over }
}

fn block(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> ProjectBlock {
    if !reader.is_mapping(node, "a mapping (`block`)", shapes::under("status"), "block: {status: 403, body: json}") {
        return ProjectBlock::default();
    }
    let Some(mut fields) = reader.mapping(node, "`block`") else { return ProjectBlock::default() };
    let status = fields.get("status").and_then(|node| reader.integer(node, keys::BLOCK_STATUSES));
    let body = fields.get("body").and_then(|node| reader.text(node, "`json`, `html`, `text` or a file"));
    fields.finish(reader, &keys::BLOCK);
    ProjectBlock { status, body }
}

/// A word that can start VCL identifiers and header names.
fn prefix(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Option<Spanned<String>> {
    let prefix = reader.text(node, "a prefix")?;
    let mut characters = prefix.value.bytes();
    let starts = characters.next().is_some_and(|b| b.is_ascii_lowercase());
    if starts
        && prefix.value.len() <= 16
        && characters.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    {
        // `sub vcl_recv` is the engine's.
        if prefix.value != "vcl" && !prefix.value.starts_with("vcl_") {
            return Some(prefix);
        }
        let message = format!("`{}` starts the names of the engine's own subs", prefix.value);
        reader.report.push(
            Diagnostic::new(Code::InvalidValue, prefix.span, message, "not a prefix").help("choose another word"),
        );
        return None;
    }
    let message = format!("`{}` cannot start identifiers and header names", terms::shorten(&prefix.value));
    let diagnostic = Diagnostic::new(Code::InvalidValue, prefix.span, message, "not a prefix");
    reader.report.push(diagnostic.help(
        "a prefix is made of `a` to `z`, `0` to `9` and `_`, starts with a letter and has at most 16 characters",
    ));
    None
}

fn services(reader: &mut Reader<'_, '_>, node: &Node<'_>) -> Vec<Service> {
    let Some(entries) = reader.entries(node, "a mapping of names to services") else { return Vec::new() };
    let services = entries.into_iter().filter_map(|(name, key, value)| {
        let mut service = Service {
            name: Spanned::new(name.to_owned(), key.span),
            select_tags: None,
            select_ids: None,
            modes: Vec::new(),
            except: Vec::new(),
        };
        let mut fields = reader.mapping(value, "a service")?;
        if let Some(node) = fields.get("select")
            && reader.is_mapping(node, "a mapping (`select`)", shapes::tags, "select: {tags: [generic]}")
            && let Some(mut fields) = reader.mapping(node, "`select`")
        {
            service.select_tags = fields.get("tags").and_then(|node| reader.texts(node, "a list of tags"));
            service.select_ids = fields.get("ids").and_then(|node| reader.texts(node, "a list of ids"));
            fields.finish(reader, &keys::SELECT);
        }
        if let Some(node) = fields.get("modes") {
            for (id, key, value) in reader.entries(node, "a mapping of ids to modes").unwrap_or_default() {
                if let Some(mode) = reader.term(value, "a mode", terms::mode) {
                    service.modes.push((Spanned::new(id.to_owned(), key.span), mode));
                }
            }
        }
        if let Some(node) = fields.get("except") {
            for (id, key, value) in reader.entries(node, "a mapping of ids to conditions").unwrap_or_default() {
                let condition = reader.condition(value, id);
                service.except.push((Spanned::new(id.to_owned(), key.span), condition));
            }
        }
        fields.finish(reader, &keys::SERVICE);
        Some(service)
    });
    services.collect()
}
