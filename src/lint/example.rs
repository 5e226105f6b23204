//! The examples of the lints' rows → complete files. A row writes only what matters; what every signature needs
//! besides is filled in here. The tests run them, docs/lints.md and `explain` print them.

/// The project that every example stands in, unless it brings its own.
pub const PROJECT: &str = r#"edgesig: 1
trusted_proxies: our_lb
facts: {req.scheme: x-forwarded-proto, client.country: x-country, client.asn: x-asn, tls.ja3: x-ja3}
lists:
  our_lb: {type: ip, values: [10.0.0.0/8]}
  office: {type: ip, values: [203.0.113.0/28]}
score: {threshold: 1}
"#;

/// The day on which the examples are checked.
pub const TODAY: &str = "2026-11-23";

/// Separates the files of an example.
const SEPARATOR: &str = "---\n";
/// Starts the part of an example that is its edgesig.yaml.
const PROJECT_MARK: &str = "# edgesig.yaml\n";
/// Starts a line that names a key which is not to be filled in.
const WITHOUT: &str = "without: ";

/// What a signature has unless the example says otherwise, in the order in which it is printed.
const DEFAULTS: [(&str, &str); 8] = [
    ("edgesig", "1"),
    ("id", ""),
    ("title", "An example"),
    ("severity", "high"),
    ("mode", "monitor"),
    ("owner", "edge-security"),
    ("created", "2026-11-01"),
    ("expires", "2027-05-01"),
];

/// One file of an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// `None`: edgesig.yaml.
    pub id: Option<String>,
    pub text: String,
}

/// The files of an example, without the common project.
pub fn files(example: &str) -> Vec<File> {
    let mut files = Vec::new();
    for part in example.split(SEPARATOR) {
        let part = part.trim_matches('\n');
        if let Some(project) = part.strip_prefix(PROJECT_MARK) {
            files.push(File { id: None, text: format!("{project}\n") });
            continue;
        }
        let value = |key: &str| part.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        let id = value("id").map_or("example", str::trim).to_owned();
        let mut text = String::new();
        for (key, default) in DEFAULTS {
            let is_wanted = !part.lines().any(|line| line.strip_prefix(WITHOUT) == Some(key));
            if is_wanted && value(key).is_none() {
                let default = if key == "id" { "example" } else { default };
                text.push_str(&format!("{key}: {default}\n"));
            }
        }
        for line in part.lines().filter(|line| !line.starts_with(WITHOUT)) {
            text.push_str(line);
            text.push('\n');
        }
        files.push(File { id: Some(id), text });
    }
    files
}
