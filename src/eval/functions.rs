//! The functions of the language over seen values. A string function over a list works on each element.

use super::address;
use super::decode;
use super::view::{Seen, Text};
use crate::ir::Call;
use alloc::borrow::Cow;

/// `call` of `argument`; absent stays absent. `AnyForm` is not here: it needs the field, see
/// [`super::view::View::forms`].
pub fn apply<'v>(call: Call, argument: &'v Seen<'v>) -> Seen<'v> {
    match argument {
        Seen::Text(text) => match call {
            Call::Length | Call::Int => Seen::Integer(text.as_deref().and_then(|text| to_integer(call, text))),
            Call::Lower
            | Call::Upper
            | Call::Trim
            | Call::Squeeze
            | Call::RemoveWhitespace
            | Call::UrlDecode
            | Call::HtmlDecode
            | Call::Base64Decode
            | Call::PathNormalize
            | Call::Sha256
            | Call::Md5
            | Call::Prefix(..)
            | Call::AnyForm => Seen::Text(text.as_deref().and_then(|text| to_text(call, text))),
        },
        Seen::Texts(texts) => match call {
            Call::Length | Call::Int => Seen::Integers(
                texts.iter().map(|text| text.as_deref().and_then(|text| to_integer(call, text))).collect(),
            ),
            Call::Lower
            | Call::Upper
            | Call::Trim
            | Call::Squeeze
            | Call::RemoveWhitespace
            | Call::UrlDecode
            | Call::HtmlDecode
            | Call::Base64Decode
            | Call::PathNormalize
            | Call::Sha256
            | Call::Md5
            | Call::Prefix(..)
            | Call::AnyForm => {
                Seen::Texts(texts.iter().map(|text| text.as_deref().and_then(|text| to_text(call, text))).collect())
            }
        },
        Seen::Address(address) => match call {
            Call::Prefix(ipv4_bits, ipv6_bits) => Seen::Address(address::prefix(*address, ipv4_bits, ipv6_bits)),
            Call::Lower
            | Call::Upper
            | Call::Length
            | Call::Trim
            | Call::Squeeze
            | Call::RemoveWhitespace
            | Call::UrlDecode
            | Call::HtmlDecode
            | Call::Base64Decode
            | Call::PathNormalize
            | Call::Sha256
            | Call::Md5
            | Call::Int
            | Call::AnyForm => Seen::Text(None),
        },
        // INVARIANT: no function takes these; the type checker says so.
        Seen::Integer(_) | Seen::Integers(_) | Seen::Truth(_) => Seen::Text(None),
    }
}

fn to_integer(call: Call, text: &[u8]) -> Option<i64> {
    if call == Call::Length { i64::try_from(text.len()).ok() } else { decode::integer(text) }
}

/// A string function of one present string.
pub fn to_text(call: Call, text: &[u8]) -> Text<'_> {
    Some(match call {
        Call::Lower => decode::lower(text),
        Call::Upper => decode::upper(text),
        Call::Trim => Cow::Borrowed(decode::trim(text)),
        Call::Squeeze => decode::squeeze(text),
        Call::RemoveWhitespace => decode::remove_whitespace(text),
        Call::UrlDecode => decode::url_decode(text),
        Call::HtmlDecode => decode::html_decode(text),
        Call::Base64Decode => Cow::Owned(decode::base64_decode(text)?),
        Call::PathNormalize => decode::path_normalize(text),
        Call::Sha256 => Cow::Owned(decode::sha256_hex(text).into_bytes()),
        Call::Md5 => Cow::Owned(decode::md5_hex(text).into_bytes()),
        // INVARIANT: these give no string from a string; the type checker says so.
        Call::Length | Call::Int | Call::Prefix(..) | Call::AnyForm => return None,
    })
}
