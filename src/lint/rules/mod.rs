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
    absent_passes
    always_matching_pattern
    always_true_condition
    bare_list_negation
    blocks_ordinary_request
    blocks_own_network
    case_never_matches
    case_sensitive_header
    dead_path_literal
    dotted_extension
    double_negation
    duplicate_element
    encoded_literal
    endless_allow
    geo_only_block
    global_rate_key
    huge_repetition
    idle_exception
    impossible_host
    invalid_country
    literal_pattern
    lower_before_decode
    lowercase_method
    mixed_operators
    never_matching_condition
    non_ascii_case
    overlapping_network
    plus_in_query
    query_in_path
    redirect_loop
    redundant_clause
    redundant_element
    redundant_wildcard
    redundant_window
    regex_in_string
    relative_path
    score_without_threshold
    self_cancelling_exception
    server_error_block
    shared_absent_key
    short_literal
    spoofable_address
    spoofable_only_block
    spoofable_rate_key
    unanchored_pattern
    unbounded_rate_key
    undecoded_match
    unescaped_dot
    unknown_protocol
    unowned_signature
    unscoped_allow
    unused_capture
    whole_internet
    wildcard_in_string
}
