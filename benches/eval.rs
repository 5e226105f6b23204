//! Verdicts per second: the shipped signatures on a generated mix of requests, nine of ten of them harmless; and the same
//! over the command line, JSON lines in and verdicts out, with several kinds of requests and the start of the command.
//! `cargo bench --bench eval`

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use edgesig::diagnostic::Diagnostics;
use edgesig::eval::Evaluator;
use edgesig::ir::{Ruleset, Selection, select};
use edgesig::request::Request;
use edgesig::semantic::{Files, analyze};
use edgesig::source::{SourceId, SourceMap};
use edgesig::syntax::{parse_project, parse_signature};
use std::hint::black_box;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Lists and test messages beside the file that names them.
struct Beside {
    /// Path of each source, in order.
    paths: Vec<PathBuf>,
}

impl Files for Beside {
    fn read(&self, base: SourceId, path: &str) -> Result<Vec<u8>, String> {
        let folder = self.paths.get(base.0 as usize).and_then(|path| path.parent()).unwrap_or(Path::new("."));
        std::fs::read(folder.join(path)).map_err(|error| error.to_string())
    }
}

fn shipped() -> Ruleset {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut sources, mut paths, mut diagnostics) = (SourceMap::default(), Vec::new(), Diagnostics::default());
    let mut add = |path: &Path, sources: &mut SourceMap| -> Option<SourceId> {
        let text = std::fs::read_to_string(path).ok()?;
        paths.push(path.to_owned());
        Some(sources.add(path.display().to_string(), text))
    };
    let project = ["edgesig.yaml", "signatures/edgesig.yaml"]
        .iter()
        .find_map(|name| add(&root.join(name), &mut sources))
        .and_then(|id| parse_project(&sources, id, &mut diagnostics));
    let mut ids = Vec::new();
    for entry in walkdir::WalkDir::new(root.join("signatures")).sort_by_file_name().into_iter().flatten() {
        let path = entry.path();
        let is_signature = path.extension().is_some_and(|extension| extension == "yaml")
            && path.file_name().is_some_and(|name| name != "edgesig.yaml");
        if is_signature && let Some(id) = add(path, &mut sources) {
            ids.push(id);
        }
    }
    let signatures: Vec<_> = ids.iter().filter_map(|id| parse_signature(&sources, *id, &mut diagnostics)).collect();
    let ruleset = analyze(&sources, project.as_ref(), &signatures, &Beside { paths }, &mut diagnostics);
    select(&ruleset, &Selection::default())
}

fn mix() -> Vec<Request> {
    let agents = [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5",
        "curl/8.5.0",
    ];
    let attacks = [
        "/?q=%24%7Bjndi%3Aldap%3A%2F%2Fx%2Fa%7D",
        "/item?id=1%20union%20select%20password%20from%20users",
        "/cgi-bin/.%2e/.%2e/bin/sh",
        "/.git/config",
        "/search?q=%3Cscript%3Ealert(1)%3C/script%3E",
    ];
    (0..1000_usize)
        .map(|number| {
            let target = match number % 10 {
                0 => attacks[number / 10 % attacks.len()].to_owned(),
                1 => format!("/static/css/site-{number}.min.css?v={number}"),
                2 => "/".to_owned(),
                _ => {
                    format!("/shop/category-{number}/item?color=red&size={number}&q=hello+world%20{number}&sort=price")
                }
            };
            let headers = [
                ("User-Agent", agents[number % agents.len()]),
                ("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"),
                ("Accept-Language", "en-GB,en;q=0.5"),
                ("Accept-Encoding", "gzip, deflate, br"),
                ("Cookie", "session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes"),
                ("Referer", "https://www.example.com/shop/"),
            ];
            let mut request = Request {
                target: target.into_bytes(),
                headers: headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
                client_ip: Ipv4Addr::from_bits(0x0a00_0000 + number as u32 % 300).into(),
                ..Request::default()
            };
            request.complete();
            request
        })
        .collect()
}

fn verdicts(criterion: &mut Criterion) {
    let ruleset = shipped();
    let requests = mix();
    let mut evaluator = Evaluator::new(&ruleset);
    let mut group = criterion.benchmark_group("eval");
    group.throughput(Throughput::Elements(requests.len() as u64));
    group.bench_function(format!("{} rules", ruleset.rules.len()), |bencher| {
        bencher.iter(|| {
            for request in &requests {
                black_box(evaluator.verdict(black_box(request)));
            }
        });
    });
    group.finish();
}

/// Lines of one run of the command: enough that its start counts for little.
const LINES: usize = 40_000;

/// One kind of requests as JSON lines.
fn lines(kind: &str) -> String {
    let agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0";
    let line = |number: usize| {
        let (method, target, body) = match kind {
            "pages" => {
                ("GET", format!("/shop/category-{number}/item?color=red&size={number}&q=hello+world%20{number}"), "")
            }
            "forms" => {
                ("POST", format!("/account/{number}/address"), "name=Ann+Other&street=High+Street+1&note=Please%20ring")
            }
            "api" => (
                "POST",
                format!("/api/v2/orders/{number}"),
                r#"{\"items\":[{\"id\":17,\"count\":2},{\"id\":4,\"count\":1}],\"note\":\"\"}"#,
            ),
            _ => ("GET", format!("/item?id={number}%20union%20select%20password%20from%20users&x=%3Cscript%3E"), ""),
        };
        format!(
            r#"{{"id":{number},"source":"bench","method":"{method}","uri":"{target}","headers":[["Host","www.example.com"],["User-Agent","{agent}"],["Accept","text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"],["Accept-Language","en-GB,en;q=0.5"],["Accept-Encoding","gzip, deflate, br"],["Cookie","session=0123456789abcdef; theme=dark; consent=yes"],["Referer","https://www.example.com/shop/"],["Connection","keep-alive"]],"body":"{body}","client_ip":"10.0.{}.{}"}}"#,
            number / 256 % 256,
            number % 256
        ) + "\n"
    };
    (0..LINES).map(line).collect()
}

fn command_line(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("edgesig eval");
    group.throughput(Throughput::Elements(LINES as u64)).sample_size(10);
    let folder = tempfile::tempdir().expect("a folder for the requests");
    for kind in ["pages", "forms", "api", "attacks"] {
        let path = folder.path().join(kind);
        std::fs::write(&path, lines(kind)).expect("a file of requests");
        group.bench_function(kind, |bencher| {
            bencher.iter(|| {
                let output = Command::new(env!("CARGO_BIN_EXE_edgesig"))
                    .args(["eval", "signatures", "--mode", "monitor", "--requests"])
                    .arg(&path)
                    .current_dir(env!("CARGO_MANIFEST_DIR"))
                    .output()
                    .expect("the command runs");
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                assert_eq!(output.stdout.iter().filter(|byte| **byte == b'\n').count(), LINES);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, verdicts, command_line);
criterion_main!(benches);
