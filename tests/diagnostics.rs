//! What errors point at and offer, whatever the style of the YAML scalar in which they stand: the marked bytes are the
//! wrong ones, and the fixes that are called safe mend the file.

use edgesig::cli::render;
use edgesig::diagnostic::{Diagnostics, Severity};
use edgesig::semantic::Files;
use edgesig::source::{SourceId, SourceMap, Span};
use proptest::prelude::*;

/// No signature here names a file.
struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: SourceId, _: &str) -> Result<Vec<u8>, String> {
        Err("no such file".to_owned())
    }
}

const STYLES: [&str; 5] = ["plain", "single", "double", "literal", "folded"];

/// A signature with this condition in a scalar of this style, text of several bytes around it.
fn signature(condition: &str, style: &str) -> Option<String> {
    let indented = condition.replace('\n', "\n  ");
    let scalar = match style {
        "plain" => {
            let unfit = condition.contains(": ")
                || condition.contains(" #")
                || condition.starts_with(['"', '[', '{', '@', '!', '*', '\'']);
            if unfit {
                return None;
            }
            indented
        }
        "single" => format!("'{}'", indented.replace('\'', "''")),
        "double" => format!("\"{}\"", indented.replace('\\', "\\\\").replace('"', "\\\"")),
        "literal" => format!("|\n  {indented}"),
        _ => format!(">-\n  {indented}"),
    };
    Some(format!("edgesig: 1\nid: x\ntitle: Überschrift — 試験 😀\nseverity: low\nwhen: {scalar}\nowner: é\n"))
}

fn check(text: &str) -> (SourceMap, SourceId, Diagnostics) {
    let mut sources = SourceMap::default();
    let source = sources.add("x.yaml", text);
    let mut diagnostics = Diagnostics::default();
    let signatures = edgesig::parse_signatures(&sources, &[source], &mut diagnostics);
    edgesig::analyze(&sources, None, &signatures, &NoFiles, &mut diagnostics);
    diagnostics.sort();
    (sources, source, diagnostics)
}

/// The text with the first safe fix of each problem, as far as they do not overlap.
fn mended(text: &str, diagnostics: &Diagnostics) -> Option<String> {
    let mut edits: Vec<(Span, &str)> = Vec::new();
    for diagnostic in &diagnostics.list {
        let Some(fix) = diagnostic.fixes.iter().find(|fix| fix.safe) else { continue };
        let overlap = |span: &Span| edits.iter().any(|(other, _)| span.start < other.end && other.start < span.end);
        if !fix.edits.iter().any(|(span, _)| overlap(span)) {
            edits.extend(fix.edits.iter().map(|(span, text)| (*span, text.as_str())));
        }
    }
    edits.sort_by_key(|(span, _)| (span.start, span.end));
    let mut result = text.to_owned();
    for (span, replacement) in edits.iter().rev() {
        result.replace_range(span.range(), replacement);
    }
    (!edits.is_empty()).then_some(result)
}

