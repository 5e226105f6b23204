//! What a request goes through on Fastly, seen in falco: who the client is, what is logged, answered, passed on.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks at the cases it names")]

mod support;

use edgesig::catalog::Field;
use edgesig::engine::falco::{Falco, Step};
use edgesig::ir::{Action, Check, ListValues, Networks, Rule};
use edgesig::request::Request;
use support::falco;
use support::fastly::whole;
use support::ir::{compare, contains, field, get, rule, ruleset};

/// What falco's tester saw of one request: action, ids, client.
fn seen(falco: &Falco, vcl: &str, request: &Request) -> (String, String, Option<String>) {
    let steps = falco.judge(vcl, "edgesig", &[vec![request.clone()]]).expect("falco runs");
    match &steps[0][0] {
        Step::Seen(seen) => (seen.action.clone(), seen.matched.join(","), seen.client.clone()),
        Step::Error(message) => panic!("{message}"),
    }
}

fn recorded(id: &str, when: edgesig::ir::Predicate) -> Rule {
    rule(id, when, vec![Action::Log])
}

fn from(peer: &str, headers: &[(&str, &str)]) -> Request {
    let mut request = Request { client_ip: peer.parse().expect("an address"), ..get("/", headers) };
    request.facts.scheme = Some("https".to_owned());
    request
}

#[test]
fn the_client_is_the_first_untrusted_address_from_the_right() {
    let Some(falco) = falco() else { return };
    let anybody = compare(
        field(Field::ClientIp, None),
        Check::Network(Networks::Literals(vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()])),
    );
    let mut set = ruleset(vec![recorded("anybody", anybody)]);
    let trusted = set.settings.trusted_proxies.expect("a list");
    let ListValues::Ip(networks) = &mut set.lists[trusted.0].values else { panic!("addresses") };
    *networks = vec!["10.0.0.0/8".parse().unwrap(), "2001:db8:a::/48".parse().unwrap()];
    let vcl = whole(&set);
    for (peer, forwarded, client) in [
        ("192.0.2.9", None, "192.0.2.9"),
        ("192.0.2.9", Some("198.51.100.1"), "192.0.2.9"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", Some("198.51.100.1"), "198.51.100.1"),
        ("10.0.0.1", Some("203.0.113.5, 198.51.100.1"), "198.51.100.1"),
        ("10.0.0.1", Some("198.51.100.1 ,\t10.0.0.2"), "198.51.100.1"),
        ("10.0.0.1", Some("2001:DB8::0:1"), "2001:db8::1"),
        ("2001:db8:a::1", Some("::ffff:198.51.100.7"), "198.51.100.7"),
        ("10.0.0.1", Some("::ffff:10.0.0.9, 10.0.0.2"), "10.0.0.9"),
        // Not strictly an address: the last trusted hop.
        ("10.0.0.1", Some("198.51.100.010"), "10.0.0.1"),
        ("10.0.0.1", Some("198.51.100.1:443"), "10.0.0.1"),
        ("10.0.0.1", Some("198.51.100.1, unknown"), "10.0.0.1"),
        ("10.0.0.1", Some("198.51.100.1, "), "10.0.0.1"),
        ("10.0.0.1", Some("fe80::1%lo"), "10.0.0.1"),
        // Five are looked at.
        ("10.0.0.1", Some("198.51.100.1, 10.0.0.6, 10.0.0.5, 10.0.0.4, 10.0.0.3"), "198.51.100.1"),
        ("10.0.0.1", Some("198.51.100.1, 10.0.0.7, 10.0.0.6, 10.0.0.5, 10.0.0.4, 10.0.0.3"), "10.0.0.7"),
    ] {
        let headers: Vec<(&str, &str)> = forwarded.iter().map(|value| ("X-Forwarded-For", *value)).collect();
        for scheme in ["http", "https"] {
            let mut request = from(peer, &headers);
            request.facts.scheme = Some(scheme.to_owned());
            let (_, ids, shown) = seen(&falco, &vcl, &request);
            assert_eq!((ids.as_str(), shown.as_deref()), ("anybody", Some(client)), "{peer} {forwarded:?} {scheme}");
        }
    }
}

#[test]
fn what_fastly_adds_to_a_header_is_not_the_clients() {
    let Some(falco) = falco() else { return };
    let headers = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-server"];
    let mut rules: Vec<Rule> = Vec::new();
    for name in headers {
        let header = || field(Field::Headers, Some(name));
        rules.push(recorded(&format!("{name}-exists"), compare(header(), Check::Exists)));
        rules.push(recorded(&format!("{name}-own"), contains(header(), "www.example.com")));
        rules.push(recorded(&format!("{name}-evil"), contains(header(), "evil")));
    }
    let vcl = whole(&ruleset(rules));
    let ids = |sent: &[(&str, &str)]| seen(&falco, &vcl, &from("192.0.2.1", sent)).1;
    assert_eq!(ids(&[]), "");
    for name in headers {
        assert_eq!(ids(&[(name, "evil")]), format!("{name}-evil,{name}-exists"));
        assert_eq!(ids(&[(name, "evil, www.example.com")]), format!("{name}-evil,{name}-exists,{name}-own"));
    }
    // The guard taken out: the entry that Fastly adds looks like the client's.
    let open = vcl
        .replace("if (fastly_info.edge.is_tls) {", "if (false) {")
        .replace("if (req.is_ssl) {", "if (req.http.Never) {");
    assert_ne!(open, vcl);
    let (_, ids, _) = seen(&falco, &open, &from("192.0.2.1", &[]));
    assert_eq!(ids, "x-forwarded-for-exists,x-forwarded-host-exists,x-forwarded-host-own,x-forwarded-server-exists");
}

#[test]
fn facts_are_looked_up_for_the_client_and_not_for_the_proxy() {
    let Some(falco) = falco() else { return };
    let vcl = whole(&ruleset(vec![recorded("home", contains(field(Field::ClientCountry, None), "DE"))]));
    assert!(vcl.contains("set client.geo.ip_override = var.client;"));
    assert!(falco.lint(&vcl).expect("falco runs").is_clean());
    let mut request = from("10.0.0.1", &[("X-Forwarded-For", "198.51.100.1")]);
    request.facts.country = Some("DE".to_owned());
    assert_eq!(seen(&falco, &vcl, &request).1, "home");
    let unknown = |fact| compare(field(fact, None), Check::Exists);
    for fact in [Field::ClientAsn, Field::ClientAsName] {
        let errors = support::fastly::try_files(&ruleset(vec![recorded("asn", unknown(fact))]), &Default::default());
        assert!(errors.expect_err("not known").concat().contains("client.country"));
    }
}
