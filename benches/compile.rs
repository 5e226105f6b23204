//! How long `check` and `build` take for many signatures: `cargo bench --bench compile [-- COUNT …]`. Runs the program
//! as people do, files and process start included, and prints the best and the median of some runs. The goal on two
//! cores: 1,000 signatures in 80 ms, 10,000 in 0.8 s, and ten times the signatures in about ten times the time. Then one
//! file is changed in a git repository of all of them, and `check --changed` looks at it: 1 s at most for 10,000.
//!
//! A second set gives the lints work, those above all that compare signatures with each other: shared clauses, lists and
//! patterns, near duplicates, exceptions, scoped allows. The goal for `check` there: 1,000 in 0.4 s, 10,000 in 4 s.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const RUNS: usize = 7;
const TODAY: &str = "2026-11-23";

/// About 1 KB, with what signatures usually have: `let`, several kinds of comparison, an exception, tests.
fn signature(number: usize) -> String {
    let risk = ["info", "low", "medium", "high", "critical"][number % 5];
    let mode = ["monitor", "monitor", "enforce", "canary 10%"][number % 4];
    format!(
        r##"edgesig: 1
id: generated-{number:05}
version: {version}
title: Generated signature number {number} for measuring
description: |
  Looks for the marker {number} in the decoded URL and in three headers, as a virtual patch of
  a web application does; the description says what the attack is and where the facts come from.
severity: {risk}
mode: {mode}
owner: edge-security
created: 2026-11-22
expires: 2027-11-22
refs: {{cve: [CVE-2026-{number:05}], cwe: [CWE-917], urls: ["https://www.example.com/{number}"]}}
tags: [generated, group-{group}]
let:
  marker: ri"\bunion{number}\s+select\b"
  product: req.path starts_with ["/app{number}/", "/api/v{group}/item{number}"]
when: |
  product and (any_form(req.url) matches marker
    or req.headers["user-agent", "referer"] contains i"scanner{number}/"
    or req.args["{argument}"] == "{number}' or 1=1")
except: |
  client.ip in [192.0.2.0/28, 2001:db8::/48]
then: block
tests:
  - name: attack in the query
    request: {{method: GET, url: "/app{number}/?q=union{number}%20select", client_ip: 198.51.100.7}}
    expect: match
  - name: a page of the product
    request: GET /app{number}/?q=union
    expect: no_match
notes: {{false_positives: none known}}
"##,
        version = number % 3 + 1,
        group = number % 20,
        // Applications have names of their own; a build computes each name once.
        argument = ["id", "q", "page", "name"][number % 4],
    )
}

const LISTS: &str = "\
edgesig: 1
lists:
  office: {type: ip, values: [192.0.2.0/24, 2001:db8::/32]}
  shells: {type: string, values: [/bin/sh, /bin/bash, cmd.exe, powershell, /usr/bin/perl]}
  markers: {type: regex, values: ['union\\s++select', 'sleep\\(\\d{1,3}\\)', '<script\\b']}
";

/// Ten signatures each are about one application and share all but a word; every tenth repeats the one before it, and
/// every hundredth is an `allow` for the one that follows.
fn related_signature(number: usize) -> String {
    let application = number / 10;
    let word = if number % 10 == 9 { number - 1 } else { number };
    let (then, when) = match number % 100 {
        0 => (
            format!("'allow(id: \"related-{:05}\")'", number + 1),
            format!(r#"req.path starts_with "/app{application}/health" and client.ip in @office"#),
        ),
        _ => (
            "block".to_owned(),
            format!(
                "req.path starts_with \"/app{application}/\" and req.method in [\"POST\", \"PUT\"]\n  \
                 and (req.query matches @markers or req.url contains @shells\n    \
                 or req.args[\"q\"] contains i\"word{word}\" or req.headers[\"user-agent\"] contains i\"tool{}\")\n  \
                 and not req.path ends_with [\".css\", \".js\"]",
                word % 7
            ),
        ),
    };
    let (method, path, client) = match number % 100 {
        0 => ("GET", format!("/app{application}/h%65alth"), "192.0.2.7"),
        _ => ("POST", format!("/app{application}/x?q=a%57ord{word}"), "198.51.100.7"),
    };
    format!(
        r#"edgesig: 1
id: related-{number:05}
title: Related signature number {number} for measuring
severity: high
mode: enforce
then: {then}
owner: edge-security
created: 2026-11-22
expires: 2026-12-22
refs: {{urls: ["https://www.example.com/{number}"]}}
tags: [application-{application}]
when: |
  {when}
tests:
  - {{name: what it is about, request: {{method: {method}, url: "{path}", client_ip: {client}}}, expect: match}}
  - {{name: a page, request: GET /app{application}/page, expect: no_match}}
"#
    )
}

fn write_set(folder: &Path, count: usize, signature: fn(usize) -> String) {
    for number in 0..count {
        let group = folder.join(format!("signatures/group-{}", number % 20));
        if number < 20 {
            fs::create_dir_all(&group).unwrap();
        }
        let text = signature(number);
        let id = text.lines().find_map(|line| line.strip_prefix("id: ")).unwrap();
        fs::write(group.join(format!("{id}.yaml")), &text).unwrap();
    }
}

/// A commit of everything, then a file that differs from it.
fn change_one(folder: &Path) {
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=bench", "-c", "user.email=bench@example.com"];
        let status = Command::new("git").args(identity).args(arguments).current_dir(folder).status().unwrap();
        assert!(status.success(), "git {arguments:?}");
    };
    git(&["init", "--quiet"]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message", "all"]);
    let path = folder.join("signatures/group-7/generated-00007.yaml");
    let text = fs::read_to_string(&path).unwrap().replace("none known", "none known so far");
    fs::write(path, text).unwrap();
}

fn measure(folder: &Path, arguments: &[&str]) -> (Duration, Duration) {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            // What is said is not shown, unless it is why the run failed.
            let output = Command::new(env!("CARGO_BIN_EXE_edgesig"))
                .args(arguments)
                .args(["--today", TODAY])
                .current_dir(folder)
                .output()
                .unwrap();
            let time = start.elapsed();
            assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
            time
        })
        .collect();
    times.sort();
    (times[0], times[RUNS / 2])
}

/// Measures commands on a set, and prints a line about them.
fn compare(what: &str, folder: &Path, commands: &[(&str, &[&str])]) {
    let mut line = format!("{what}:");
    for (name, arguments) in commands {
        let (best, median) = measure(folder, arguments);
        let _ = write!(line, "  {name} {:.0} ms (median {:.0})", best.as_secs_f64() * 1e3, median.as_secs_f64() * 1e3);
    }
    println!("{line}");
}

fn main() {
    // Cargo passes `--bench` to every benchmark.
    let counts: Vec<usize> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    let counts = if counts.is_empty() { vec![1_000, 10_000] } else { counts };
    for count in &counts {
        let folder = tempfile::tempdir().unwrap();
        write_set(folder.path(), *count, signature);
        compare(
            &format!("{count:>6} signatures of {} bytes", signature(count / 2).len()),
            folder.path(),
            &[("check", &["check"]), ("build", &["build", "--target", "varnish"]), ("IR", &["build", "--emit", "ir"])],
        );
        change_one(folder.path());
        compare(
            &format!("{count:>6} in a repository, one changed"),
            folder.path(),
            &[("check --changed", &["check", "--changed", "--base", "HEAD"])],
        );
    }
    for count in &counts {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("edgesig.yaml"), LISTS).unwrap();
        write_set(folder.path(), *count, related_signature);
        compare(&format!("{count:>6} related signatures"), folder.path(), &[("check", &["check"])]);
    }
}
