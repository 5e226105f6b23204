//! The lints: one file and one line each, in alphabetical order.

use super::Lint;

macro_rules! lints {
    ($($name:ident)*) => {
        $(mod $name;)*

        /// Every lint, by id.
        pub static LINTS: &[&Lint] = &[$(&$name::LINT,)*];
    };
}

lints! {
    always_matching_pattern
    bare_list_negation
    case_never_matches
    double_negation
    mixed_operators
    never_matching_condition
    regex_in_string
    unescaped_dot
    unowned_signature
    unscoped_allow
}
