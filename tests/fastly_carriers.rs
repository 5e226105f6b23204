//! What carries the VCL to Fastly, read as its consumer reads it: every format holds the same snippets, the script works
//! with a stand-in for the `fastly` command, falco prints the strings, and what Fastly could not hold is refused.

mod support;

use edgesig::catalog::Field;
use edgesig::codegen::{Artifact, Format, Layout, Options, TARGETS};
use edgesig::diagnostic::Diagnostics;
use edgesig::engine::falco::service;
use edgesig::ir::{
    Action, BlockBody, Check, List, ListIndex, ListValues, Needles, Networks, Rule, Ruleset, Text, TextOperator,
};
use edgesig::source::{SourceId, Span};
use proptest::prelude::*;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use support::falco;
use support::ir::{block, compare, contains, field, rule, ruleset};

fn emit(set: &Ruleset, options: &Options) -> (Vec<Artifact>, Vec<String>) {
    let target = TARGETS.iter().find(|target| target.name == "fastly").expect("there is the target");
    let mut found = Diagnostics::default();
    let artifacts = (target.emit)(set, options, &mut found);
    assert!(found.has_errors() == artifacts.is_empty());
    let said = |diagnostic: &edgesig::diagnostic::Diagnostic| {
        format!("{} | {} | {}", diagnostic.message, diagnostic.primary.text, diagnostic.help.join(" "))
    };
    (
        artifacts,
        found.list.iter().filter(|found| found.severity == edgesig::diagnostic::Severity::Error).map(said).collect(),
    )
}

fn files(set: &Ruleset, format: Format) -> Vec<(String, String)> {
    let (artifacts, errors) = emit(set, &Options { format, ..Options::default() });
    assert!(errors.is_empty(), "{errors:?}");
    artifacts.into_iter().map(|artifact| (artifact.path, artifact.content)).collect()
}

fn content<'f>(files: &'f [(String, String)], name: &str) -> &'f str {
    &files.iter().find(|(path, _)| path == name).unwrap_or_else(|| panic!("{name} is not written")).1
}

fn json(files: &[(String, String)], name: &str) -> Value {
    serde_json::from_str(content(files, name)).expect("it is JSON")
}

const NOWHERE: Span = Span { source: SourceId(0), start: 0, end: 0 };

fn edge_list(name: &str, edge: &str, values: ListValues) -> List {
    List { name: name.to_owned(), span: NOWHERE, values, edge: Some(edge.to_owned()) }
}

fn strings(texts: impl IntoIterator<Item = impl AsRef<[u8]>>) -> ListValues {
    let text = |bytes: &[u8]| Text { bytes: bytes.to_vec(), ignore_case: false };
    ListValues::Strings(texts.into_iter().map(|bytes| text(bytes.as_ref())).collect())
}

fn networks(texts: &[&str]) -> ListValues {
    ListValues::Ip(texts.iter().map(|text| text.parse().expect("a network")).collect())
}

/// A rule that asks for a key in list 0 and one that asks for the client in list 1.
fn with_edge_lists(keys: ListValues, addresses: ListValues) -> Ruleset {
    let needles = Needles::List(ListIndex(0));
    let key = compare(field(Field::Headers, Some("x-key")), Check::Text { operator: TextOperator::Equals, needles });
    let client = compare(field(Field::ClientIp, None), Check::Network(Networks::List(ListIndex(1))));
    let mut set = ruleset(vec![block("banned-key", key), block("denied", client)]);
    set.settings.trusted_proxies = None;
    set.lists = vec![edge_list("keys", "banned_keys", keys), edge_list("denied", "denied_clients", addresses)];
    set
}

/// Texts that a carrier could break.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        "[${%}\"'\\\\`+&=25<> a\t]{1,20}",
        "[^\u{0}]{1,20}",
        proptest::sample::select(vec!["${jndi:ldap://x}", "%{IP}", "$${a}", "\"}", "EOT", "%2500", "'; rm -rf /; '"])
            .prop_map(str::to_owned),
    ]
}

