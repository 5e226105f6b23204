//! The wire check against the real varnishd: what it refuses before VCL, and what VCL sees of the rest.

mod support;

use edgesig::engine::{Reply, Session, Setup, is_own_refusal};
use edgesig::eval::{parts, wire};
use edgesig::request::Request;
use support::rng::Rng;
use support::{has_varnishd, requests};

/// Echoes what VCL sees; each field between line feeds, which none of them can hold.
const ECHO: &str = r#"vcl 4.1;
import std;
sub vcl_recv {
    std.collect(req.http.x-test);
    std.collect(req.http.cookie, "; ");
    return (synth(299));
}
sub vcl_synth {
    set resp.http.content-type = "text/plain";
    set resp.body = req.method + {"
"} + req.url + {"
"} + req.proto + {"
"} + req.http.host + {"
"} + req.http.x-test + {"
"} + req.http.cookie + {"
"} + req.http.expect + {"
"} + req.http.user-agent + {"
"} + client.ip + {"
"} + req.http.x-forwarded-for;
    return (deliver);
}
"#;

fn echoed(request: &Request) -> Vec<u8> {
    let seen = wire::received(request);
    let header = |name: &str| {
        parts::joined_header(&seen.headers, name.as_bytes()).map_or(Vec::new(), |value| value.into_owned())
    };
    let first = |name: &'static str| seen.header_values(name).next().unwrap_or_default().to_vec();
    let client = edgesig::eval::address::canonical_text(seen.client_ip);
    let forwarded = parts::joined_header(&seen.headers, b"x-forwarded-for");
    let forwarded = match forwarded {
        Some(sent) => [&sent[..], b", ", client.as_bytes()].concat(),
        None => client.clone().into_bytes(),
    };
    let fields: Vec<Vec<u8>> = vec![
        seen.method.clone(),
        seen.target.clone(),
        seen.version.clone(),
        first("host"),
        header("x-test"),
        header("cookie"),
        Vec::new(),
        first("user-agent"),
        client.into_bytes(),
        forwarded,
    ];
    fields.join(&b'\n')
}

fn compare(session: &Session, requests: &[Request]) -> (usize, Vec<String>) {
    let (mut refused, mut wrong) = (0, Vec::new());
    let sendable: Vec<&Request> =
        requests.iter().filter(|request| !wire::refused(request).is_some_and(wire::is_incomplete)).collect();
    let observed = session.exchange_all(&sendable).expect("the engine runs");
    for (request, observed) in sendable.iter().zip(&observed) {
        let refusal = wire::refused(request);
        let agrees = match (refusal, &observed.reply) {
            (Some(_), reply) => is_own_refusal(reply),
            (None, Reply::Answer(answer)) if answer.status == 299 => {
                request.method == b"HEAD" || wire::received(request).method == b"HEAD" || answer.body == echoed(request)
            }
            (None, _) => false,
        };
        refused += usize::from(refusal.is_some());
        if !agrees {
            let body = match &observed.reply {
                Reply::Answer(answer) => format!("{} {:?}", answer.status, String::from_utf8_lossy(&answer.body)),
                Reply::Closed | Reply::TimedOut => format!("{:?}", observed.reply),
            };
            let wire = request.to_wire();
            wrong.push(format!(
                "{refusal:?}, seen {body}, expected {:?} on {:?}",
                String::from_utf8_lossy(&echoed(request)),
                String::from_utf8_lossy(&wire[..wire.len().min(700)])
            ));
        }
    }
    (refused, wrong)
}

#[test]
fn requests_are_refused_and_seen_as_the_wire_check_says() {
    if !has_varnishd() {
        return;
    }
    let session = Session::start(ECHO, Setup::default()).expect("varnishd starts");
    let mut rng = Rng::new(1);
    let mut wrong = Vec::new();
    let mut refused = 0;
    for round in 0..8 {
        let batch: Vec<Request> = (0..1000)
            .map(|_| if round < 4 { requests::damaged(&mut rng) } else { requests::request(&mut rng) })
            .collect();
        let (more, found) = compare(&session, &batch);
        refused += more;
        wrong.extend(found);
    }
    assert!(
        wrong.is_empty(),
        "{} of 8000 ({refused} refused):\n{}",
        wrong.len(),
        wrong[..wrong.len().min(5)].join("\n")
    );
    assert!(refused > 300, "only {refused} refused: the generator is too tame");
}
