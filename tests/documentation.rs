//! What the documentation says is compiled: the signatures on docs/language.md and their tests, every row of
//! docs/coverage.md; the tutorial is walked through; the built VCL of the examples is what would be built; files that the pages link to exist.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The builds of the examples: folder of the example, arguments, folder of the output.
const EXAMPLE_BUILDS: &[(&str, &[&str], &str)] = &[
    ("wordpress-shop", &[], "build"), // for both targets, in a folder each
    ("json-api", &[], "build"),
    ("media-cdn", &["--service", "www"], "build/www"),
    ("media-cdn", &["--service", "video"], "build/video"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs edgesig in `folder`. The day is fixed where a command knows one, so that nothing expires under the tests.
fn edgesig(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_edgesig")).current_dir(folder).args(arguments).output().expect("edgesig runs")
}

fn assert_clean(output: &Output, what: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}:\n{}{text}", String::from_utf8_lossy(&output.stdout));
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn shipped_signatures_are_clean() {
    assert_clean(&edgesig(root(), &["check", "--deny", "warnings", "--today", "2026-11-26"]), "edgesig check");
}

#[test]
fn examples_are_clean_and_their_vcl_is_what_would_be_built() {
    for (example, arguments, out) in EXAMPLE_BUILDS {
        let folder = root().join("examples").join(example);
        assert_clean(&edgesig(&folder, &["check", "--deny", "warnings", "--today", "2026-11-23"]), example);
        let mut all = vec!["build", "--today", "2026-11-23", "--out", out];
        all.extend_from_slice(arguments);
        // As with the golden texts: `INSTA_UPDATE=always` writes what is expected, the diff is for review.
        if std::env::var_os("INSTA_UPDATE").is_none_or(|update| update != "always") {
            all.push("--check");
        }
        assert_clean(
            &edgesig(&folder, &all),
            &format!("{example}: `INSTA_UPDATE=always cargo test --test documentation` builds it anew"),
        );
    }
    let mut names: Vec<_> = EXAMPLE_BUILDS.iter().map(|build| build.0).collect();
    names.dedup();
    assert_eq!(
        fs::read_dir(root().join("examples"))
            .expect("examples")
            .filter(|e| e.as_ref().is_ok_and(|e| e.path().is_dir()))
            .count(),
        names.len(),
        "an example without a build in this test"
    );
}

/// Signatures in a folder of their own, with `project` as edgesig.yaml.
fn check_signatures(project: &str, signatures: &[(String, String)], command: &[&str]) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("edgesig.yaml"), project).expect("written");
    fs::create_dir(folder.path().join("signatures")).expect("made");
    for (id, text) in signatures {
        fs::write(folder.path().join("signatures").join(format!("{id}.yaml")), text).expect("written");
    }
    assert_clean(&edgesig(folder.path(), command), "signatures of the documentation");
}

#[test]
fn the_readme_shows_a_signature_and_its_own_vcl() {
    let page = read("README.md");
    let fences = |language: &str| -> Vec<String> {
        let start = format!("\n```{language}\n");
        let blocks = page.split(&start).skip(1);
        blocks.map(|block| block.split_once("\n```").expect("a fence has an end").0.to_owned()).collect()
    };
    let folder = tempfile::tempdir().expect("a folder");
    let signature = &fences("yaml")[0];
    let id = signature.lines().find_map(|line| line.strip_prefix("id: ")).expect("an id");
    fs::write(folder.path().join(format!("{id}.yaml")), signature).expect("written");
    assert_clean(&edgesig(folder.path(), &["check", "."]), "the README's signature");
    let shown = fences("vcl");
    assert_eq!(shown.len(), 2, "one for each target");
    for (shown, target, file) in [(&shown[0], "varnish", "edgesig.vcl"), (&shown[1], "fastly", "init.vcl")] {
        let out = format!("build-{target}");
        assert_clean(&edgesig(folder.path(), &["build", "--target", target, "--out", &out, "."]), "its build");
        let built = fs::read_to_string(folder.path().join(out).join(file)).expect("built");
        // Varnish's line with the file's name depends on the folder.
        let trimmed = |text: &str| {
            let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("#   "));
            lines.collect::<Vec<_>>().join("\n")
        };
        assert!(
            trimmed(&built).contains(&trimmed(shown)),
            "the README's VCL for {target} is not what is built:\n{built}"
        );
    }
}

/// Fences of a page: what follows the three backquotes, and the content.
fn fences(page: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = page;
    while let Some((_, block)) = rest.split_once("\n```") {
        let (information, body) = block.split_once('\n').expect("a line has an end");
        let (body, after) = body.split_once("\n```").expect("a fence has an end");
        found.push((information.to_owned(), format!("{body}\n")));
        rest = after;
    }
    found
}

