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
    allow_disables_rule
    always_matching_pattern
    always_true_condition
    bare_list_negation
    blocks_ordinary_request
    blocks_own_network
    case_never_matches
    case_sensitive_header
    dead_path_literal
    distant_negative_test
    dotted_extension
    double_negation
    duplicate_element
    duplicate_reference
    duplicate_rule
    duplicate_test
    encoded_literal
    endless_allow
    expired_enforcement
    expires_before_created
    future_date
    geo_only_block
    global_rate_key
    huge_repetition
    idle_allow
    idle_exception
    impossible_host
    insecure_reference
    invalid_country
    literal_pattern
    long_lived_patch
    lower_before_decode
    lowercase_method
    malformed_reference
    missing_encoded_test
    missing_limit_test
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
    shadowed_rule
    shared_absent_key
    short_literal
    spoofable_address
    spoofable_only_block
    spoofable_rate_key
    subsumed_rule
    surviving_mutation
    unanchored_pattern
    unbounded_rate_key
    undecoded_match
    unescaped_dot
    unknown_protocol
    unowned_signature
    unscoped_allow
    untested_clause
    untested_exception
    untidy_title
    unused_capture
    whole_internet
    wildcard_in_string
}
