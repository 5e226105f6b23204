//! Who a rate counts: the key of a counter's entry, as a local text.

use super::place::{Operand, Place};
use super::{Generator, set};
use crate::codegen::vcl::{Expression, Statement, when_else};
use crate::ir::{Rate, Value};
use crate::source::Span;

/// An entry may have 256 bytes; the number of a slot and what is put before it take some.
const MOST_BYTES: usize = 200;
/// `-9223372036854775808`
const INTEGER_BYTES: usize = 20;
/// `6`, four numbers of 32 bits, each after a dot, `/`.
const ADDRESS_BYTES: usize = 46;

impl Generator<'_> {
    /// Sets `var.key`: the parts with their lengths, hashed where they could be longer than an entry may be: such a one
    /// would never be counted.
    pub(super) fn key(&mut self, rate: &Rate) -> Option<Vec<Statement>> {
        let key = self.local("key", "STRING");
        let mut statements = vec![set(&key, Expression::text(""))];
        let append =
            |part: Vec<Expression>| set(&key, Expression::Sum(std::iter::once(key.clone()).chain(part).collect()));
        // Bytes that it can have at most, where that is known.
        let mut most = Some(0);
        for value in &rate.key {
            if value.value_type().is_list() {
                self.unsupported(
                    rate.span,
                    format!("`{}`: on Fastly the key of a rate has no lists", self.rule),
                    "a part of the key is a list",
                    "use `req.query` or a header in the key",
                );
                return None;
            }
            let absent = append(vec![Expression::text("-/")]);
            let (present, part) = match self.key_operand(value, rate.span)? {
                Operand::Text { text, present } => {
                    most = None;
                    let length = Expression::call("std.itoa", [Expression::call("std.strlen", [text.clone()])]);
                    (present, append(vec![length, Expression::text(":"), text, Expression::text("/")]))
                }
                Operand::Integer { value, present } => {
                    most = most.map(|most: usize| most + INTEGER_BYTES + 1);
                    (present, append(vec![Expression::call("std.itoa", [value]), Expression::text("/")]))
                }
                Operand::Truth(truth) => {
                    most = most.map(|most| most + 4);
                    (Some(truth), append(vec![Expression::text("yes/")]))
                }
                Operand::Address { bits } => {
                    let (ipv4, ipv6) = bits.unwrap_or((32, 128));
                    most = most.map(|most| most + ADDRESS_BYTES);
                    let client = self.client_address();
                    let of = |start: &str, total: u32, bits: u8| {
                        let mut parts = vec![Expression::text(start)];
                        parts.extend(network_parts(&client, total, bits.into()));
                        append(parts)
                    };
                    statements.push(when_else(
                        Expression::call("addr.is_ipv6", [client.clone()]),
                        vec![of("6", 128, ipv6)],
                        vec![of("4", 32, ipv4)],
                    ));
                    continue;
                }
            };
            statements.extend(match present {
                Some(present) => vec![when_else(present, vec![part], vec![absent])],
                None => vec![part],
            });
        }
        if most.is_none_or(|most| most > MOST_BYTES) {
            statements.push(set(&key, Expression::call("digest.hash_sha256", [key.clone()])));
        } else if rate.key.is_empty() {
            statements.push(set(&key, Expression::text("all")));
        }
        Some(statements)
    }

    fn key_operand(&mut self, value: &Value, span: Span) -> Option<Operand> {
        let mut prelude: Place = std::mem::take(&mut self.prelude);
        let operand = self.operand(&mut prelude, value, span);
        self.prelude = prelude;
        operand
    }
}

/// The first bits of an address as numbers of at most 32 bits each.
fn network_parts(client: &Expression, total: u32, bits: u32) -> Vec<Expression> {
    let mut parts = Vec::new();
    let mut done = 0;
    while done < bits {
        let width = (bits - done).min(32);
        let start = total - done - width;
        let number = Expression::call(
            "addr.extract_bits",
            [client.clone(), Expression::Integer(start.into()), Expression::Integer(width.into())],
        );
        parts.extend([Expression::text("."), Expression::call("std.itoa", [number])]);
        done += width;
    }
    parts.push(Expression::text("/"));
    parts
}