/// Keys that every carrier can hold.
fn key() -> impl Strategy<Value = String> {
    hostile().prop_map(|key| format!("k{key}"))
}

fn hostile_set(title: &str, needle: &str, keys: Vec<String>, body: &str) -> Ruleset {
    let mut set = with_edge_lists(strings(keys), networks(&["192.0.2.0/24", "2001:db8::/32"]));
    let mut other = block("needle", contains(field(Field::UrlRaw, None), needle));
    other.title = title.to_owned();
    set.rules.push(other.into());
    set.settings.block.body = BlockBody::File { content: body.to_owned(), content_type: "text/html".to_owned() };
    set
}

/// Name, type, priority and content.
type Snippets = Vec<(String, String, u64, String)>;

fn snippets_of_vcl(files: &[(String, String)]) -> Snippets {
    let priority = |text: &str| text.split("priority ").nth(1)?.split([':', '.']).next()?.parse().ok();
    files
        .iter()
        .filter_map(|(path, content)| Some((path.strip_suffix(".vcl")?, content)))
        .map(|(kind, content)| {
            (format!("edgesig-{kind}"), kind.to_owned(), priority(content).expect("it is said"), content.clone())
        })
        .collect()
}

/// Of a list of JSON objects; `read` undoes what the carrier adds to strings.
fn snippets_of_json(list: &Value, read: impl Fn(&str) -> String) -> Snippets {
    let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok()).expect("a number");
    let list = list.as_array().expect("a list");
    let text = |snippet: &Value, key: &str| read(snippet[key].as_str().expect("a text"));
    list.iter()
        .map(|snippet| {
            (text(snippet, "name"), text(snippet, "type"), number(&snippet["priority"]), text(snippet, "content"))
        })
        .collect()
}

/// A template of Terraform that interpolates nothing.
fn read_template(template: &str) -> String {
    support::fastly::read_template(template).unwrap_or_else(|said| panic!("{said}"))
}

