//! One request → the value of each field, computed when it is first asked for and kept. [`super::plan`] puts functions
//! on top. The request is one that `super::wire::received` gave: as the engines show it.
//!
//! The headers that rules read are known beforehand ([`HeaderNames`]): one pass over a request's lines finds them all.

use super::address::{NetworkSet, client_address, unmapped};
use super::decode::{decimal, query_decode, url_decode};
use super::parts::{self, Body, Parameter, Target};
use crate::catalog::Field;
use crate::ir::{FieldReference, ListValues, Ruleset};
use crate::request::Request;
use alloc::borrow::Cow;
use std::cell::OnceCell;
use std::net::IpAddr;

/// A string's bytes; `None` is absent.
pub type Text<'v> = Option<Cow<'v, [u8]>>;

/// What a value is for one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen<'v> {
    Text(Text<'v>),
    /// Elements can be absent after a function (`base64_decode`).
    Texts(Vec<Text<'v>>),
    Integer(Option<i64>),
    Integers(Vec<Option<i64>>),
    Address(IpAddr),
    Truth(bool),
}

/// The header names that rules read, in lower case, by length: a line is compared with very few of them.
#[derive(Clone, Debug, Default)]
pub struct HeaderNames {
    by_length: Vec<Vec<(Vec<u8>, HeaderName)>>,
    count: usize,
}

/// A name of [`HeaderNames`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderName(usize);

impl HeaderNames {
    /// The number of a name, which is a new one if need be.
    pub fn add(&mut self, name: &[u8]) -> HeaderName {
        if let Some(known) = self.find(name) {
            return known;
        }
        if self.by_length.len() <= name.len() {
            self.by_length.resize_with(name.len() + 1, Vec::new);
        }
        let new = HeaderName(self.count);
        self.by_length[name.len()].push((name.to_ascii_lowercase(), new));
        self.count += 1;
        new
    }

    fn find(&self, name: &[u8]) -> Option<HeaderName> {
        let same = self.by_length.get(name.len())?;
        same.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, number)| *number)
    }
}

/// What the project says about every request.
#[derive(Clone, Debug)]
pub struct Context {
    names: HeaderNames,
    trusted: Option<NetworkSet>,
    /// Field → header, as in the settings.
    facts: Vec<(Field, String)>,
    body_limit: usize,
}

impl Context {
    pub fn new(ruleset: &Ruleset, names: HeaderNames) -> Context {
        let settings = &ruleset.settings;
        let trusted =
            settings.trusted_proxies.and_then(|index| ruleset.lists.get(index.0)).and_then(|list| match &list.values {
                ListValues::Ip(networks) => Some(NetworkSet::new(networks)),
                ListValues::Strings(_) | ListValues::Int(_) | ListValues::Regex(_) => None,
            });
        Context {
            names,
            trusted,
            facts: settings.facts.clone(),
            body_limit: usize::try_from(settings.limits.body).unwrap_or(usize::MAX),
        }
    }
}

/// One request, seen through the language's fields.
pub struct View<'v> {
    request: &'v Request,
    context: &'v Context,
    /// Of each of [`HeaderNames`].
    headers: OnceCell<Vec<Text<'v>>>,
    target: OnceCell<Target<'v>>,
    path: OnceCell<Cow<'v, [u8]>>,
    parameters: OnceCell<Vec<Parameter<'v>>>,
    cookies: OnceCell<Vec<(&'v [u8], &'v [u8])>>,
    client: OnceCell<IpAddr>,
}

