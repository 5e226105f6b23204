//! Random signature files as people write them: valid, and in every shape that YAML and conditions allow.

use super::rng::Rng;

/// Comparisons of every kind; each is complete by itself.
const COMPARISONS: &[&str] = &[
    r#"req.path == "/admin""#,
    r#"req.path != "/""#,
    r#"req.path starts_with ["/api/", "/v1/"]"#,
    r#"req.path.raw contains "\x2e\x2e/""#,
    r#"lower(req.path) ends_with ".php""#,
    r#"lower(req.query) contains ["union select", "sleep(", "\"quoted\"", "back\\slash", "tab\t"]"#,
    r#"req.path matches r"^/[a-z]{1,8}\.php$""#,
    r##"req.query matches r#"say "x"|a# b"#"##,
    r#"any_form(req.url) matches ri"\$\{jndi""#,
    r#"req.headers["user-agent"] contains i"sqlmap""#,
    r#"req.headers["user-agent", "referer", "x-forwarded-for", "x-api-version"] contains "${""#,
    r#"exists req.headers["x-debug"]"#,
    r#"not exists req.headers["accept"]"#,
    r#"req.args["id"] == "1""#,
    r#"any(req.args["q"].raw contains "%27")"#,
    r#"all(req.args["q"] == "a")"#,
    r#"not any(req.cookies["sid"] == "x")"#,
    r#"req.method in ["GET", "HEAD", "PUT", "PATCH"]"#,
    r#"not req.method in ["GET", "POST"]"#,
    r#"client.ip in [192.0.2.0/24, 2001:db8::/32, 198.51.100.7]"#,
    r#"not client.ip in @office"#,
    r#"length(req.url) > 1000"#,
    r#"int(req.headers["content-length"]) >= 65536"#,
    r#"req.host != "www.example.com""#,
    r#"req.path == "/caf\u{e9}/\xe9""#,
    r#"not not req.path == "/admin""#,
    r#"not (req.method != "POST")"#,
    r#"req.path == "/admin" and req.path starts_with "/adm""#,
    r#"(req.path ends_with ".php" or req.path contains ".php")"#,
    r#"req.query contains ["select", "union select", "select"]"#,
    r#"req.path matches r"^/admin""#,
    r#"req.path matches r".*admin.*""#,
    r#"req.path matches r"(?:^|/)(wp|xmlrpc)(login)""#,
    r#"not req.args["id"] == "1""#,
    r#"client.ip in [192.0.2.0/24, 192.0.2.0/25, 192.0.2.7]"#,
    "named",
];

/// Comparisons of which one often implies another.
const RELATED: &[&str] = &[
    r#"req.path == "/admin""#,
    r#"req.path == "/admin/x""#,
    r#"req.path != "/admin""#,
    r#"req.path starts_with "/admin""#,
    r#"req.path starts_with "/admin/""#,
    r#"req.path starts_with ["/admin/", "/admin"]"#,
    r#"req.path matches r"^/admin/""#,
    r#"req.path matches r".*\Badmin""#,
    r#"req.path ends_with ".php""#,
    r#"req.path == "/admin.php""#,
    r#"req.path contains "admin""#,
    r#"req.method == "PUT""#,
    r#"req.method in ["PUT", "PATCH"]"#,
    r#"req.args["id"] == "1""#,
    r#"any(req.args["id"] != "1")"#,
    r#"exists req.args["id"]"#,
];

/// A condition of comparisons that have to do with each other, and of names.
fn related(rng: &mut Rng, depth: usize, names: &[&str]) -> String {
    if depth == 0 {
        return if !names.is_empty() && rng.once_in(2) { rng.pick(names) } else { rng.pick(RELATED) }.to_owned();
    }
    let operator = rng.pick(&[" and ", " or "]);
    let parts: Vec<String> = (0..2 + rng.below(2))
        .map(|_| {
            let depth = if rng.once_in(2) { 0 } else { depth - 1 };
            let part = related(rng, depth, names);
            match rng.below(if depth == 0 { 6 } else { 4 }) {
                0 => format!("not ({part})"),
                _ if depth == 0 => part,
                _ => format!("({part})"),
            }
        })
        .collect();
    parts.join(operator)
}

/// A signature whose `let` names are used several times, in other names, in `when` and in `except`.
pub fn sharing(rng: &mut Rng, id: &str) -> String {
    let first = related(rng, 1, &[]);
    let second = related(rng, 1, &["first"]);
    let when = related(rng, 2, &["first", "second"]);
    let except = related(rng, 2, &["first", "second"]);
    format!(
        "edgesig: 1\nid: {id}\ntitle: A title\nseverity: low\nlet:\n  first: |\n    {first}\n  second: |\n    {second}\n\
         when: |\n  {when} and (first or second)\nexcept: |\n  {except} and not second\nthen: log\n\
         tests: [{{name: a, request: GET /, expect: no_match}}]\n"
    )
}