/// Fields of a form, decoded as a server does.
fn read_form(form: &str) -> Vec<(String, String)> {
    let decode = |part: &str| {
        let mut bytes = Vec::new();
        let mut rest = part.as_bytes();
        while let Some((&byte, tail)) = rest.split_first() {
            match byte {
                b'%' => {
                    let digits = std::str::from_utf8(&tail[..2]).expect("digits");
                    bytes.push(u8::from_str_radix(digits, 16).expect("digits"));
                    rest = &tail[2..];
                    continue;
                }
                b'+' => bytes.push(b' '),
                _ => bytes.push(byte),
            }
            rest = tail;
        }
        String::from_utf8(bytes).expect("UTF-8")
    };
    form.split('&').map(|pair| pair.split_once('=').expect("a pair")).map(|(k, v)| (decode(k), decode(v))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_format_holds_the_same_snippets(
        title in hostile(),
        needle in hostile(),
        keys in proptest::collection::btree_set(key(), 1..6),
        body in hostile(),
    ) {
        let keys: Vec<String> = keys.into_iter().collect();
        let set = hostile_set(&title, &needle, keys.clone(), &body);
        let vcl = files(&set, Format::Vcl);
        let expected = snippets_of_vcl(&vcl);
        prop_assert_eq!(expected.len(), 6);
        prop_assert_eq!(expected[0].1.as_str(), "init");

        let terraform = files(&set, Format::Terraform);
        let resources = &json(&terraform, "edgesig_lists.tf.json")["resource"];
        let of_service = &json(&terraform, "edgesig_override.tf.json")["resource"]["fastly_service_vcl"]["edgesig"];
        prop_assert_eq!(&snippets_of_json(&of_service["snippet"], read_template), &expected);
        prop_assert_eq!(&of_service["acl"], &serde_json::json!([{"name": "denied_clients"}]));
        prop_assert_eq!(&of_service["dictionary"], &serde_json::json!([{"name": "banned_keys"}]));
        let items = resources["fastly_service_dictionary_items"]["banned_keys"]["items"].as_object().unwrap();
        let mut read: Vec<String> = items.keys().map(|key| read_template(key)).collect();
        read.sort();
        prop_assert_eq!(&read, &keys);

        let api = files(&set, Format::Api);
        let all = json(&api, "fastly-api.json");
        prop_assert_eq!(&snippets_of_json(&all["snippets"], str::to_owned), &expected);
        let items: Vec<&str> = all["dictionaries"]["banned_keys"]["items"].as_array().unwrap().iter()
            .map(|item| item["item_key"].as_str().unwrap()).collect();
        prop_assert_eq!(&items, &keys);
        for (name, kind, priority, content_of) in &expected {
            let fields = read_form(content(&api, &format!("{kind}.form")));
            let wanted = [
                ("name", name.as_str()), ("type", kind), ("dynamic", "0"), ("priority", &priority.to_string()),
                ("content", content_of),
            ];
            let wanted = wanted.map(|(key, value)| (key.to_owned(), value.to_owned()));
            prop_assert_eq!(fields, wanted.to_vec());
        }

        let plan = json(&files(&set, Format::Plan), "plan.json");
        let values = plan.pointer("/planned_values/root_module/resources/0/values").unwrap();
        prop_assert_eq!(&snippets_of_json(&values["snippet"], str::to_owned), &expected);

        let cli = files(&set, Format::Cli);
        prop_assert_eq!(&snippets_of_vcl(&cli), &expected);
        let items = json(&cli, "dictionary-banned_keys.json");
        prop_assert_eq!(&items, &all["dictionaries"]["banned_keys"]);
    }
}

#[test]
fn resources_of_terraform_are_whole() {
    let set = with_edge_lists(strings(["k-1", "${k}"]), networks(&["192.0.2.0/24", "2001:db8::1/128"]));
    let terraform = files(&set, Format::Terraform);
    let mut value = json(&terraform, "edgesig_override.tf.json");
    for snippet in value["resource"]["fastly_service_vcl"]["edgesig"]["snippet"].as_array_mut().expect("a list") {
        // The VCL has its goldens.
        snippet["content"] = "…".into();
    }
    let service = serde_json::to_string_pretty(&value).expect("it is JSON");
    let lists = content(&terraform, "edgesig_lists.tf.json");
    insta::assert_snapshot!(format!("edgesig_override.tf.json:\n{service}\n\nedgesig_lists.tf.json:\n{lists}"));
    // Terraform refuses a resource in an override file that no other file has.
    assert_eq!(value["resource"].as_object().expect("resources").len(), 1);
    // A file of an earlier build would speak of lists that are gone.
    let without = files(&ruleset(vec![block("blocked", contains(field(Field::Path, None), "x"))]), Format::Terraform);
    assert_eq!(content(&without, "edgesig_lists.tf.json"), "{}\n");
}

#[test]
fn bodies_for_the_api_are_whole() {
    let set = with_edge_lists(strings(["k-1", "a+b %25"]), networks(&["192.0.2.0/24"]));
    let api = files(&set, Format::Api);
    let mut value = json(&api, "fastly-api.json");
    for snippet in value["snippets"].as_array_mut().expect("a list") {
        snippet["content"] = "…".into();
    }
    let paths: Vec<&str> = api.iter().map(|(path, _)| path.as_str()).collect();
    let text = serde_json::to_string_pretty(&value).expect("it is JSON");
    insta::assert_snapshot!(format!("{}\n\nrecv.form:\n{}\n\n{text}", paths.join(" "), content(&api, "recv.form")));
}

/// Writes files into a folder, the script beside a stand-in for `fastly` that keeps things in a folder `state`, notes its
/// arguments in `calls`, and refuses what is there already.
fn deployment(set: &Ruleset) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    rebuild(folder.path(), set);
    fs::create_dir_all(folder.path().join("bin")).expect("made");
    fs::create_dir_all(folder.path().join("state")).expect("made");
    write_program(&folder.path().join("bin/fastly"), FASTLY);
    folder
}

