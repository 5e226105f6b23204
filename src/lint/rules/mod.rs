//! The lints: one file, one `mod` line and one line of the table each, in alphabetical order (`tests/lints.rs` compares
//! them with the folder). The `mod` lines are plain ones so that rustfmt finds the files.

use super::Lint;

mod absent_passes;
mod allow_disables_rule;
mod always_matching_pattern;
mod always_true_condition;
mod bare_list_negation;
mod blocks_health_check;
mod blocks_ordinary_request;
mod blocks_own_network;
mod case_never_matches;
mod case_sensitive_header;
mod commented_request;
mod dead_path_literal;
mod distant_negative_test;
mod dotted_extension;
mod double_negation;
mod duplicate_element;
mod duplicate_reference;
mod duplicate_rule;
mod duplicate_test;
mod encoded_literal;
mod endless_allow;
mod escaped_twice;
mod expired_enforcement;
mod expires_before_created;
mod future_date;
mod geo_only_block;
mod global_rate_key;
mod huge_repetition;
mod idle_allow;
mod idle_exception;
mod impossible_host;
mod insecure_reference;
mod invalid_country;
mod literal_pattern;
mod long_lived_patch;
mod lower_before_decode;
mod lowercase_method;
mod malformed_reference;
mod missed_overlong;
mod missing_encoded_test;
mod missing_limit_test;
mod mixed_operators;
mod negated_negations;
mod never_matching_condition;
mod non_ascii_case;
mod odd_status;
mod overlapping_network;
mod plus_in_query;
mod query_in_path;
mod redirect_loop;
mod redundant_clause;
mod redundant_element;
mod redundant_wildcard;
mod redundant_window;
mod regex_in_string;
mod relative_path;
mod score_without_threshold;
mod self_cancelling_exception;
mod server_error_block;
mod shadowed_rule;
mod shared_absent_key;
mod short_literal;
mod spoofable_address;
mod spoofable_only_block;
mod spoofable_rate_key;
mod subsumed_rule;
mod surviving_mutation;
mod unanchored_pattern;
mod unbounded_rate_key;
mod undecoded_match;
mod unescaped_dot;
mod uninspected_body;
mod unknown_protocol;
mod unowned_signature;
mod unproven_enforcement;
mod unreachable_threshold;
mod unscoped_allow;
mod untested_clause;
mod untested_exception;
mod untidy_title;
mod unused_capture;
mod whole_internet;
mod wildcard_in_string;

/// Every lint, by id.
pub static LINTS: &[&Lint] = &[
    &absent_passes::LINT,
    &allow_disables_rule::LINT,
    &always_matching_pattern::LINT,
    &always_true_condition::LINT,
    &bare_list_negation::LINT,
    &blocks_health_check::LINT,
    &blocks_ordinary_request::LINT,
    &blocks_own_network::LINT,
    &case_never_matches::LINT,
    &case_sensitive_header::LINT,
    &commented_request::LINT,
    &dead_path_literal::LINT,
    &distant_negative_test::LINT,
    &dotted_extension::LINT,
    &double_negation::LINT,
    &duplicate_element::LINT,
    &duplicate_reference::LINT,
    &duplicate_rule::LINT,
    &duplicate_test::LINT,
    &encoded_literal::LINT,
    &endless_allow::LINT,
    &escaped_twice::LINT,
    &expired_enforcement::LINT,
    &expires_before_created::LINT,
    &future_date::LINT,
    &geo_only_block::LINT,
    &global_rate_key::LINT,
    &huge_repetition::LINT,
    &idle_allow::LINT,
    &idle_exception::LINT,
    &impossible_host::LINT,
    &insecure_reference::LINT,
    &invalid_country::LINT,
    &literal_pattern::LINT,
    &long_lived_patch::LINT,
    &lower_before_decode::LINT,
    &lowercase_method::LINT,
    &malformed_reference::LINT,
    &missed_overlong::LINT,
    &missing_encoded_test::LINT,
    &missing_limit_test::LINT,
    &mixed_operators::LINT,
    &negated_negations::LINT,
    &never_matching_condition::LINT,
    &non_ascii_case::LINT,
    &odd_status::LINT,
    &overlapping_network::LINT,
    &plus_in_query::LINT,
    &query_in_path::LINT,
    &redirect_loop::LINT,
    &redundant_clause::LINT,
    &redundant_element::LINT,
    &redundant_wildcard::LINT,
    &redundant_window::LINT,
    &regex_in_string::LINT,
    &relative_path::LINT,
    &score_without_threshold::LINT,
    &self_cancelling_exception::LINT,
    &server_error_block::LINT,
    &shadowed_rule::LINT,
    &shared_absent_key::LINT,
    &short_literal::LINT,
    &spoofable_address::LINT,
    &spoofable_only_block::LINT,
    &spoofable_rate_key::LINT,
    &subsumed_rule::LINT,
    &surviving_mutation::LINT,
    &unanchored_pattern::LINT,
    &unbounded_rate_key::LINT,
    &undecoded_match::LINT,
    &unescaped_dot::LINT,
    &uninspected_body::LINT,
    &unknown_protocol::LINT,
    &unowned_signature::LINT,
    &unproven_enforcement::LINT,
    &unreachable_threshold::LINT,
    &unscoped_allow::LINT,
    &untested_clause::LINT,
    &untested_exception::LINT,
    &untidy_title::LINT,
    &unused_capture::LINT,
    &whole_internet::LINT,
    &wildcard_in_string::LINT,
];
