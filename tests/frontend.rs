//! The front end on files: it reads every signature of the tree without a word, and hostile input costs neither a
//! panic nor time. (What it says about broken files is in `goldens.rs`.)

use std::path::{Path, PathBuf};

use edgesig::cli::render;
use edgesig::diagnostic::Diagnostics;
use edgesig::source::SourceMap;
use edgesig::syntax;
use proptest::prelude::*;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// YAML files under a folder, in order.
fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = walkdir::WalkDir::new(folder)
        .into_iter()
        .filter_map(Result::ok)
        .map(walkdir::DirEntry::into_path)
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    files
}

/// A file's text and its name without folders.
fn load(path: &Path) -> (String, String) {
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    (name, std::fs::read_to_string(path).unwrap())
}

/// As they are, with CRLF, with a byte-order mark: not a word about any, and the same tree.
#[test]
fn signatures_of_the_tree_are_clean() {
    let paths = yaml_files(&root().join("signatures"));
    assert!(!paths.is_empty());
    for path in paths {
        let (name, text) = load(&path);
        let tree = |text: &str| {
            let mut sources = SourceMap::default();
            let source = sources.add(&name, text);
            let mut diagnostics = Diagnostics::default();
            let signature = if name == "edgesig.yaml" {
                syntax::parse_project(&sources, source, &mut diagnostics).map(|tree| format!("{tree:?}"))
            } else {
                syntax::parse_signature(&sources, source, &mut diagnostics).map(|tree| format!("{tree:?}"))
            };
            assert!(diagnostics.list.is_empty(), "{}", render::plain(&sources, &diagnostics));
            without_places(&signature.expect("no problem, but no tree"))
        };
        let plain = tree(&text);
        assert_eq!(plain, tree(&text.replace('\n', "\r\n")), "{name} with CRLF");
        assert_eq!(plain, tree(&format!("\u{feff}{text}")), "{name} with a byte-order mark");
    }
}

/// A tree printed for debugging, its spans and positions cut out.
fn without_places(tree: &str) -> String {
    let mut text = String::new();
    let mut rest = tree;
    while let Some(at) = ["Span {", "positions: "].iter().filter_map(|mark| rest.find(mark)).min() {
        text.push_str(&rest[..at]);
        let open = at + rest[at..].find('{').unwrap();
        let mut depth = 0;
        let length = rest[open..]
            .find(|c| {
                depth += i32::from(c == '{') - i32::from(c == '}');
                depth == 0
            })
            .unwrap();
        rest = &rest[open + length + 1..];
    }
    text + rest
}

/// Hostile files end in an error, soon, on a small stack.
#[test]
fn bombs() {
    let mut laughs = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for level in 1..12 {
        let alias = format!("*a{}", level - 1);
        laughs.push_str(&format!("a{level}: &a{level} [{}]\n", [alias.as_str(); 9].join(",")));
    }
    let deep_aliases: String = (1..2000).map(|i| format!("a{i}: &a{i} [*a{}]\n", i - 1)).collect();
    let when = |condition: &str| format!("edgesig: 1\nid: x\ntitle: x\nseverity: low\nwhen: |\n  {condition}\n");
    let cases = [
        ("billion laughs", laughs),
        ("nested aliases", format!("a0: &a0 [x]\n{deep_aliases}")),
        ("recursive alias", "a: &a [*a]\n".to_owned()),
        ("brackets", "[".repeat(1 << 20)),
        ("braces", "{a: ".repeat(250_000)),
        ("dashes", "- ".repeat(500_000)),
        ("question marks", "? ".repeat(500_000)),
        ("keys", (0..200_000).map(|i| format!("k{i}: v\n")).collect()),
        ("unknown keys", (0..40_000).map(|i| format!("titel{i}: v\n")).collect()),
        ("one duplicate key", "k: v\n".repeat(40_000)),
        ("deep block", (0..2_000).map(|i| format!("{}a:\n", " ".repeat(i))).collect()),
        ("invisible characters", "\u{200b}".repeat(300_000)),
        ("comments", "# c\n".repeat(200_000) + ": x"),
        ("long condition", when(&"a ".repeat(40_000))),
        ("parentheses", when(&"(".repeat(60_000))),
        ("condition brackets", when(&"[".repeat(60_000))),
        ("negations", when(&"not ".repeat(15_000))),
        ("exclamation marks", when(&"!".repeat(60_000))),
        ("exists", when(&"exists ".repeat(9_000))),
        ("calls", when(&format!("{}x", "f(".repeat(63)))),
        ("unknown operators", when(&"a xx b and ".repeat(5_000))),
        ("chain", when(&format!("{}a", "a == a == ".repeat(6_000)))),
        ("quotes", when(&"\"".repeat(60_001))),
        ("escapes", when(&format!("\"{}\"", "\\q".repeat(30_000)))),
        ("braces in a condition", when(&"{".repeat(60_000))),
        ("empty sets in sets", when(&format!("{}%{}", "{".repeat(60), "}".repeat(60)))),
        ("comparisons in lists", when(&format!("{}%{}", "a in [b == c, ".repeat(60), "]".repeat(60)))),
        ("comparisons in calls", when(&format!("{}%{}", "f(".repeat(60), " == 1)".repeat(60)))),
        ("comparisons with groups", when(&format!("{}%{}", "a == (".repeat(60), ")".repeat(60)))),
        ("sets in sets", when(&format!("{}x", "{ a (b, ".repeat(31)))),
        ("tuples", when(&format!("a in ({}1)", "1, ".repeat(20_000)))),
        ("set without commas", when(&format!("a in {{{}}}", "1 ".repeat(30_000)))),
        ("operators as functions", when(&format!("{}a", "contains(".repeat(60)))),
        ("foreign names", when(&format!("{}a", "req.http.X-a ~ \"x\" && ".repeat(2_500)))),
        ("names with dashes", when(&"a-".repeat(30_000))),
        ("fixes in a quoted scalar", format!("id: x\nwhen: \"{}a == 1\"\n", "a ~ 'x' or ".repeat(5_000))),
        ("quoted scalars", format!("id: x\nwhen: \"a ~ 'x'\"\nnotes: [{}\"a\"]\n", "\"a\", ".repeat(90_000))),
        ("one line", format!("when: {}\n", "a".repeat(1 << 20))),
        ("tabs", format!("when: a\n{}", "\tb\n".repeat(200_000))),
        ("ten thousand errors", format!("tags: [{}x]\n", "yes, ".repeat(10_000))),
        ("actions", format!("{}then: [{}log]\n", when("a == b"), "tag(\"t\"), ".repeat(30_000))),
        ("limits", format!("{}rate: {{key: [], limit: [{}1/1s]}}\n", when("a == b"), "1/2s, ".repeat(45_000))),
        ("key parts", format!("{}rate: {{key: [{}a], limit: 1/1s}}\n", when("a == b"), "a, ".repeat(90_000))),
        (
            "lets",
            format!("{}let:\n{}", when("a == b"), (0..45_000).map(|i| format!("  n{i}: a\n")).collect::<String>()),
        ),
        ("parts that fail", when(&format!("{}a", "a b or ".repeat(9_000)))),
    ];
    for (name, text) in cases {
        let start = std::time::Instant::now();
        let thread = std::thread::Builder::new().stack_size(1 << 20);
        let found = thread.spawn(move || parse_only(&text)).unwrap().join().expect(name);
        let time = start.elapsed();
        assert!(found.has_errors(), "{name} is no error");
        assert!(found.list.len() <= 101, "{name}: {} problems", found.list.len());
        // Optimised, each takes well under 100 ms; the bound is for a build without optimisation on a busy machine,
        // where anything quadratic takes minutes.
        assert!(time.as_secs() < 20, "{name} took {time:?}");
        println!("{name:24} {time:?} {}", found.list[0].message);
    }
    // Long, but fine: and no stack is used for its length.
    let long = when(&format!("{}a == b", "a == b or ".repeat(6_000)));
    let thread = std::thread::Builder::new().stack_size(1 << 20);
    assert!(!thread.spawn(move || parse_only(&long)).unwrap().join().unwrap().has_errors());
}