fn rebuild(folder: &Path, set: &Ruleset) {
    fs::create_dir_all(folder.join("build")).expect("made");
    for (path, text) in files(set, Format::Cli) {
        fs::write(folder.join("build").join(path), text).expect("written");
    }
}

fn write_program(path: &Path, text: &str) {
    fs::write(path, text).expect("written");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("made executable");
    }
}

/// `has`, `create`, `update`, `delete` of the things of a version, as the real command answers. A thing is a file.
const FASTLY: &str = r#"#!/bin/bash
set -eu
printf '%s\n' "$(printf '%q ' "$@")" >> "$STATE/calls"
all=("$@"); verb= kind= name= content= file= id=
while [ $# -gt 0 ]; do
	case $1 in
	--name) name=$2; shift ;;
	--content) content=$2; shift ;;
	--file) file=$2; shift ;;
	--acl-id | --dictionary-id) id=$2; shift ;;
	--service-id) [ "$2" = "$EXPECTED_SERVICE" ] || { echo "no such service: $2" >&2; exit 9; }; shift ;;
	--version | --type | --priority | --comment) shift ;;
	--autoclone) ;;
	--*) echo "unknown flag $1" >&2; exit 8 ;;
	create | update | delete | describe) verb=$1 ;;
	service | vcl) ;;
	*) kind=$1 ;;
	esac
	shift
done
thing="$STATE/$kind-$name"
if [ "$verb" = describe ] && [ -n "${BROKEN:-}" ]; then echo "ERROR: the Fastly API returned $BROKEN: x." >&2; exit 1; fi
case $kind-$verb in
version-update) ;;
*-describe) [ -e "$thing" ] || { echo "ERROR: the Fastly API returned 404 Not Found: Record not found." >&2; exit 1; }; printf '\nService ID: %s\nName: %s\nID: id-of-%s\n' x "$name" "$name" ;;
acl-entry-update | dictionary-entry-update) cp "$file" "$STATE/$kind-$id" ;;
snippet-create) [ ! -e "$thing" ] || { echo "409 Conflict" >&2; exit 1; }; cp "$content" "$thing" ;;
snippet-update) [ -e "$thing" ] || exit 1; cp "$content" "$thing" ;;
*-create) [ ! -e "$thing" ] || { echo "409 Conflict" >&2; exit 1; }; touch "$thing" ;;
*-delete) rm "$thing" ;;
*) echo "unknown command ${all[*]}" >&2; exit 7 ;;
esac
"#;

fn deploy(folder: &Path, arguments: &[&str], shell: &str) -> Output {
    deployer(folder, arguments, shell).output().expect("a shell")
}

fn deployer(folder: &Path, arguments: &[&str], shell: &str) -> Command {
    let path = format!("{}:{}", folder.join("bin").display(), std::env::var("PATH").unwrap_or_default());
    let mut command = Command::new(shell);
    command
        .current_dir(folder)
        .arg("build/deploy.sh")
        .args(arguments)
        .env("PATH", path)
        .env("STATE", folder.join("state"))
        .env("EXPECTED_SERVICE", SERVICE)
        .env("FASTLY_API_TOKEN", "secret-of-the-test")
        .env_remove("FASTLY_SERVICE_ID");
    command
}

/// An id that a script without quotes would take apart.
const SERVICE: &str = "S 1 $(touch broken) 'x' \"y\" *";

fn succeeded(output: &Output) -> String {
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    said
}

