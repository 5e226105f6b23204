//! How long `check` and `build` take for many signatures: `cargo bench --bench compile [-- COUNT …]`. Runs the program
//! as people do, files and process start included, and prints the best and the median of some runs. The goal on two
//! cores: 1,000 signatures in 80 ms, 10,000 in 0.8 s, and ten times the signatures in about ten times the time. Then one
//! file is changed in a git repository of all of them, and `check --changed` looks at it: 1 s at most for 10,000.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const RUNS: usize = 7;

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

fn write_set(folder: &Path, count: usize) {
    for number in 0..count {
        let group = folder.join(format!("signatures/group-{}", number % 20));
        if number < 20 {
            fs::create_dir_all(&group).unwrap();
        }
        fs::write(group.join(format!("generated-{number:05}.yaml")), signature(number)).unwrap();
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
            let status = Command::new(env!("CARGO_BIN_EXE_edgesig"))
                .args(arguments)
                .current_dir(folder)
                .stdout(Stdio::null())
                .status()
                .unwrap();
            assert!(status.success(), "{arguments:?}");
            start.elapsed()
        })
        .collect();
    times.sort();
    (times[0], times[RUNS / 2])
}

fn main() {
    // Cargo passes `--bench` to every benchmark.
    let counts: Vec<usize> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    let counts = if counts.is_empty() { vec![1_000, 10_000] } else { counts };
    for count in counts {
        let folder = tempfile::tempdir().unwrap();
        write_set(folder.path(), count);
        let mut line = format!("{count:>6} signatures of {} bytes:", signature(count / 2).len());
        for arguments in [
            &["check", "--today", "2026-11-23"][..],
            &["build", "--target", "varnish", "--today", "2026-11-23"],
            &["build", "--emit", "ir", "--today", "2026-11-23"],
        ] {
            if arguments.contains(&"varnish") && edgesig::target("varnish").is_none() {
                continue;
            }
            let (best, median) = measure(folder.path(), arguments);
            let name = if arguments.contains(&"ir") { "IR" } else { arguments[0] };
            let _ =
                write!(line, "  {name} {:.0} ms (median {:.0})", best.as_secs_f64() * 1e3, median.as_secs_f64() * 1e3);
        }
        change_one(folder.path());
        let (best, median) = measure(folder.path(), &["check", "--changed", "--base", "HEAD", "--today", "2026-11-23"]);
        let _ = write!(line, "  changed {:.0} ms (median {:.0})", best.as_secs_f64() * 1e3, median.as_secs_f64() * 1e3);
        println!("{line}");
    }
}