/// The diagnostics of a text read as a signature, every span checked.
fn parse_only(text: &str) -> Diagnostics {
    let mut sources = SourceMap::default();
    let source = sources.add("x.yaml", text);
    let mut diagnostics = Diagnostics::default();
    syntax::parse_signature(&sources, source, &mut diagnostics);
    for diagnostic in &diagnostics.list {
        let labels = std::iter::once(&diagnostic.primary).chain(&diagnostic.secondary).map(|label| label.span);
        let edits = diagnostic.fixes.iter().flat_map(|fix| fix.edits.iter().map(|(span, _)| *span));
        for span in labels.chain(edits) {
            assert!(text.get(span.range()).is_some(), "{span:?} is no slice of {text:?}: {}", diagnostic.message);
        }
    }
    diagnostics
}

/// Pieces of conditions and of YAML.
fn soup(pieces: &'static [&'static str]) -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(pieces), 0..40).prop_map(|pieces| pieces.concat())
}

const CONDITION: &[&str] = &[
    "a",
    "req.path",
    "req.headers",
    "[\"x\"]",
    "[",
    "]",
    "(",
    ")",
    " and ",
    " or ",
    "not ",
    "exists ",
    "any(",
    "all(",
    " == ",
    " != ",
    " in ",
    " ~ ",
    " contains ",
    " matches ",
    "&&",
    "||",
    "!",
    "\"",
    "\"é\"",
    "i\"x\"",
    "r\"\\d\"",
    "r#\"",
    "\"#",
    "'",
    "/x/",
    "@list",
    "$x",
    "10",
    "10s",
    "192.0.2.0/24",
    "::1",
    ":",
    ",",
    " ",
    "\n",
    "#",
    "\\",
    "\\x41",
    "\\u{",
    "}",
    "–",
    "😀",
    "true",
    "\u{a0}",
];

const YAML: &[&str] = &[
    "id",
    "when",
    "let",
    "tests",
    "rate",
    "then",
    ": ",
    ":",
    "- ",
    "\n",
    "\n  ",
    "\n    ",
    "|",
    ">",
    "|2-",
    "\"",
    "'",
    "''",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "&a ",
    "*a",
    "!t ",
    "<<",
    "# c",
    "\t",
    "\r\n",
    "é",
    "😀",
    "\u{200b}",
    "req.path == \"/\"",
    "block(403)",
    "10/60s",
    "~",
    "---\n",
    "%YAML 1.2\n",
    "\\n",
    "\\",
    "canary 10%",
    "x",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn conditions_never_panic(condition in soup(CONDITION), style in 0..5usize) {
        let indented = condition.replace('\n', "\n  ");
        let scalar = match style {
            0 => format!("|\n  {indented}\n"),
            1 => format!(">-\n  {indented}\n"),
            2 => format!("'{}'\n", indented.replace('\'', "''")),
            3 => format!("\"{}\"\n", indented.replace('\\', "\\\\").replace('"', "\\\"")),
            _ => format!("{indented}\n"),
        };
        parse_only(&format!("edgesig: 1\nid: x\ntitle: x\nseverity: low\nwhen: {scalar}"));
    }

    #[test]
    fn yaml_never_panics(text in soup(YAML)) {
        parse_only(&text);
    }

    #[test]
    fn any_text_never_panics(text in any::<String>()) {
        parse_only(&text);
    }
}