fn state(folder: &Path) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = fs::read_dir(folder.join("state"))
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| (path.file_name().expect("a name").to_string_lossy().into_owned(), read(&path)))
        .filter(|(name, _)| name != "calls")
        .collect();
    found.sort();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn the_script_puts_a_set_into_a_service_and_again_changes_nothing() {
    let set = hostile_set("a ${title}", "%{needle}'\"", vec!["k'1".to_owned(), "${k}".to_owned()], "<p>{id}\"}</p>");
    for shell in ["bash", "sh"] {
        let folder = deployment(&set);
        succeeded(&deploy(folder.path(), &[SERVICE], shell));
        let built = files(&set, Format::Cli);
        let first = state(folder.path());
        let mut expected: Vec<(String, String)> = snippets_of_vcl(&built)
            .into_iter()
            .map(|(name, _, _, content)| (format!("snippet-{name}"), content))
            .chain([
                ("acl-denied_clients".to_owned(), String::new()),
                ("acl-entry-id-of-denied_clients".to_owned(), content(&built, "acl-denied_clients.json").to_owned()),
                ("dictionary-banned_keys".to_owned(), String::new()),
                (
                    "dictionary-entry-id-of-banned_keys".to_owned(),
                    content(&built, "dictionary-banned_keys.json").to_owned(),
                ),
            ])
            .collect();
        expected.sort();
        assert_eq!(first, expected, "{shell}");
        // What somebody put into a list at the edge since then stays.
        fs::write(folder.path().join("state/acl-entry-id-of-denied_clients"), "changed").expect("written");
        let said = succeeded(&deploy(folder.path(), &[SERVICE, "latest"], shell));
        assert!(said.contains("kept the acl denied_clients and what is in it"), "{said}");
        let second = state(folder.path());
        assert_eq!(second.len(), first.len());
        assert!(second.contains(&("acl-entry-id-of-denied_clients".to_owned(), "changed".to_owned())));
        let calls = read(&folder.path().join("state/calls"));
        assert!(!calls.contains("secret-of-the-test") && !said.contains("secret-of-the-test"), "{calls}");
        assert!(!folder.path().join("broken").exists() && !folder.path().join("build/broken").exists());
    }
}

#[test]
fn a_snippet_of_an_earlier_build_goes() {
    let tarpit = rule("slow", contains(field(Field::Path, None), "x"), vec![Action::Tarpit(5)]);
    let folder = deployment(&ruleset(vec![tarpit]));
    succeeded(&deploy(folder.path(), &[SERVICE, "7"], "sh"));
    let has_deliver = |folder: &Path| folder.join("state/snippet-edgesig-deliver").exists();
    assert!(has_deliver(folder.path()));
    // A version with a number is not cloned.
    assert!(!read(&folder.path().join("state/calls")).contains("autoclone"));
    rebuild(folder.path(), &ruleset(vec![block("blocked", contains(field(Field::Path, None), "x"))]));
    succeeded(&deploy(folder.path(), &[SERVICE], "sh"));
    assert!(!has_deliver(folder.path()), "it would call a sub that is gone");
}

#[test]
fn a_dry_run_changes_nothing_and_says_everything() {
    let set = with_edge_lists(strings(["k"]), networks(&["192.0.2.0/24"]));
    let folder = deployment(&set);
    let said = succeeded(&deploy(folder.path(), &["--dry-run", SERVICE], "sh"));
    assert_eq!(state(folder.path()), []);
    for part in ["acl create", "acl-entry update", "dictionary create", "snippet create", "edgesig-init"] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
    let calls = read(&folder.path().join("state/calls"));
    assert!(calls.lines().all(|call| call.contains("describe")), "{calls}");
}

