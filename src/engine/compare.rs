//! What an engine did with a request, beside what eval says of it.

use super::log::LogRecord;
use super::{Answer, Reply};
use crate::catalog::Field;
use crate::eval::address::{NetworkSet, canonical_text, client_address};
use crate::eval::{Outcome, Verdict, parts, wire};
use crate::ir::{ListValues, Ruleset, Settings};
use crate::request::{Bytes, Facts, Request};
use std::borrow::Cow;
use std::net::IpAddr;

/// One side of a comparison. Both have the form of a log record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Sorted ids.
    pub matched: Vec<String>,
    /// none, block, throttle, redirect, tarpit or allow.
    pub action: String,
    /// Id of the rule, or name of the limit, that acted.
    pub by: Option<String>,
    /// Of the response.
    pub status: u16,
    /// The limit that the request is over, acted on or not.
    pub limit: Option<String>,
    /// `client.ip`, where something was logged.
    pub client: Option<String>,
}

/// Eval's side of one request.
pub struct Comparison<'r> {
    ruleset: &'r Ruleset,
    trusted: Option<NetworkSet>,
}

impl<'r> Comparison<'r> {
    pub fn new(ruleset: &'r Ruleset) -> Comparison<'r> {
        Comparison { ruleset, trusted: trusted_networks(ruleset) }
    }

    /// `client.ip` of a request.
    fn client(&self, request: &Request) -> String {
        let peer = request.client_ip;
        let client = match &self.trusted {
            Some(trusted) => {
                let forwarded = parts::joined_header(&request.headers, b"x-forwarded-for");
                client_address(peer, forwarded.as_deref(), trusted)
            }
            None => peer,
        };
        canonical_text(client)
    }

    /// What the engine must show for a verdict. `request` is what VCL saw.
    pub fn expected(&self, request: &Request, verdict: &Verdict) -> Seen {
        let mut seen = expected(self.ruleset, request, verdict);
        let logged = !seen.matched.is_empty() || seen.limit.is_some() || seen.by.is_some();
        seen.client = logged.then(|| self.client(request));
        seen
    }
}

/// What an engine must show for a verdict, without the client.
pub fn expected(ruleset: &Ruleset, request: &Request, verdict: &Verdict) -> Seen {
    let id = |index: usize| ruleset.rules.get(index).map(|rule| rule.id.clone());
    let mut matched: Vec<String> = verdict.matched.iter().filter_map(|index| id(*index)).collect();
    matched.sort();
    let limit = verdict.limit.map(|limit| limit.name().to_owned());
    let by = match verdict.by {
        Some(index) => id(index),
        None if verdict.outcome == Outcome::Block => limit.clone(),
        None => None,
    };
    let status = match verdict.outcome {
        Outcome::None | Outcome::Allow | Outcome::Tarpit => request.response.status,
        Outcome::Block | Outcome::Throttle | Outcome::Redirect => verdict.status,
    };
    Seen { matched, action: verdict.outcome.name().to_owned(), by, status, limit, client: None }
}

impl Seen {
    /// What an answer and its log record show.
    pub fn from_engine(answer: &Answer, record: Option<&LogRecord>) -> Seen {
        let Some(record) = record else {
            return Seen { action: "none".to_owned(), status: answer.status, ..Seen::default() };
        };
        let is_limit = |id: &String| id.starts_with("limit-");
        let mut matched: Vec<String> = record.ids.iter().filter(|id| !is_limit(id)).cloned().collect();
        matched.sort();
        let limit = record.ids.iter().chain(&record.by).find(|id| is_limit(id)).cloned();
        Seen {
            matched,
            action: record.action.clone(),
            by: record.by.clone(),
            status: answer.status,
            limit,
            client: Some(record.client.clone()),
        }
    }