/// Conditions as people write them who come from elsewhere, and what they become.
const FOREIGN: &[(&str, &str)] = &[
    (r#"req.http.User-Agent ~ "curl""#, r#"req.headers["user-agent"] matches r"curl""#),
    (r#"req.url ~ "^/a" && !req.http.X-A"#, r#"req.url matches r"^/a" and not exists req.headers["x-a"]"#),
    (
        r#"REQUEST_HEADERS:User-Agent contains "x" || ARGS:id eq "1""#,
        r#"req.headers["user-agent"] contains "x" or req.args["id"] == "1""#,
    ),
    (
        r#"http.request.uri.path startswith "/a" and http.request.method in {"GET" "POST"}"#,
        r#"req.path starts_with "/a" and req.method in ["GET", "POST"]"#,
    ),
    (r#"starts_with(http.request.uri.path, "/a")"#, r#"req.path starts_with "/a""#),
    (r#"not endswith(lower(http.host), ".test")"#, r#"not lower(req.host) ends_with ".test""#),
    (r#"http.request.headers["x-a"][0] contains "a""#, r#"req.headers["x-a"] contains "a""#),
    (r#"ip.src in {10.0.0.0/8 192.0.2.1}"#, r#"client.ip in [10.0.0.0/8, 192.0.2.1]"#),
    (r#"req.method in ("GET", "POST")"#, r#"req.method in ["GET", "POST"]"#),
    (r#"req.path !~ "^/a" and req.path is not "/b""#, r#"not req.path matches r"^/a" and req.path != "/b""#),
    (r#"req.url ~* "select""#, r#"req.url matches ri"select""#),
    (r#"req.headers[user-agent] == 'x'"#, r#"req.headers["user-agent"] == "x""#),
    (r#"req.path matches /a\d+/i"#, r#"req.path matches ri"a\d+""#),
    (r#"req.path contains any ["a", "b"]"#, r#"req.path contains ["a", "b"]"#),
    (r#"req.headers["x"] exists"#, r#"exists req.headers["x"]"#),
    (r#"client.ip == 10.0.0.0/8"#, r#"client.ip in 10.0.0.0/8"#),
    (r#"len(req.qs) > 10 and std.tolower(req.path) == "/a""#, r#"length(req.query) > 10 and lower(req.path) == "/a""#),
    ("req.pth == \"/a\"\nand req.mehtod == \"GET\"", "req.path == \"/a\"\nand req.method == \"GET\""),
];

#[test]
fn safe_fixes_mend_foreign_conditions_in_every_style() {
    for (foreign, ours) in FOREIGN {
        for style in STYLES {
            for line_break in ["\n", "\r\n"] {
                let Some(text) = signature(foreign, style) else { continue };
                let mut text = text.replace('\n', line_break);
                for _ in 0..4 {
                    let (sources, _, diagnostics) = check(&text);
                    if diagnostics.list.is_empty() {
                        break;
                    }
                    text = mended(&text, &diagnostics)
                        .unwrap_or_else(|| panic!("{style}: {}", render::plain(&sources, &diagnostics)));
                }
                let wanted = signature(ours, style).unwrap();
                assert_eq!(text.replace("\r\n", "\n"), wanted, "{style}");
            }
        }
    }
}

/// A condition with one mistake between `«` and `»`.
const MARKED: &[&str] = &[
    "req.path == \"é\" and «req.pth» == \"/\"",
    "req.path == \"😀\" «=~» \"x\"",
    "«nothing» == \"x\"",
    "req.path == \"/\" or (req.path == «@lost»)",
    "req.path == \"試\" and\nreq.path «conains» \"x\"",
    "req.path == \"/a\"\n  or «client.ip == 192.0.2.1/24»",
    "req.path == \"a«\\q»\"",
    "req.path matches r\"é(a«»\"",
    "req.path == \"/\" and («req.method == \"GET\"",
    "req.path == \"/\" and lowr(req.path) == \"/\"",
];

#[test]
fn errors_mark_the_wrong_bytes_in_every_style() {
    let mut marked_cases = 0;
    for case in MARKED {
        let plain: String = case.replace(['«', '»'], "");
        let wanted = case.split_once('«').and_then(|(_, rest)| rest.split_once('»')).map(|(inner, _)| inner);
        for style in STYLES {
            for line_break in ["\n", "\r\n"] {
                let Some(text) = signature(&plain, style) else { continue };
                let text = text.replace('\n', line_break);
                let (sources, source, diagnostics) = check(&text);
                assert!(diagnostics.has_errors(), "{style}: {plain}");
                for diagnostic in &diagnostics.list {
                    assert_eq!(diagnostic.severity, Severity::Error);
                    let span = diagnostic.primary.span;
                    assert!(text.get(span.range()).is_some(), "{span:?}");
                    // Inside the value of `when`, never on its key or on the line after.
                    let when = text.find("when: ").unwrap() + 6;
                    let end = text.find("owner: ").unwrap();
                    assert!(span.start as usize >= when && span.end as usize <= end, "{style}: {plain}: {span:?}");
                }
                let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) else { continue };
                let found = sources.slice(diagnostics.list[0].primary.span).to_owned();
                let undone = match style {
                    "double" => found.replace("\\\"", "\"").replace("\\\\", "\\"),
                    "single" => found.replace("''", "'"),
                    _ => found,
                };
                let start = sources.text(source)[..diagnostics.list[0].primary.span.start as usize].chars().count();
                assert!(wanted.contains(&undone) && !undone.is_empty(), "{style}: {case}: {undone:?} at {start}");
                marked_cases += 1;
            }
        }
    }
    assert!(marked_cases > 60, "{marked_cases}");
}

/// Pieces that break a signature in another way each.
const PIECES: &[&str] = &[
    "\"",
    "'",
    "[",
    "]",
    "{",
    "}",
    "(",
    ")",
    ": ",
    "- ",
    "\n",
    "\n  ",
    "\t",
    "|",
    ">-",
    "#",
    " #",
    "&a ",
    "*a",
    "!t ",
    "<<: ",
    "---\n",
    "\\",
    "\\u",
    "r\"",
    "ri\"(",
    "\"#",
    "é",
    "😀",
    "\u{202e}",
    "\u{200b}",
    "\r\n",
    "\r",
    "\0",
    " and ",
    " or ",
    "not ",
    "any(",
    "req.args",
    ".raw",
    "@x",
    "&&",
    "=~",
    "{\"a\" \"b\"}",
    "99999999999999999999",
    "10/0s",
    "::1/129",
    "curl '",
    "(?:a+)+",
    "{1,65536}",
    "~",
    "null",
    "true",
    "canary 10%",
    "%",
    "starts_with(a, b)",
    "exists",
];

/// One change to a text, decided by three numbers.
fn mutate(text: &mut String, kind: u8, at: usize, what: usize) {
    let boundary = |mut at: usize| {
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let at = boundary(at % (text.len() + 1));
    let end = boundary((at + 1 + what % 24).min(text.len()));
    let line_start = text[..at].rfind('\n').map_or(0, |index| index + 1);
    let line_end = text[at..].find('\n').map_or(text.len(), |index| at + index + 1);
    match kind % 6 {
        0 => text.replace_range(at..end, ""),
        1 => text.insert_str(at, PIECES[what % PIECES.len()]),
        2 => text.replace_range(at..end, PIECES[what % PIECES.len()]),
        3 => {
            let line = text[line_start..line_end].to_owned();
            text.insert_str(line_start, &line);
        }
        4 => text.replace_range(line_start..line_end, ""),
        _ => text.insert_str(line_start, ["  ", " ", "\t", "- "][what % 4]),
    }
}

/// How many broken signatures are tried; more with `EDGESIG_FUZZ=1000000`.
fn cases() -> u32 {
    std::env::var("EDGESIG_FUZZ").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1_500)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    /// Shipped signatures with something broken in them: no panic, every mark and every fix inside of the file, and what is
    /// said can be shown.
    #[test]
    fn broken_signatures_are_marked_inside_of_their_file(
        file in 0..10_000usize,
        changes in proptest::collection::vec((any::<u8>(), any::<usize>(), any::<usize>()), 1..4),
    ) {
        let (name, text) = &shipped()[file % shipped().len()];
        let mut text = text.clone();
        for (kind, at, what) in changes {
            mutate(&mut text, kind, at, what);
        }
        let mut sources = SourceMap::default();
        let source = sources.add(name, text.as_str());
        let mut diagnostics = Diagnostics::default();
        let signatures = edgesig::parse_signatures(&sources, &[source], &mut diagnostics);
        edgesig::analyze(&sources, None, &signatures, &NoFiles, &mut diagnostics);
        for diagnostic in &diagnostics.list {
            let labels = std::iter::once(&diagnostic.primary).chain(&diagnostic.secondary).map(|label| label.span);
            let edits = diagnostic.fixes.iter().flat_map(|fix| fix.edits.iter().map(|(span, _)| *span));
            for span in labels.chain(edits) {
                prop_assert!(text.get(span.range()).is_some(), "{span:?}: {}", diagnostic.message);
            }
        }
        let shown = render::plain(&sources, &diagnostics);
        let hidden = shown.contains(['\u{202e}', '\u{200b}', '\0']);
        prop_assert!(!hidden, "{shown:?}");
    }
}

/// What is repeated in a file that is no signature at all.
const NOISE: [&str; 16] =
    ["\r", "\n", " ", "\t", "é", "😀", "\u{200b}", "\0", "a", "- ", "a: ", "\"", "{", "id: x\n", "when: |\n  ", "\r\n"];

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn noise_is_answered(runs in proptest::collection::vec((0..NOISE.len(), 1..120usize), 1..8)) {
        let text: String = runs.into_iter().map(|(piece, times)| NOISE[piece].repeat(times)).collect();
        let (sources, _, diagnostics) = check(&text);
        prop_assert!(diagnostics.has_errors());
        render::plain(&sources, &diagnostics);
    }
}

/// Names and texts of the shipped signatures.
fn shipped() -> &'static [(String, String)] {
    static SHIPPED: std::sync::LazyLock<Vec<(String, String)>> = std::sync::LazyLock::new(|| {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("signatures");
        let files = walkdir::WalkDir::new(root).sort_by_file_name().into_iter().filter_map(Result::ok);
        files
            .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "yaml"))
            .map(|entry| {
                let text = std::fs::read_to_string(entry.path()).expect("a signature");
                (entry.file_name().to_string_lossy().into_owned(), text)
            })
            .collect()
    });
    &SHIPPED
}
