//! Rules of ModSecurity in a condition's place → how their condition is written here. Called by `condition` and
//! `foreign`.

use super::operators::{Meaning, meaning};
use crate::catalog::Operator;

/// The first word of a directive, where a condition is one.
pub(super) fn directive(text: &str) -> Option<&str> {
    let word = text.split_whitespace().next()?;
    ["SecRule", "SecAction", "SecMarker"].into_iter().find(|directive| word.eq_ignore_ascii_case(directive))
}

/// `@contains` and `../` → `contains "../"`; else how it is said instead.
pub(super) fn operation(name: &str, operand: &str) -> Result<String, &'static str> {
    let name = name.trim_start_matches('@');
    if name.eq_ignore_ascii_case("pm") {
        return Ok(format!("contains {}", phrases(operand)));
    }
    if name.eq_ignore_ascii_case("ipmatch") {
        return Ok(format!("in {}", networks(operand)));
    }
    let operator = match meaning(name) {
        Meaning::Own(operator) | Meaning::Foreign { operator, .. } => operator,
        Meaning::Explained(text) | Meaning::ExplainedLogic(text) => return Err(text),
        Meaning::MisspelledLogic(_) | Meaning::Unknown(_) => {
            return Err(
                "operators are `==`, `in`, `contains`, `starts_with`, `ends_with`, `matches`, `<`, `>`, and stand \
                 outside the quotes: `req.url contains \"x\"`",
            );
        }
    };
    let is_number = !operand.is_empty() && operand.bytes().all(|byte| byte.is_ascii_digit());
    if operator == Operator::Matches {
        let pattern = operand.replace("\\\"", "\"");
        let hashes = if pattern.contains('"') { "#" } else { "" };
        return Ok(format!("matches r{hashes}\"{pattern}\"{hashes}"));
    }
    let operand = if is_number && name.len() == 2 { operand.to_owned() } else { text("", operand) };
    Ok(format!("{} {operand}", operator.name()))
}

/// The words of `@pm`, which ignores case.
pub(super) fn phrases(operand: &str) -> String {
    let phrases: Vec<String> = operand.split_whitespace().map(|phrase| text("i", phrase)).collect();
    format!("[{}]", phrases.join(", "))
}

/// The addresses of `@ipMatch`.
pub(super) fn networks(operand: &str) -> String {
    let networks: Vec<&str> = operand.split(',').map(str::trim).collect();
    match networks[..] {
        [network] if network.contains('/') => network.to_owned(),
        _ => format!("[{}]", networks.join(", ")),
    }
}

fn text(prefix: &str, value: &str) -> String {
    format!("{prefix}\"{}\"", value.replace("\\\"", "\"").replace('\\', "\\\\").replace('"', "\\\""))
}
