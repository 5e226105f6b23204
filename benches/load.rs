//! How long varnishd takes to compile and load what edgesig writes: 1,000 signatures, against the same rules as one
//! `if` chain in one sub, as one would write them by hand; and an address list of 10,000 networks.
//!
//! `cargo bench --bench load` (needs varnishd; a few minutes). Prints seconds and ratios.

use edgesig::codegen::Options;
use edgesig::diagnostic::Diagnostics;
use edgesig::engine::compile;
use edgesig::ir::Selection;
use edgesig::semantic::Files;
use edgesig::source::{SourceId, SourceMap};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

const RULES: usize = 1_000;
const NETWORKS: usize = 10_000;
const SERVICE: &str = "backend origin none;\n";

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: SourceId, _: &str) -> Result<Vec<u8>, String> {
        Err("none".to_owned())
    }
}

/// The condition of rule `number`, in edgesig's language and by hand.
fn rule(number: usize) -> (String, String) {
    let word = format!("w{number:04}");
    match number % 4 {
        0 => (
            format!(r#"req.path starts_with "/{word}/" and req.query matches ri"{word}=\s*union\s""#),
            format!(r#"req.url ~ "^/{word}/" && req.url ~ "(?i){word}=\s*union\s""#),
        ),
        1 => (
            format!(r#"req.headers["user-agent"] contains i"{word}" or req.path == "/{word}.php""#),
            format!(r#"req.http.User-Agent ~ "(?i){word}" || req.url ~ "^/{word}\.php(\?|$)""#),
        ),
        2 => (
            format!(r#"req.method == "POST" and req.url matches r"/api/{word}/[0-9]++/delete""#),
            format!(r#"req.method == "POST" && req.url ~ "/api/{word}/[0-9]++/delete""#),
        ),
        _ => (
            format!(
                r#"req.path ends_with "/{word}.jsp" and req.headers["content-type"] contains "{word}" and not req.headers["referer"] contains "example""#
            ),
            format!(
                r#"req.url ~ "/{word}\.jsp(\?|$)" && req.http.Content-Type ~ "{word}" && req.http.Referer !~ "example""#
            ),
        ),
    }
}

/// What `build --target varnish` writes for these files.
fn build(project: &str, signatures: impl Iterator<Item = (String, String)>) -> String {
    let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
    let project = sources.add("edgesig.yaml", project);
    let ids: Vec<SourceId> = signatures.map(|(id, text)| sources.add(format!("{id}.yaml"), text)).collect();
    let project = edgesig::parse_project(&sources, Some(project), &mut diagnostics);
    let trees = edgesig::parse_signatures(&sources, &ids, &mut diagnostics);
    let ruleset = edgesig::analyze(&sources, project.as_ref(), &trees, &NoFiles, &mut diagnostics);
    let selected = edgesig::ir::select(&ruleset, &Selection::default());
    let target = edgesig::target("varnish").expect("the target is there");
    let artifacts = edgesig::emit(&selected, target, &Options::default(), &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{diagnostics:?}");
    artifacts.into_iter().find(|artifact| artifact.path.ends_with(".vcl")).expect("a VCL").content
}

fn signature(id: &str, when: &str) -> (String, String) {
    let text = format!("edgesig: 1\nid: {id}\ntitle: Rule {id}\nseverity: medium\nmode: enforce\nwhen: |\n  {when}\n");
    (id.to_owned(), text)
}

fn by_hand() -> String {
    let mut vcl = "vcl 4.1;\nimport std;\nsub vcl_recv {\n".to_owned();
    for number in 0..RULES {
        let (_, condition) = rule(number);
        let _ = writeln!(vcl, "\tif ({condition}) {{\n\t\tstd.log(\"waf:{number}\");\n\t\treturn (synth(403));\n\t}}");
    }
    vcl.push_str("}\n");
    vcl
}

fn time(vcl: &str) -> Duration {
    let start = Instant::now();
    if let Err(error) = compile(vcl, SERVICE) {
        panic!("{error}");
    }
    start.elapsed()
}

fn main() {
    // `cargo test --benches` builds and starts benches too: there this one has nothing to say.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let ours = build("edgesig: 1\n", (0..RULES).map(|number| signature(&format!("rule-{number}"), &rule(number).0)));
    let chain = by_hand();
    for round in 1..=3 {
        let (built, hand) = (time(&ours), time(&chain));
        println!(
            "round {round}: {RULES} signatures built by edgesig {:.2} s, by hand in one chain {:.2} s, ratio {:.2}",
            built.as_secs_f64(),
            hand.as_secs_f64(),
            built.as_secs_f64() / hand.as_secs_f64()
        );
    }
    let mut project = "edgesig: 1\nlists:\n  feed:\n    type: ip\n    values:\n".to_owned();
    for number in 0..NETWORKS {
        let _ = writeln!(project, "      - 10.{}.{}.{}", number / 4096, number / 16 % 256, number % 16 * 16);
    }
    let with_list = build(&project, std::iter::once(signature("feed-block", "client.ip in @feed")));
    let without = build("edgesig: 1\n", std::iter::once(signature("feed-block", "client.ip in 10.0.0.0/8")));
    let (list, base) = (time(&with_list), time(&without));
    println!(
        "an address list of {NETWORKS}: {:.2} s, of 1: {:.2} s, difference {:.2} s",
        list.as_secs_f64(),
        base.as_secs_f64(),
        list.as_secs_f64() - base.as_secs_f64()
    );
}