#[test]
fn the_script_stops_where_something_is_wrong() {
    let set = ruleset(vec![block("blocked", contains(field(Field::Path, None), "x"))]);
    let folder = deployment(&set);
    let fails = |arguments: &[&str]| {
        let output = deploy(folder.path(), arguments, "sh");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or_default().to_owned())
    };
    let no_service = "deploy.sh: no service: give its id, or set FASTLY_SERVICE_ID".to_owned();
    assert_eq!(fails(&[]), (Some(2), no_service));
    assert_eq!(fails(&["--dryrun", SERVICE]).0, Some(2));
    assert_eq!(fails(&[SERVICE, "1", "2"]).0, Some(2));
    let (code, said) = fails(&["another"]);
    assert_eq!((code, said.as_str()), (Some(9), "no such service: another"));
    // Who cannot ask does not know that there is nothing: neither a snippet to make nor one to leave.
    for (broken, dry_run) in [("401 Unauthorized", &[][..]), ("503 Service Unavailable", &["--dry-run"])] {
        let before = state(folder.path());
        let arguments: Vec<&str> = dry_run.iter().copied().chain([SERVICE]).collect();
        let output = deployer(folder.path(), &arguments, "sh").env("BROKEN", broken).output().expect("a shell");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.starts_with(&format!("ERROR: the Fastly API returned {broken}")), "{said}");
        assert!(said.contains("deploy.sh: stopped: `fastly service vcl snippet describe"), "{said}");
        assert_eq!(state(folder.path()), before);
    }
    // A shell that looks for folders elsewhere finds the script's own.
    let elsewhere = folder.path().join("elsewhere");
    fs::create_dir_all(elsewhere.join("build")).expect("made");
    let output = deployer(folder.path(), &["--dry-run", SERVICE], "bash").env("CDPATH", &elsewhere).output();
    succeeded(&output.expect("a shell"));
    // The real command would upload the name of a file that is not there as the snippet.
    fs::remove_file(folder.path().join("build/init.vcl")).expect("it is there");
    let (code, said) = fails(&[SERVICE]);
    assert_eq!((code, said.as_str()), (Some(1), "deploy.sh: ./init.vcl is missing: build the output again"));
    assert_eq!(state(folder.path()), []);
}