/// Runs the commands of a console in a folder, which `cd` changes; each says what is shown. How many there were.
fn run_console(folder: &mut PathBuf, path: &str, console: &str) -> usize {
    let mut commands = 0;
    for step in format!("\n{console}").split("\n$ ").skip(1) {
        let (command, said) = step.split_once('\n').unwrap_or((step, ""));
        commands += 1;
        if let Some(below) = command.strip_prefix("cd ") {
            folder.push(below);
            continue;
        }
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(&*folder).env("PATH", path);
        let output = shell.output().expect("a shell");
        assert_clean(&output, command);
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), said.trim_end(), "{command}");
    }
    commands
}

/// Where the programs are: edgesig's own before all others.
fn program_path() -> String {
    let programs = Path::new(env!("CARGO_BIN_EXE_edgesig")).parent().expect("a folder").display();
    format!("{programs}:{}", std::env::var("PATH").unwrap_or_default())
}

/// docs/tutorial.md from top to bottom: its signature is written as often as it is shown, its commands say what is shown.
#[cfg(unix)]
#[test]
fn the_tutorial_shows_what_happens() {
    let temporary = tempfile::tempdir().expect("a folder");
    let mut folder = temporary.path().to_owned();
    let (mut commands, mut files) = (0, 0);
    for (information, body) in fences(&read("docs/tutorial.md")) {
        match information.split_once(' ') {
            Some(("yaml", file)) => {
                fs::write(folder.join(file), body).expect("written");
                files += 1;
            }
            Some(_) => {}
            None if information == "console" => commands += run_console(&mut folder, &program_path(), &body),
            None => {}
        }
    }
    assert_eq!((commands, files), (7, 2), "the fences are not found any more");
}

/// docs/fastly.md from top to bottom: its files are written, its commands run, and what it shows is what comes of them.
#[cfg(unix)]
#[test]
fn the_page_about_fastly_shows_what_happens() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    // A `fastly` that knows of nothing in the service.
    let program = folder.path().join("fastly");
    fs::write(&program, "#!/bin/sh\necho '404 Not Found' >&2\nexit 1\n").expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("made executable");
    let path = format!("{}:{}", folder.path().display(), program_path());
    let (mut commands, mut compared) = (0, 0);
    for (information, body) in fences(&read("docs/fastly.md")) {
        let (language, file) = information.split_once(' ').unwrap_or((&information, ""));
        match (language, file) {
            ("yaml" | "hcl", file) if !file.is_empty() => {
                let path = folder.path().join(file);
                fs::create_dir_all(path.parent().expect("a folder")).expect("made");
                fs::write(path, body).expect("written");
            }
            ("console", _) => {
                commands += run_console(&mut folder.path().to_owned(), &path, &body);
            }
            ("json", "line") => {
                let line: serde_json::Value = serde_json::from_str(&body).expect("a line of JSON");
                let vcl = fs::read_to_string(folder.path().join("build/init.vcl")).expect("built");
                let built = vcl.lines().find(|line| line.trim().starts_with("log ")).expect("a log statement");
                let keys = |text: &str, quote: &str| -> Vec<String> {
                    let words: Vec<&str> = text.split(quote).collect();
                    let keys = words.windows(2).filter(|pair| pair[1].starts_with(':'));
                    keys.map(|pair| pair[0].to_owned()).collect()
                };
                assert_eq!(keys(&body, "\""), keys(built, "%22"));
                assert_eq!(line["edgesig"], 1);
                compared += 1;
            }
            ("vcl" | "json", file) if !file.is_empty() => {
                if file.ends_with(".tf.json") {
                    // What else is in the folder stays.
                    let own = folder.path().join("main.tf");
                    fs::write(&own, "# mine\n").expect("it can be written");
                    let command = ["build", "--mode", "monitor", "--format", "terraform", "--out", "."];
                    assert_clean(&edgesig(folder.path(), &command), "the build for Terraform");
                    assert_eq!(fs::read_to_string(&own).expect("it is there"), "# mine\n");
                    assert!(folder.path().join("manifest.json").is_file());
                }
                let built = fs::read_to_string(folder.path().join(file)).expect("built");
                let trimmed = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
                assert!(trimmed(&built).contains(&trimmed(&body)), "{file} is not what is shown:\n{built}");
                compared += 1;
            }
            _ => {}
        }
    }
    assert_eq!((commands, compared), (3, 3), "the fences are not found any more");
    assert_clean(&edgesig(folder.path(), &["check", "--deny", "warnings"]), "the page's signatures");
}