impl<'v> View<'v> {
    pub fn new(request: &'v Request, context: &'v Context) -> View<'v> {
        View {
            request,
            context,
            headers: OnceCell::new(),
            target: OnceCell::new(),
            path: OnceCell::new(),
            parameters: OnceCell::new(),
            cookies: OnceCell::new(),
            client: OnceCell::new(),
        }
    }

    pub fn request(&self) -> &'v Request {
        self.request
    }

    /// The value of a field. `any_form` of it is [`View::forms`].
    pub fn field(&'v self, reference: &FieldReference) -> Seen<'v> {
        let key = reference.keys.first().map_or(&[][..], Vec::as_slice);
        match reference.field {
            Field::Method => present(&self.request.method),
            Field::Scheme
            | Field::ClientAsName
            | Field::ClientCountry
            | Field::ClientProxyType
            | Field::TlsJa3
            | Field::TlsJa4
            | Field::TlsVersion
            | Field::TlsSni => Seen::Text(self.text_fact(reference.field)),
            Field::ClientAsn => Seen::Integer(self.asn()),
            Field::Host => Seen::Text(self.host()),
            Field::Url => Seen::Text(Some(parts::decode_url(self.url()))),
            Field::UrlRaw => present(self.url()),
            Field::Path => present(self.path()),
            Field::PathRaw => present(self.raw_path()),
            Field::PathExt => Seen::Text(parts::path_extension(self.path())),
            Field::Query => Seen::Text(Some(query_decode(self.raw_query()))),
            Field::QueryRaw => present(self.raw_query()),
            Field::Args => Seen::Texts(self.argument_values(key).map(|value| Some(query_decode(value))).collect()),
            Field::ArgsRaw => Seen::Texts(self.argument_values(key).map(|value| Some(Cow::Borrowed(value))).collect()),
            Field::ArgNames => {
                Seen::Texts(self.parameters().iter().map(|parameter| Some(Cow::Borrowed(&*parameter.name))).collect())
            }
            Field::Headers => {
                let names: Vec<HeaderName> =
                    reference.keys.iter().filter_map(|name| self.context.names.find(name)).collect();
                self.headers(&names)
            }
            Field::Cookies => Seen::Texts(self.cookie_values(key).map(|value| Some(Cow::Borrowed(value))).collect()),
            Field::Body => Seen::Text(match self.body() {
                Body::Known(body) => Some(Cow::Borrowed(body)),
                Body::Truncated => None,
            }),
            Field::BodyTruncated => Seen::Truth(self.body() == Body::Truncated),
            Field::Proto => Seen::Text(Some(parts::protocol(&self.request.version))),
            Field::ClientIp => Seen::Address(self.client()),
            Field::RespStatus => Seen::Integer(Some(self.request.response.status.into())),
            Field::RespHeaders => Seen::Text(parts::joined_header(&self.request.response.headers, key)),
        }
    }

    /// `any_form`: raw, decoded once, decoded twice, without a form that equals the one before.
    pub fn forms(&'v self, reference: &FieldReference) -> Seen<'v> {
        let mut forms = Vec::new();
        let mut add = |raw: &'v [u8], once: Cow<'v, [u8]>| {
            let twice = match &once {
                Cow::Borrowed(once) => {
                    let once: &'v [u8] = once;
                    url_decode(once)
                }
                Cow::Owned(once) => Cow::Owned(url_decode(once).into_owned()),
            };
            let once_differs = *once != *raw;
            let twice_differs = *twice != *once;
            forms.push(Some(Cow::Borrowed(raw)));
            if once_differs {
                forms.push(Some(once));
            }
            if twice_differs {
                forms.push(Some(twice));
            }
        };
        let key = reference.keys.first().map_or(&[][..], Vec::as_slice);
        match reference.field {
            Field::Url | Field::UrlRaw => add(self.url(), parts::decode_url(self.url())),
            Field::Path | Field::PathRaw => add(self.raw_path(), Cow::Borrowed(self.path())),
            Field::Query | Field::QueryRaw => add(self.raw_query(), query_decode(self.raw_query())),
            Field::Args | Field::ArgsRaw => {
                self.argument_values(key).for_each(|value| add(value, query_decode(value)));
            }
            // INVARIANT: the type checker lets `any_form` have a field with a raw twin only.
            Field::Method
            | Field::Scheme
            | Field::Host
            | Field::PathExt
            | Field::ArgNames
            | Field::Headers
            | Field::Cookies
            | Field::Body
            | Field::BodyTruncated
            | Field::Proto
            | Field::ClientIp
            | Field::ClientAsn
            | Field::ClientAsName
            | Field::ClientCountry
            | Field::ClientProxyType
            | Field::TlsJa3
            | Field::TlsJa4
            | Field::TlsVersion
            | Field::TlsSni
            | Field::RespStatus
            | Field::RespHeaders => {}
        }
        Seen::Texts(forms)
    }

    /// The URL in origin form, raw.
    pub fn url(&'v self) -> &'v [u8] {
        &self.target().url
    }

    /// How many parameters have this (decoded) name.
    pub fn argument_count(&'v self, name: &[u8]) -> usize {
        self.argument_values(name).count()
    }

    /// How many parameters there are.
    pub fn parameter_count(&'v self) -> usize {
        self.parameters().len()
    }

    /// How many cookies have this name.
    pub fn cookie_count(&'v self, name: &[u8]) -> usize {
        self.cookie_values(name).count()
    }

    /// `client.ip`
    pub fn client(&'v self) -> IpAddr {
        *self.client.get_or_init(|| match &self.context.trusted {
            Some(trusted) => {
                let forwarded = self.header(b"x-forwarded-for");
                client_address(self.request.client_ip, forwarded, trusted)
            }
            None => unmapped(self.request.client_ip),
        })
    }

    fn target(&'v self) -> &'v Target<'v> {
        self.target.get_or_init(|| parts::target(&self.request.target))
    }

    fn raw_path(&'v self) -> &'v [u8] {
        parts::split_url(self.url()).0
    }

    fn path(&'v self) -> &'v [u8] {
        self.path.get_or_init(|| url_decode(self.raw_path()))
    }

    fn raw_query(&'v self) -> &'v [u8] {
        parts::split_url(self.url()).1.unwrap_or_default()
    }

    fn parameters(&'v self) -> &'v [Parameter<'v>] {
        self.parameters.get_or_init(|| parts::parameters(self.raw_query()).collect())
    }

    fn argument_values(&'v self, name: &[u8]) -> impl Iterator<Item = &'v [u8]> {
        self.parameters().iter().filter(move |parameter| *parameter.name == *name).map(|parameter| parameter.value)
    }

    /// Name and value of each cookie.
    pub fn all_cookies(&'v self) -> &'v [(&'v [u8], &'v [u8])] {
        self.cookies
            .get_or_init(|| self.header(b"cookie").map(|header| parts::cookies(header).collect()).unwrap_or_default())
    }

    fn cookie_values(&'v self, name: &[u8]) -> impl Iterator<Item = &'v [u8]> {
        self.all_cookies().iter().filter(move |(other, _)| *other == name).map(|(_, value)| *value)
    }

    /// A request header as the engines show it.
    fn header(&'v self, name: &[u8]) -> Option<&'v [u8]> {
        // INVARIANT: the planner has added every name that is asked for.
        self.header_of(self.context.names.find(name)?)
    }

    fn header_of(&'v self, HeaderName(number): HeaderName) -> Option<&'v [u8]> {
        let table = self.headers.get_or_init(|| {
            let mut table = vec![None; self.context.names.count];
            for (name, value) in &self.request.headers {
                if let Some(HeaderName(number)) = self.context.names.find(name) {
                    parts::join_header(&mut table[number], name, value);
                }
            }
            table
        });
        table[number].as_deref()
    }

    /// The headers of these names: of a single one its text, of several the list of those that are there.
    pub fn headers(&'v self, names: &[HeaderName]) -> Seen<'v> {
        match names {
            [name] => Seen::Text(self.header_of(*name).map(Cow::Borrowed)),
            _ => Seen::Texts(
                names.iter().filter_map(|name| self.header_of(*name)).map(|text| Some(Cow::Borrowed(text))).collect(),
            ),
        }
    }

    fn host(&'v self) -> Text<'v> {
        match self.target().authority {
            Some(authority) => Some(parts::normalize_host(authority)),
            None => self.header(b"host").map(parts::normalize_host),
        }
    }

    fn body(&self) -> Body<'v> {
        parts::body(self.request, self.context.body_limit)
    }

    /// A header in which a trusted terminator sends a fact; empty is absent.
    fn fact_header(&'v self, field: Field) -> Text<'v> {
        let (_, name) = self.context.facts.iter().find(|(other, _)| *other == field)?;
        let trusted = self.context.trusted.as_ref()?;
        if !trusted.contains(self.request.client_ip) {
            return None;
        }
        self.header(name.as_bytes()).filter(|value| !value.is_empty()).map(Cow::Borrowed)
    }

    fn text_fact(&'v self, field: Field) -> Text<'v> {
        let facts = &self.request.facts;
        let given = match field {
            Field::Scheme => &facts.scheme,
            Field::ClientAsName => &facts.as_name,
            Field::ClientCountry => &facts.country,
            Field::ClientProxyType => &facts.proxy_type,
            Field::TlsJa3 => &facts.ja3,
            Field::TlsJa4 => &facts.ja4,
            Field::TlsVersion => &facts.tls_version,
            Field::TlsSni => &facts.sni,
            Field::Method
            | Field::Host
            | Field::Url
            | Field::UrlRaw
            | Field::Path
            | Field::PathRaw
            | Field::PathExt
            | Field::Query
            | Field::QueryRaw
            | Field::Args
            | Field::ArgsRaw
            | Field::ArgNames
            | Field::Headers
            | Field::Cookies
            | Field::Body
            | Field::BodyTruncated
            | Field::Proto
            | Field::ClientIp
            | Field::ClientAsn
            | Field::RespStatus
            | Field::RespHeaders => &None,
        };
        match given {
            Some(given) => Some(Cow::Borrowed(given.as_bytes())),
            None => self.fact_header(field),
        }
    }

    fn asn(&'v self) -> Option<i64> {
        if let Some(asn) = self.request.facts.asn {
            return Some(asn.into());
        }
        self.fact_header(Field::ClientAsn).filter(|text| text.len() <= 10).and_then(|text| decimal(&text))
    }
}

fn present(text: &[u8]) -> Seen<'_> {
    Seen::Text(Some(Cow::Borrowed(text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::samples;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_table_of_headers_holds_what_each_name_gives(
            lines in proptest::collection::vec(("[aA][bB]?|[cC]ookie|x-a", "[ \t]?[a-z]{0,2}[ \t]?"), 0..8),
        ) {
            let headers = lines.into_iter().map(|(name, value)| (name.into_bytes(), value.into_bytes())).collect();
            let request = Request { headers, ..Request::default() };
            let mut names = HeaderNames::default();
            let read: [&[u8]; 5] = [b"ab", b"cookie", b"a", b"x-b", b"ab"];
            let numbers = read.map(|name| names.add(name));
            prop_assert_eq!(numbers[0], numbers[4]);
            let context = Context::new(&samples::ruleset(Vec::new()), names);
            let view = View::new(&request, &context);
            for (name, number) in read.iter().zip(numbers) {
                let plain = parts::joined_header(&request.headers, name);
                prop_assert_eq!(view.header_of(number), plain.as_deref());
            }
        }
    }
}
