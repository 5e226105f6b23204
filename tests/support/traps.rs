//! Sets, requests and mutations for the tests of the ways in which VCL for Fastly goes wrong.

use super::fastly::{try_files, whole};
use super::ir::{block, contains, field, get, rule, ruleset};
use edgesig::catalog::Field;
use edgesig::codegen::Options;
use edgesig::engine::falco::{Falco, Step};
use edgesig::ir::{Action, Mode, Rule, TemplatePart};
use edgesig::request::Request;

/// The init snippet.
pub fn init(rules: Vec<Rule>) -> String {
    let files = try_files(&ruleset(rules), &Options::default()).expect("Fastly can express it");
    files.into_iter().find(|(path, _)| path == "init.vcl").expect("the init snippet").1
}

/// A whole service without trusted proxies, whose walk is long.
pub fn plain(rules: Vec<Rule>) -> String {
    let mut set = ruleset(rules);
    set.settings.trusted_proxies = None;
    whole(&set)
}

/// The action and the ids that match, or falco's error.
pub fn matched(falco: &Falco, vcl: &str, request: &Request) -> String {
    let steps = falco.judge(vcl, "edgesig", &[vec![request.clone()]]).expect("falco runs");
    match &steps[0][0] {
        Step::Seen(seen) => format!("{}:{}", seen.action, seen.matched.join(",")),
        Step::Error(message) => format!("error: {message}"),
    }
}

pub fn request(target: &str) -> Request {
    Request { headers: vec![(b"Host".to_vec(), b"www.example.com".to_vec())], ..get(target, &[]) }
}

/// What is written with a guard taken out.
pub fn without(vcl: &str, guard: &str, instead: &str) -> String {
    assert!(vcl.contains(guard), "no `{guard}` in {vcl}");
    vcl.replace(guard, instead)
}

/// A signature that matches `/attack`.
pub fn on_attack() -> String {
    whole(&ruleset(vec![rule("attack", contains(field(Field::Path, None), "attack"), vec![Action::Log])]))
}

/// The text of one sub.
pub fn sub<'t>(text: &'t str, name: &str) -> &'t str {
    let start = text.find(&format!("sub {name} {{")).expect("the sub");
    let end = text[start..].find("\n}\n").expect("its end");
    &text[start..start + end]
}

/// A set with a bit of everything, as text.
pub fn everything() -> String {
    let redirect = Action::Redirect {
        status: 302,
        template: vec![TemplatePart::Text("https://".to_owned()), TemplatePart::Host, TemplatePart::UrlRaw],
    };
    let mut canary = block("canary", contains(field(Field::TlsSni, None), "x"));
    canary.mode = Mode::Canary(10);
    let mut rules = vec![
        canary,
        rule("moved", contains(field(Field::Path, None), "\"}"), vec![redirect]),
        rule("slow", contains(field(Field::Args, Some("id")), "s"), vec![Action::Tarpit(5)]),
        rule("tagged", contains(field(Field::ArgNames, None), "t"), vec![Action::Tag("t".to_owned())]),
        rule("stripped", contains(field(Field::Cookies, Some("c")), "t"), vec![Action::Strip(vec!["x-b".to_owned()])]),
    ];
    for number in 0..60 {
        rules.push(block(&format!("rule-{number}"), contains(field(Field::Url, None), &format!("needle-{number}"))));
    }
    init(rules)
}