fn blank(rng: &mut Rng, ugly: bool) -> &'static str {
    if ugly {
        rng.pick(&[" ", " ", "  ", "\n    ", "\n\n", " # why: this\n", "\n# a \"comment\" (here\n"])
    } else {
        " "
    }
}

/// A condition of some depth.
pub fn condition(rng: &mut Rng, depth: usize, ugly: bool) -> String {
    if depth == 0 || rng.once_in(3) {
        return rng.pick(COMPARISONS).to_owned();
    }
    match rng.below(8) {
        0 => format!("not ({})", condition(rng, depth - 1, ugly)),
        1 => format!("({})", condition(rng, depth - 1, ugly)),
        2 => format!("not {}", comparison_in_brackets(rng, depth, ugly)),
        _ => {
            let operator = rng.pick(&["and", "or"]);
            let mut text = comparison_in_brackets(rng, depth, ugly);
            for _ in 0..1 + rng.below(4) {
                let (before, after) = (blank(rng, ugly), blank(rng, ugly));
                let next = if rng.once_in(4) {
                    condition(rng, depth - 1, ugly)
                } else {
                    comparison_in_brackets(rng, depth, ugly)
                };
                text.push_str(&format!("{before}{operator}{after}{next}"));
            }
            text
        }
    }
}

fn comparison_in_brackets(rng: &mut Rng, depth: usize, ugly: bool) -> String {
    if rng.once_in(2) {
        return rng.pick(COMPARISONS).to_owned();
    }
    let (open, close) = if ugly { (blank(rng, true), blank(rng, true)) } else { ("", "") };
    format!("({open}{}{close})", condition(rng, depth - 1, ugly))
}

/// A condition as the value of a key.
fn value(rng: &mut Rng, condition: &str, ugly: bool) -> String {
    let one_line = !condition.contains('\n');
    if one_line && ugly && rng.once_in(3) {
        return match rng.below(2) {
            0 => format!("'{}'", condition.replace('\'', "''")),
            _ => format!("\"{}\"", condition.replace('\\', "\\\\").replace('"', "\\\"")),
        };
    }
    let header = if ugly && one_line { rng.pick(&["|", ">", "|-", ">-"]) } else { "|" };
    let indent = if ugly { rng.pick(&["  ", " ", "      "]) } else { "  " };
    let lines =
        condition.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("{indent}{line}\n") });
    format!("{header}\n{}", lines.collect::<String>().trim_end_matches('\n'))
}

/// A whole signature file with this id.
pub fn signature(rng: &mut Rng, id: &str, ugly: bool) -> String {
    let comment =
        |rng: &mut Rng, text: &str| if ugly && rng.once_in(3) { format!("# {text}\n") } else { String::new() };
    let named = condition(rng, 0, false).replace("named", "exists req.headers[\"a\"]");
    let when = condition(rng, 3, ugly);
    let named = value(rng, &named, ugly).replace('\n', "\n  ");
    let mut parts = vec![
        "edgesig: 1".to_owned(),
        if ugly { format!("\"id\": '{id}'") } else { format!("id: {id}") },
        rng.pick(&["title: A title", "title: 'It''s: \"odd\"'", "title: \"caf\\u00e9: a\"", "title: >-\n   over\n   two lines"]).to_owned(),
        format!("severity: {}", rng.pick(&["low", "\"high\"", "critical"])),
        format!("let:\n  named: {named}"),
        format!("when: {}", value(rng, &when, ugly)),
        rng.pick(&["then: log", "then: [log, block]", "then:\n- log\n-   tag(\"x\")", "then: [ 'tag(\"a-b\")' ]"]).to_owned(),
        rng.pick(&[
            "tests:\n- {name: a, request: \"GET /?q=\\x41\", expect: match}   # behind\n",
            "tests:\n    # before\n    - name: 'b'\n      request: {url: /x, headers: {x-a: [\"1\", b], host: ~}}\n      expect: no_match\n    # after",
            "tests: [{name: a, request: {method: POST, url: /, body: '{\"a\": 1}'}, expect: match}]",
            "tests:\n  - name: raw\n    request: |\n      GET / HTTP/1.1\n      Host: x\n\n    expect: match",
        ])
        .to_owned(),
        rng.pick(&["notes: {a: b}", "notes:\n  a: |+\n    keep\n\n  b: \"two\\nlines\"", "tags: [a, 'b', \"7\"]", "description: |\n  one\n\n   two"]).to_owned(),
    ];
    if ugly {
        for index in (1..parts.len()).rev() {
            parts.swap(index, rng.below(index + 1));
        }
    }
    let mut text = comment(rng, "yaml-language-server: $schema=x.json");
    for part in parts {
        text.push_str(&comment(rng, "before a key"));
        text.push_str(&part);
        text.push('\n');
        if ugly && rng.once_in(4) {
            text.push('\n');
        }
    }
    text.push_str(&comment(rng, "the end"));
    if ugly && rng.once_in(4) { text.replace('\n', "\r\n") } else { text }
}