    /// One line for people.
    pub fn describe(&self) -> String {
        let by = self.by.as_deref().map_or(String::new(), |by| format!(" by {by}"));
        let limit = self.limit.as_deref().map_or(String::new(), |limit| format!(", {limit}"));
        let client = self.client.as_deref().map_or(String::new(), |client| format!(", client {client}"));
        format!("matched [{}], {}{by}, status {}{limit}{client}", self.matched.join(", "), self.action, self.status)
    }
}

/// Whether a reply is varnishd's own refusal: an error that no VCL made, or none at all.
pub fn is_own_refusal(reply: &Reply) -> bool {
    match reply {
        Reply::Answer(answer) => matches!(answer.status, 400 | 417 | 500) && answer.xid().is_none(),
        Reply::Closed => true,
        Reply::TimedOut => false,
    }
}

/// The request as a trusted terminator in front of Varnish passes it on: explicit facts become the headers that the
/// project names, sent from a trusted address that appends the client's to X-Forwarded-For. Facts that the project
/// does not map are unknown there. A request without facts is what it was.
pub fn as_seen_by_varnish<'q>(request: &'q Request, ruleset: &Ruleset) -> Cow<'q, Request> {
    if request.facts == Facts::default() {
        return Cow::Borrowed(request);
    }
    let settings = &ruleset.settings;
    let headers = fact_headers(&request.facts, settings);
    let mut passed = wire::received(request).into_owned();
    passed.facts = Facts::default();
    let proxy = trusted_address(ruleset);
    if let Some(proxy) = proxy.filter(|_| headers.iter().any(|(_, value)| value.is_some())) {
        for (name, value) in headers {
            passed.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name.as_bytes()));
            if let Some(value) = value {
                passed.headers.push((name.as_bytes().to_vec(), value));
            }
        }
        let client = canonical_text(passed.client_ip);
        passed.headers.push((b"X-Forwarded-For".to_vec(), client.into_bytes()));
        passed.client_ip = proxy;
    }
    passed.raw = None;
    Cow::Owned(passed)
}

/// Each header that the project maps, with its value if the fact is known.
fn fact_headers<'s>(facts: &Facts, settings: &'s Settings) -> Vec<(&'s str, Option<Bytes>)> {
    let text = |value: &Option<String>| value.as_ref().map(|value| value.clone().into_bytes());
    let value = |field: Field| {
        use Field::*;
        match field {
            Scheme => text(&facts.scheme),
            ClientAsn => facts.asn.map(|number| number.to_string().into_bytes()),
            ClientAsName => text(&facts.as_name),
            ClientCountry => text(&facts.country),
            ClientProxyType => text(&facts.proxy_type),
            TlsJa3 => text(&facts.ja3),
            TlsJa4 => text(&facts.ja4),
            TlsVersion => text(&facts.tls_version),
            TlsSni => text(&facts.sni),
            Method | Host | Url | UrlRaw | Path | PathRaw | PathExt | Query | QueryRaw | Args | ArgsRaw | ArgNames
            | Headers | Cookies | Body | BodyTruncated | Proto | ClientIp | RespStatus | RespHeaders => None,
        }
    };
    settings.facts.iter().map(|(field, header)| (header.as_str(), value(*field))).collect()
}

fn trusted_values(ruleset: &Ruleset) -> Option<&[ipnet::IpNet]> {
    match &ruleset.lists.get(ruleset.settings.trusted_proxies?.0)?.values {
        ListValues::Ip(networks) => Some(networks),
        ListValues::Strings(_) | ListValues::Int(_) | ListValues::Regex(_) => None,
    }
}

fn trusted_networks(ruleset: &Ruleset) -> Option<NetworkSet> {
    trusted_values(ruleset).map(NetworkSet::new)
}

/// The first address of the first trusted network.
fn trusted_address(ruleset: &Ruleset) -> Option<IpAddr> {
    let network = trusted_values(ruleset)?.first()?;
    Some(network.hosts().next().unwrap_or(network.addr()))
}