#[test]
fn deviations_of_a_target_are_on_its_page() {
    for target in edgesig::codegen::TARGETS {
        let page = read(format!("docs/{}.md", target.name));
        let is_heading = |line: &str| line.starts_with("## Where ") && line.contains(" differ");
        let heading = page.lines().position(is_heading);
        let section = page.lines().skip(heading.expect("a heading") + 1).take_while(|line| !line.starts_with("## "));
        let rows: Vec<&str> = section.filter_map(|line| line.strip_prefix("- ")).collect();
        assert_eq!(rows, target.deviations, "docs/{}.md: the rows of its target, all and in their order", target.name);
    }
}

#[test]
fn signatures_on_the_pages_pass_their_tests() {
    let page = read("docs/language.md");
    let mut signatures = Vec::new();
    let mut rest = page.as_str();
    while let Some((_, block)) = rest.split_once("\n```yaml\n") {
        let (text, after) = block.split_once("\n```").expect("a fence has an end");
        let id = text.lines().find_map(|line| line.strip_prefix("id: ")).expect("a signature has an id");
        signatures.push((id.to_owned(), format!("{text}\n")));
        rest = after;
    }
    assert!(signatures.len() >= 5, "the fences are not found any more");
    check_signatures("edgesig: 1\n", &signatures, &["check", "--today", "2026-11-23"]);
}

#[test]
fn every_row_of_the_coverage_page_compiles() {
    const PROJECT: &str = "edgesig: 1\n\
        trusted_proxies: networks\n\
        facts: {client.country: x-country, client.asn: x-asn, client.as_name: x-as-name, client.proxy_type: x-proxy,\n  \
          tls.ja3: x-ja3, tls.sni: x-sni, req.scheme: x-forwarded-proto}\n\
        lists:\n  networks: {type: ip, values: [198.51.100.0/24]}\n  more_networks: {type: ip, values: [203.0.113.0/24]}\n  \
          agents: {type: i-string, values: [badbot]}\n  agents_whole: {type: i-string, values: [bad]}\n  \
          countries: {type: string, values: [XA]}\n  asns: {type: int, values: [64496]}\n  \
          fingerprints: {type: string, values: [e7d705a3286e19ea42f587b344ee6865]}\n  \
          paths: {type: string, values: [/probe]}\n  sites: {type: string, values: [example.org]}\n  \
          keys: {type: string, values: [secret]}\n";
    let page = read("docs/coverage.md");
    let mut signatures = Vec::new();
    let mut rows = 0;
    for line in page.lines() {
        let cells: Vec<&str> = line.splitn(4, '|').map(str::trim).collect();
        let [_, id, _, written] = cells[..] else { continue };
        if id == "id" || id.starts_with("---") {
            continue;
        }
        rows += 1;
        // A pipe in a cell of a table is escaped.
        let written = &written.replace("\\|", "|");
        if id == "cmd-injection" {
            assert!(written.contains(r"[;|]\s*+(?:cat\s|id\b)"), "{written}");
        }
        let keys: Vec<&str> = written
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|code| ["when: ", "except: ", "rate: ", "then: "].iter().any(|key| code.starts_with(key)))
            .collect();
        if keys.is_empty() {
            assert!(written.contains("**no") || id == "tarpit", "{id} is neither written nor refused");
            continue;
        }
        let id = id.replace('+', "-and-");
        // A condition is a block scalar here: the page shows it without YAML's quoting.
        let mut text = format!("edgesig: 1\nid: {id}\ntitle: A row of the coverage page\nseverity: low\n");
        for key in keys {
            match key.strip_prefix("when: ") {
                Some(condition) => text.push_str(&format!("when: |\n  {condition}\n")),
                None => text.push_str(&format!("{key}\n")),
            }
        }
        signatures.push((id, text));
    }
    assert_eq!(rows, 82, "rows of the page");
    check_signatures(PROJECT, &signatures, &["build", "--target", "varnish"]);
}

#[test]
fn files_that_the_pages_link_to_exist() {
    let mut pages: Vec<PathBuf> = vec![root().join("README.md")];
    for folder in [root().join("docs"), root().join("examples")] {
        let mut folders = vec![folder];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
                if entry.is_dir() {
                    folders.push(entry);
                } else if entry.extension().is_some_and(|extension| extension == "md") {
                    pages.push(entry);
                }
            }
        }
    }
    for page in pages {
        let text = fs::read_to_string(&page).expect("a page");
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            let path = page.parent().expect("a page is in a folder").join(file);
            assert!(path.exists(), "{} links to {target}", page.display());
        }
    }
}
