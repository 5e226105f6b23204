//! The truth table of absent, empty and present values, whole: what every target must agree with.

use super::predicate_holds;
use super::samples::*;
use crate::catalog::Field;
use crate::ir::Quantifier::{All, Any};
use crate::ir::{Call, Check, IntegerOperator, Networks, Predicate, TextOperator, Value};
use crate::request::Request;

fn call(call: Call, value: Value) -> Value {
    Value::Call(call, Box::new(value))
}

fn holds(predicate: &Predicate, request: &Request) -> bool {
    predicate_holds(&ruleset(Vec::new()), predicate, request)
}

/// One row: a condition, and whether it holds when the header is absent, empty, `x` and `1`.
#[test]
fn scalars() {
    let header = || keyed(Field::Headers, &["h"]);
    let absent = || keyed(Field::Headers, &["never-sent"]);
    let exists = || compare(header(), Check::Exists);
    let table: Vec<(&str, Predicate, [u8; 4])> = vec![
        ("exists h", exists(), [0, 1, 1, 1]),
        ("not exists h", not(exists()), [1, 0, 0, 0]),
        ("h == x", compare(header(), equals("x")), [0, 0, 1, 0]),
        ("h != x", not(compare(header(), equals("x"))), [1, 1, 0, 1]),
        ("h contains x", compare(header(), text(TextOperator::Contains, "x")), [0, 0, 1, 0]),
        ("h starts_with x", compare(header(), text(TextOperator::StartsWith, "x")), [0, 0, 1, 0]),
        ("h ends_with x", compare(header(), text(TextOperator::EndsWith, "x")), [0, 0, 1, 0]),
        ("h matches ^$", compare(header(), pattern("^$")), [0, 1, 0, 0]),
        ("not h matches ^$", not(compare(header(), pattern("^$"))), [1, 0, 1, 1]),
        ("h matches (empty pattern)", compare(header(), pattern("")), [0, 1, 1, 1]),
        ("length(h) == 0", compare(call(Call::Length, header()), integer(IntegerOperator::Equal, 0)), [0, 1, 0, 0]),
        ("length(h) < 9", compare(call(Call::Length, header()), integer(IntegerOperator::Less, 9)), [0, 1, 1, 1]),
        (
            "length(h) >= 1",
            compare(call(Call::Length, header()), integer(IntegerOperator::GreaterOrEqual, 1)),
            [0, 0, 1, 1],
        ),
        ("int(h) > 0", compare(call(Call::Int, header()), integer(IntegerOperator::Greater, 0)), [0, 0, 0, 1]),
        ("int(h) <= 0", compare(call(Call::Int, header()), integer(IntegerOperator::LessOrEqual, 0)), [0, 0, 0, 0]),
        ("exists int(h)", compare(call(Call::Int, header()), Check::Exists), [0, 0, 0, 1]),
        ("lower(h) == x", compare(call(Call::Lower, header()), equals("x")), [0, 0, 1, 0]),
        ("exists base64_decode(h)", compare(call(Call::Base64Decode, header()), Check::Exists), [0, 1, 0, 0]),
        ("h == h", compare(header(), Check::SameAs(header())), [0, 1, 1, 1]),
        ("h != h", not(compare(header(), Check::SameAs(header()))), [1, 0, 0, 0]),
        ("h == never-sent", compare(header(), Check::SameAs(absent())), [0, 0, 0, 0]),
        ("never-sent == never-sent", compare(absent(), Check::SameAs(absent())), [0, 0, 0, 0]),
        ("never-sent != h", not(compare(absent(), Check::SameAs(header()))), [1, 1, 1, 1]),
    ];
    let requests = [get("/", &[]), get("/", &[("H", "")]), get("/", &[("H", "x")]), get("/", &[("H", "1")])];
    for (name, predicate, expected) in table {
        let found = requests.each_ref().map(|request| u8::from(holds(&predicate, request)));
        assert_eq!(found, expected, "{name}");
    }
}