/// What falco reads back from printed strings: bodies of answers, each a text of its own.
#[test]
fn falco_prints_the_texts_that_were_written() {
    let Some(falco) = falco() else { return };
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let texts = proptest::collection::vec(hostile(), 300);
    let texts = proptest::strategy::ValueTree::current(&texts.new_tree(&mut runner).expect("texts"));
    let (mut vcl, mut tests) = (String::new(), String::new());
    for (index, text) in texts.iter().enumerate() {
        let set = hostile_set("title", "needle", vec!["k".to_owned()], &text.replace("{id}", ""));
        let init = files(&set, Format::Vcl).swap_remove(0).1;
        let literal = init.lines().find_map(|line| line.trim().strip_prefix("synthetic ")).expect("a body");
        let literal = literal.strip_suffix(';').expect("an end");
        vcl.push_str(&format!("sub printed_{index}_recv {{\n  log digest.base64({literal});\n}}\n"));
        tests.push_str(&format!(
            "// @scope: recv\nsub t_{index} {{ testing.call_subroutine(\"printed_{index}_recv\"); }}\n"
        ));
    }
    vcl.push_str("sub vcl_recv {\n#FASTLY recv\n}\n");
    let read = falco.test(&vcl, &tests).expect("falco runs");
    let written: Vec<String> = texts.iter().map(|text| base64(text.replace("{id}", "").as_bytes())).collect();
    let differing = written.iter().zip(&read).filter(|(written, read)| written != read);
    assert_eq!(read.len(), written.len());
    assert_eq!(differing.collect::<Vec<_>>(), Vec::<(&String, &String)>::new());
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let number = chunk.iter().fold(0u32, |number, byte| number << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = DIGITS[(number >> (18 - 6 * place) & 63) as usize];
            out.push(if place <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

#[test]
fn what_fastly_could_not_hold_is_refused() {
    let errors = |set: &Ruleset| emit(set, &Options::default()).1;
    let addresses = || networks(&["192.0.2.0/24"]);
    let many = (0..1001).map(|number| format!("k-{number}"));
    assert_eq!(
        errors(&with_edge_lists(strings(many), addresses())),
        [
            "the sample for `banned_keys` has 1001 items, and a dictionary at Fastly holds 1000 | too long for the edge | \
          keep the list in the project, without `edge:`: there it is part of the VCL and has no such limit"
        ]
    );
    assert!(errors(&with_edge_lists(strings((0..1000).map(|number| format!("k-{number}"))), addresses())).is_empty());
    let nets = (0..1001).map(|number| format!("10.{}.{}.0/24", number / 256, number % 256).parse().expect("a network"));
    let errors_of_nets = errors(&with_edge_lists(strings(["k"]), ListValues::Ip(nets.collect())));
    assert!(errors_of_nets[0].starts_with("the sample for `denied_clients` has 1001 entries, and an ACL"));
    assert_eq!(
        errors(&with_edge_lists(strings(["k".repeat(257)]), addresses())),
        ["the sample of `@keys` has an entry of 257 bytes | a key of a dictionary at Fastly has at most 256 bytes | \
          keep the list in the project, without `edge:`, or shorten the entry"]
    );
    assert!(errors(&with_edge_lists(strings(["k".repeat(256)]), addresses())).is_empty());
    assert_eq!(
        errors(&with_edge_lists(strings([b"\xff"]), addresses())),
        ["the sample of `@keys` has an entry that is not UTF-8 | a key of a dictionary at Fastly is UTF-8 | \
          keep the list in the project, without `edge:`"]
    );
    // Terraform's provider takes what follows `%` for a count and drops the item.
    let percent = with_edge_lists(strings(["%{k}"]), addresses());
    assert!(errors(&percent).is_empty());
    assert_eq!(
        emit(&percent, &Options { format: Format::Terraform, ..Options::default() }).1,
        ["the sample of `@keys` has an entry that begins with `%` | Terraform's provider loses such keys | \
          add the entry at Fastly, or keep the list in the project, without `edge:`"]
    );
    let mut clash = with_edge_lists(strings(["k"]), addresses());
    clash.lists[0].edge = Some("edgesig_recv".to_owned());
    assert_eq!(
        errors(&clash),
        ["`edgesig_recv` could be the name of something that is generated | begins like generated names | \
          rename it at Fastly and in `edge:`, or choose another `prefix`"]
    );
}

#[test]
fn a_set_that_is_too_large_is_refused() {
    let long = |index: usize| {
        let needle = format!("{index:04}{}", "n".repeat(900));
        block(&format!("rule-{index}"), contains(field(Field::UrlRaw, None), &needle))
    };
    for layout in [Layout::Snippets, Layout::Include] {
        let options = Options { layout, ..Options::default() };
        assert!(emit(&ruleset((0..500).map(long).collect()), &options).1.is_empty());
        let errors = emit(&ruleset((0..1100).map(long).collect()), &options).1;
        assert_eq!(errors.len(), 1);
        assert!(errors[0].starts_with("the VCL of 1100 signatures has 1"), "{}", errors[0]);
        assert!(errors[0].contains("and Fastly takes 1000000 in one piece | the longest of them, "), "{}", errors[0]);
        assert!(errors[0].contains("`--exclude ID`"), "{}", errors[0]);
    }
}

/// The longest line that a request can cause, each byte written with six.
#[test]
fn a_log_line_is_never_longer_than_fastly_takes() {
    let long = |index: usize| -> Rule {
        let id = format!("a-signature-with-a-long-name-{index:030}");
        rule(&id, compare(field(Field::Method, None), Check::Exists), vec![Action::Log])
    };
    let init = files(&ruleset((0..100).map(long).collect()), Format::Vcl).swap_remove(0).1;
    let line = init.lines().find(|line| line.trim().starts_with("log ")).expect("a log statement");
    let mut longest = 0;
    for part in line.split("json.escape(").skip(1) {
        let mut depth = 1;
        let closes = |character: char| {
            depth += i32::from(character == '(') - i32::from(character == ')');
            depth == 0
        };
        let argument = &part[..part.find(closes).expect("a closing parenthesis")];
        let cut = argument.rsplit_once(", 0, ").and_then(|(_, rest)| rest.trim_end_matches(')').parse::<usize>().ok());
        // Ids and actions are letters, digits and hyphens; one of them alone is short.
        longest += match cut {
            Some(cut) if argument.contains("X-Edgesig-Ids") => cut,
            Some(cut) => 6 * cut,
            None => {
                let is_short =
                    ["Action", "By", "Limit", "Client"].iter().any(|name| argument.contains(&format!("-{name}")));
                assert!(is_short, "{argument} is not cut");
                128
            }
        };
    }
    // Client, data centre, status and request id are Fastly's.
    assert!(longest > 10_000 && line.len() + longest + 256 < 16_384, "{longest}");
}

/// The projects that are built for Fastly: the shipped signatures and the examples, with their folder of output.
const PROJECTS: [(&str, Option<&str>); 3] =
    [("", None), ("examples/json-api", Some("build/fastly")), ("examples/wordpress-shop", Some("build/fastly"))];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn edgesig(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_edgesig")).current_dir(folder).args(arguments).output().expect("edgesig runs")
}

#[test]
fn shipped_sets_and_examples_lint_in_every_carrier() {
    let Some(falco) = falco() else { return };
    for (project, committed) in PROJECTS {
        let folder = root().join(project);
        let out = tempfile::tempdir().expect("a folder");
        let build = |format: &str, layout: &str| {
            let out = out.path().join(format!("{format}-{layout}"));
            let shown = out.display().to_string();
            let mut arguments = vec!["build", "--target", "fastly", "--today", "2026-11-23", "--out", &shown];
            arguments.extend(["--format", format, "--layout", layout]);
            succeeded(&edgesig(&folder, &arguments));
            read_files(&out)
        };
        for (format, layout) in [("vcl", "snippets"), ("vcl", "include"), ("cli", "snippets")] {
            let vcl = service(&build(format, layout), "edgesig", &[]);
            let lint = falco.lint(&vcl).expect("falco runs");
            assert!(lint.is_clean(), "{project} {format} {layout}: {lint:?}");
        }
        if let Some(committed) = committed {
            let lint = falco.lint(&service(&read_files(&folder.join(committed)), "edgesig", &[])).expect("falco runs");
            assert!(lint.is_clean(), "{project}: {lint:?}");
        }
        let lint = falco.lint_plan(content(&build("plan", "snippets"), "plan.json")).expect("falco runs");
        assert!(lint.is_clean(), "{project} as Terraform plans it: {lint:?}");
    }
}

fn read_files(folder: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_file());
    paths.map(|path| (path.file_name().expect("a name").to_string_lossy().into_owned(), read(&path))).collect()
}

/// Which of them cannot run everywhere; each says why in its notes or on its page.
#[test]
fn shipped_signatures_run_on_every_target() {
    for (project, elsewhere) in
        [("", vec!["login-slow-guessing: varnish"]), ("examples/json-api", vec![]), ("examples/wordpress-shop", vec![])]
    {
        let said = succeeded(&edgesig(&root().join(project), &["check", "--target", "all"]));
        let partly: Vec<&str> =
            said.lines().filter(|line| !line.starts_with(' ') && !line.ends_with(": varnish, fastly")).collect();
        assert_eq!(partly, elsewhere, "{project}");
    }
}

/// The command that a user has; `tests/falco.rs` runs the tests of all signatures.
#[test]
fn tests_of_signatures_agree_in_falco() {
    let Some(_) = falco() else { return };
    for (project, paths, least) in [("", vec!["signatures/scanners"], 15), ("examples/wordpress-shop", vec![], 20)] {
        let said = succeeded(&edgesig(&root().join(project), &[vec!["test", "--engine", "falco"], paths].concat()));
        let passed = said.split(" passed").next().and_then(|text| text.rsplit(' ').next()?.parse::<usize>().ok());
        assert!(passed.is_some_and(|passed| passed >= least) && !said.contains("failed"), "{said}");
    }
}

#[test]
fn the_same_set_gives_the_same_bytes() {
    let set = with_edge_lists(strings(["b", "a"]), networks(&["192.0.2.0/24"]));
    for format in [Format::Vcl, Format::Terraform, Format::Api, Format::Cli, Format::Plan] {
        assert_eq!(files(&set, format), files(&set, format));
    }
    // Whether an unused list is kept at the edge changes nothing.
    let mut more = set.clone();
    more.lists.push(edge_list("unused", "unused_list", strings(["x"])));
    let written = |set: &Ruleset| files(set, Format::Terraform);
    assert_eq!(
        content(&written(&more), "edgesig_override.tf.json"),
        content(&written(&set), "edgesig_override.tf.json")
    );
}
