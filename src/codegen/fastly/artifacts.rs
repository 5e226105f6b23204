//! The parts of the output as files.

use super::Generator;
use super::carriers::{self, Load, Snippet};
use super::limits;
use crate::codegen::manifest::manifest;
use crate::codegen::vcl::{Dialect, File, Item, Statement, print};
use crate::codegen::{Artifact, Format, Layout, Options};
use crate::diagnostic::{Diagnostics, counted};

/// A snippet's type and what it is for.
struct Place {
    kind: &'static str,
    sub: &'static str,
    priority: u32,
    why: &'static str,
}

const PLACES: &[Place] = &[
    Place {
        kind: "recv",
        sub: "recv",
        priority: 10,
        why: "first of all recv snippets: one that returns before it would go round it",
    },
    Place { kind: "miss", sub: "clean", priority: 200, why: "after your own: nothing internal goes to the origin" },
    Place { kind: "pass", sub: "clean", priority: 200, why: "after your own: nothing internal goes to the origin" },
    Place { kind: "deliver", sub: "deliver", priority: 10, why: "early: it looks at the response as it came" },
    Place { kind: "error", sub: "error", priority: 10, why: "first: it answers its own status 640 only" },
    Place { kind: "log", sub: "log", priority: 100, why: "anywhere: it returns nothing" },
];

/// The files of a set whose main sub is `main`; nothing but errors where they are more than Fastly takes.
pub(super) fn artifacts(
    mut generator: Generator<'_>,
    main: Vec<Statement>,
    options: &Options,
    diagnostics: &mut Diagnostics,
) -> Vec<Artifact> {
    let deliver = generator.deliver_sub();
    let has_deliver = !deliver.is_empty();
    let clean = generator.clean_sub();
    let mut items = vec![Item::Comment(header(&generator, options, has_deliver))];
    items.extend(generator.edge.iter().map(|(name, is_acl)| {
        let kind = if *is_acl { "ACL" } else { "dictionary" };
        Item::Comment(vec![format!("Kept at the edge: the {kind} {name} of the service")])
    }));
    for acl in std::mem::take(&mut generator.acls) {
        items.push(Item::Acl { name: acl.name, comment: vec![acl.comment], entries: acl.networks });
    }
    for table in std::mem::take(&mut generator.tables) {
        items.push(Item::Table { name: table.name, comment: vec![table.comment], keys: table.keys });
    }
    items.extend(generator.stores.iter().map(|(kind, name)| Item::Store(kind, name.clone())));
    let mut sub = |short: &str, scope: &str, body: Vec<Statement>| {
        items.push(Item::Sub { name: generator.sub(short), comment: vec![format!("@scope: {scope}")], body });
    };
    sub("recv", "recv", main);
    sub("clean", "miss,pass", clean);
    if has_deliver {
        sub("deliver", "deliver", deliver);
    }
    sub("error", "error", generator.error_sub());
    sub("log", "log", generator.log_sub());
    let printed = print(&File { dialect: Dialect::Fastly, items });
    let main = match options.layout {
        Layout::Include => "edgesig.vcl",
        Layout::Snippets => "init.vcl",
    };
    let mut found = Diagnostics::default();
    let edge = limits::edge_lists(&generator, options.format, &mut found);
    limits::file_size(&generator, &printed, &mut found);
    let is_too_much = found.has_errors();
    diagnostics.extend(found);
    if is_too_much {
        return Vec::new();
    }
    let with_manifest = |mut files: Vec<Artifact>| {
        let names: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        let content = manifest(generator.ruleset, super::NAME, "", &[], &printed, &names);
        files.insert(1, Artifact { path: "manifest.json".to_owned(), content });
        files
    };
    let main = Artifact { path: main.to_owned(), content: printed.text.clone() };
    if options.layout == Layout::Include {
        return with_manifest(vec![main]);
    }
    let prefix = &generator.settings.prefix;
    let is_there = |place: &&Place| has_deliver || place.sub != "deliver";
    let mut snippets = vec![Snippet {
        name: format!("{prefix}-init"),
        kind: "init",
        priority: 100,
        content: main.content,
        file: main.path,
    }];
    snippets.extend(PLACES.iter().filter(is_there).map(|place| {
        let lines = vec![
            format!("Snippet of type {}, priority {}: {}.", place.kind, place.priority, place.why),
            format!("@scope: {}", place.kind),
        ];
        let call = Statement::Call(generator.sub(place.sub));
        let items = vec![Item::Comment(lines), Item::Statement(call)];
        Snippet {
            name: format!("{prefix}-{}", place.kind),
            kind: place.kind,
            priority: place.priority,
            content: print(&File { dialect: Dialect::Fastly, items }).text,
            file: format!("{}.vcl", place.kind),
        }
    }));
    let absent = PLACES.iter().filter(|place| !is_there(place)).map(|place| format!("{prefix}-{}", place.kind));
    let load = Load { prefix, snippets: &snippets, absent: absent.collect(), edge };
    let carrier = match options.format {
        Format::Terraform => carriers::terraform(&load),
        Format::Api => carriers::api(&load),
        Format::Plan => vec![carriers::plan(&load)],
        Format::Cli => carriers::script(&load),
        Format::Vcl => Vec::new(),
    };
    let mut files = Vec::new();
    if matches!(options.format, Format::Vcl | Format::Cli) {
        files.extend(snippets.into_iter().map(|snippet| Artifact { path: snippet.file, content: snippet.content }));
    }
    files.extend(carrier);
    with_manifest(files)
}

fn header(generator: &Generator<'_>, options: &Options, has_deliver: bool) -> Vec<String> {
    let signatures = counted(generator.ruleset.rules.len(), "signature");
    let service = options.service.as_ref().map(|name| format!(" for the service {name}")).unwrap_or_default();
    let mut lines = vec![
        format!("{signatures}{service}, compiled by edgesig {} for Fastly.", env!("CARGO_PKG_VERSION")),
        "Written by a compiler: change the signatures, not this file.".to_owned(),
    ];
    match options.layout {
        Layout::Snippets => lines.push(
            "Snippet of type init, priority 100. The snippets recv, miss, pass, deliver, error and log beside it call \
             its subs."
                .to_owned(),
        ),
        Layout::Include => {
            lines.push("Include it before the subs of your VCL: include \"edgesig\";".to_owned());
            for place in PLACES.iter().filter(|place| has_deliver || place.sub != "deliver") {
                lines.push(format!("In vcl_{}: call {};  {}", place.kind, generator.sub(place.sub), place.why));
            }
        }
    }
    lines
}