/// One row: a condition, and whether it holds for `/`, `/?k`, `/?k=x`, `/?k=1&k=x` and `/?k=2&k=1`.
#[test]
fn lists() {
    let k = || keyed(Field::Args, &["k"]);
    let int = || call(Call::Int, k());
    let one = || integer(IntegerOperator::Equal, 1);
    let table: Vec<(&str, Predicate, [u8; 5])> = vec![
        ("exists k", compare(k(), Check::Exists), [0, 1, 1, 1, 1]),
        ("any(k == x)", quantified(Any, false, k(), equals("x")), [0, 0, 1, 1, 0]),
        ("all(k == x)", quantified(All, false, k(), equals("x")), [1, 0, 1, 0, 0]),
        ("not any(k == x)", not(quantified(Any, false, k(), equals("x"))), [1, 1, 0, 0, 1]),
        ("any(k != x)", quantified(Any, true, k(), equals("x")), [0, 1, 0, 1, 1]),
        ("all(k != x)", quantified(All, true, k(), equals("x")), [1, 1, 0, 0, 1]),
        ("any(k matches ^$)", quantified(Any, false, k(), pattern("^$")), [0, 1, 0, 0, 0]),
        ("any(length(k) == 1)", quantified(Any, false, call(Call::Length, k()), one()), [0, 0, 1, 1, 1]),
        ("any(int(k) == 1)", quantified(Any, false, int(), one()), [0, 0, 0, 1, 1]),
        ("all(int(k) == 1)", quantified(All, false, int(), one()), [1, 0, 0, 0, 0]),
        // An element that is absent after a function counts where the comparison is negated.
        ("any(int(k) != 1)", quantified(Any, true, int(), one()), [0, 1, 1, 1, 1]),
        ("all(int(k) != 1)", quantified(All, true, int(), one()), [1, 1, 1, 0, 0]),
    ];
    let requests = ["/", "/?k", "/?k=x", "/?k=1&k=x", "/?k=2&k=1"].map(|target| get(target, &[]));
    for (name, predicate, expected) in table {
        let found = requests.each_ref().map(|request| u8::from(holds(&predicate, request)));
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn several_headers_are_the_list_of_those_present() {
    let both = || keyed(Field::Headers, &["a", "b"]);
    let any_is_x = quantified(Any, false, both(), equals("x"));
    let all_are_x = quantified(All, false, both(), equals("x"));
    let exists = compare(both(), Check::Exists);
    for (headers, expected) in [
        (&[][..], [0, 1, 0]),
        (&[("A", "")], [0, 0, 1]),
        (&[("B", "x")], [1, 1, 1]),
        (&[("B", "x"), ("A", "y")], [1, 0, 1]),
    ] {
        let request = get("/", headers);
        let found = [&any_is_x, &all_are_x, &exists].map(|predicate| u8::from(holds(predicate, &request)));
        assert_eq!(found, expected, "{headers:?}");
    }
}

#[test]
fn bodies_facts_and_addresses() {
    let body_is_empty = compare(field(Field::Body), pattern("^$"));
    let truncated = compare(field(Field::BodyTruncated), Check::IsTrue);
    let body_exists = compare(field(Field::Body), Check::Exists);
    let none = get("/", &[]);
    let chunked = get("/", &[("Transfer-Encoding", "chunked")]);
    for (request, expected) in [(&none, [1, 0, 1]), (&chunked, [0, 1, 0])] {
        let found = [&body_is_empty, &truncated, &body_exists].map(|predicate| u8::from(holds(predicate, request)));
        assert_eq!(found, expected);
    }
    // A fact that nobody knows is absent; an address never is.
    let country = compare(field(Field::ClientCountry), equals("DE"));
    let networks = Networks::Literals(vec!["192.0.2.0/24".parse().unwrap()]);
    let near = compare(field(Field::ClientIp), Check::Network(networks));
    assert!(!holds(&country, &none) && holds(&not(country), &none) && holds(&near, &none));
}

#[test]
fn constants() {
    let request = get("/", &[]);
    assert!(holds(&Predicate::TRUE, &request) && !holds(&Predicate::FALSE, &request));
    assert!(holds(&Predicate::All(vec![Predicate::TRUE, not(Predicate::FALSE)]), &request));
}

/// `any_form` sees the raw, the once and the twice decoded form.
#[test]
fn any_form_sees_three_forms() {
    let form = |field: Field, keys: &[&str], needle: &str| {
        quantified(Any, false, call(Call::AnyForm, keyed(field, keys)), text(TextOperator::Contains, needle))
    };
    let request = get("/%2541+%2B?q=%252b+%2541&q=x", &[]);
    for (field, keys, needle, expected) in [
        (Field::Url, &[][..], "%2541", true),
        (Field::Url, &[], "/%41+", true),
        (Field::Url, &[], "/A+", true),
        (Field::Query, &[], "q=%2b %41", true),
        (Field::Query, &[], "q=+ A", true),
        (Field::Args, &["q"], "+ A", true),
        (Field::Args, &["q"], "%252b+", true),
        (Field::Args, &["q"], "x", true),
        (Field::Args, &["p"], "x", false),
        (Field::Path, &[], "/A+ ", false),
    ] {
        assert_eq!(holds(&form(field, keys, needle), &request), expected, "{field:?} {needle}");
    }
}
