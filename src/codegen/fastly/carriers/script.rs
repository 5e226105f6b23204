//! The script for Fastly's command line. It stands beside the snippets' files.

use super::{EdgeLists, Load, acl_entries, dictionary_items, pretty};
use crate::codegen::Artifact;
use std::fmt::Write as _;

/// What does not depend on the set: arguments, and a function for each kind of thing.
const FUNCTIONS: &str = include_str!("deploy.sh");

/// A word of a POSIX shell.
fn shell_word(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The script and the first entries of lists.
pub(in super::super) fn script(load: &Load<'_>) -> Vec<Artifact> {
    let mut script = String::from("#!/bin/sh\n# Written by edgesig.\n");
    script.push_str(FUNCTIONS);
    script.push_str(
        "\nif [ \"$version\" = latest ]; then\n\
         \trun fastly service version update --service-id \"$service\" --version latest --autoclone \
         --comment 'Signatures of edgesig'\nfi\n",
    );
    let mut files = Vec::new();
    let mut list = |script: &mut String, kind: &str, name: &str, entries: &serde_json::Value| {
        let path = format!("{kind}-{name}.json");
        let file = shell_word(&format!("./{path}"));
        let _ = writeln!(script, "put_list {kind} {} {file}", shell_word(name));
        files.push(Artifact { path, content: pretty(entries) });
    };
    let EdgeLists { acls, dictionaries } = &load.edge;
    for (name, networks) in acls {
        list(&mut script, "acl", name, &acl_entries(networks));
    }
    for (name, keys) in dictionaries {
        list(&mut script, "dictionary", name, &dictionary_items(keys));
    }
    for name in &load.absent {
        let _ = writeln!(script, "drop_snippet {}", shell_word(name));
    }
    for snippet in load.snippets {
        let (name, file) = (shell_word(&snippet.name), shell_word(&format!("./{}", snippet.file)));
        let _ = writeln!(script, "put_snippet {name} {} {} {file}", snippet.kind, snippet.priority);
    }
    script.push_str(
        "\nprintf 'Not active yet. When you have looked at it: fastly service version activate --service-id %s \
         --version %s\\n' \"$service\" \"$version\"\n",
    );
    files.insert(0, Artifact { path: "deploy.sh".to_owned(), content: script });
    files
}

#[cfg(test)]
mod tests {
    use super::shell_word;
    use proptest::prelude::*;
    use std::process::Command;

    #[test]
    fn any_text_is_one_word_of_the_shell() {
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(16));
        // Sixteen processes, sixty-four texts each; a NUL ends an argument, so nothing can hold one.
        let texts = proptest::collection::vec("[^\u{0}]{0,24}|['\"\\\\$`!*~\n -]{0,12}", 64);
        runner
            .run(&texts, |texts| {
                let words: Vec<String> = texts.iter().map(|text| shell_word(text)).collect();
                let script = format!("printf '%s\\0' {}", words.join(" "));
                let output = Command::new("sh").args(["-c", &script]).output().unwrap();
                let read: Vec<&[u8]> = output.stdout.split(|byte| *byte == 0).collect();
                let written: Vec<&[u8]> = texts.iter().map(String::as_bytes).chain([&b""[..]]).collect();
                prop_assert_eq!(read, written);
                Ok(())
            })
            .unwrap();
    }
}
