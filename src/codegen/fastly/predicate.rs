//! Predicates → conditions. A condition is false where its value is absent; negation is exact.

use super::fields::name;
use super::lists;
use super::place::Operand;
use super::{Generator, deviations};
use crate::catalog::Field;
use crate::codegen::needles::patterns;
use crate::codegen::vcl::{Comparator, Expression};
use crate::ir::{
    Call, Check, Comparison, FieldReference, IntegerOperator, Integers, ListIndex, ListValues, Needles, Networks,
    Patterns, Predicate, Quantifier, Text, TextOperator, Value,
};
use crate::source::Span;

/// Exact texts from this many on are looked up in a table.
const TABLE_FROM: usize = 16;

impl Generator<'_> {
    /// `None` after a diagnostic.
    pub(super) fn predicate(&mut self, predicate: &Predicate) -> Option<Expression> {
        match predicate {
            Predicate::All(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| self.predicate(part)).collect();
                Some(Expression::all(parts.into_iter().collect::<Option<Vec<_>>>()?))
            }
            Predicate::Any(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| self.predicate(part)).collect();
                Some(Expression::any(parts.into_iter().collect::<Option<Vec<_>>>()?))
            }
            Predicate::Not(inner) => Some(self.predicate(inner)?.not()),
            Predicate::Compare(comparison) => self.comparison(comparison),
        }
    }

    fn comparison(&mut self, comparison: &Comparison) -> Option<Expression> {
        let span = comparison.span;
        let reference = comparison.value.field();
        let forms = forms(&comparison.value);
        if let Some(source) = lists::source(reference) {
            let Some(quantifier) = comparison.quantifier else { return Some(self.any_element(&source, span)) };
            let contrary = comparison.negated != (quantifier == Quantifier::All);
            let mut hits = Vec::new();
            for value in &forms {
                hits.push(self.some_element(&source, value, &comparison.check, contrary, span)?);
            }
            let some = Expression::any(hits);
            return Some(if quantifier == Quantifier::All { some.not() } else { some });
        }
        // The elements with what holds when each is in the list.
        let mut elements = Vec::new();
        if reference.keys.len() > 1 {
            for key in &reference.keys {
                let one = FieldReference { field: reference.field, keys: vec![key.clone()] };
                let mut prelude = std::mem::take(&mut self.prelude);
                let header = self.request_header(&mut prelude.statements, &String::from_utf8_lossy(key), span);
                self.prelude = prelude;
                let (_, present) = header?;
                elements.push((with_field(&comparison.value, &one), Some(present)));
            }
        } else {
            elements.extend(forms.into_iter().map(|value| (value, None)));
        }
        let Some(quantifier) = comparison.quantifier else {
            if comparison.check == Check::Exists && elements.len() > 1 {
                return Some(Expression::any(
                    elements.into_iter().map(|(_, present)| present.unwrap_or(Expression::Boolean(true))),
                ));
            }
            let (value, _) = elements.into_iter().next()?;
            let operand = self.scalar(&value, span)?;
            return self.check(operand, &comparison.check, span);
        };
        let mut parts = Vec::new();
        for (value, present) in elements {
            let operand = self.scalar(&value, span)?;
            let holds = self.check(operand, &comparison.check, span)?;
            let holds = if comparison.negated { holds.not() } else { holds };
            parts.push(match (quantifier, present) {
                (_, None) => holds,
                (Quantifier::Any, Some(present)) => Expression::all([present, holds]),
                (Quantifier::All, Some(present)) => Expression::any([present.not(), holds]),
            });
        }
        Some(match quantifier {
            Quantifier::Any => Expression::any(parts),
            Quantifier::All => Expression::all(parts),
        })
    }

    /// A positive check; false where the operand is absent.
    pub(super) fn check(&mut self, operand: Operand, check: &Check, span: Span) -> Option<Expression> {
        let guarded = |present: Option<Expression>, condition: Expression| {
            Expression::all(present.into_iter().chain([condition]))
        };
        match (operand, check) {
            (Operand::Text { present, .. } | Operand::Integer { present, .. }, Check::Exists) => {
                Some(present.unwrap_or(Expression::Boolean(true)))
            }
            (Operand::Address { .. } | Operand::Truth(_), Check::Exists) => Some(Expression::Boolean(true)),
            (Operand::Truth(truth), Check::IsTrue) => Some(truth),
            (Operand::Text { text, present }, Check::Text { operator, needles }) => {
                Some(guarded(present, self.text(text, *operator, needles, span)?))
            }
            (Operand::Text { text, present }, Check::Matches(patterns)) => {
                let ruleset = self.ruleset;
                let regexes = match patterns {
                    Patterns::Literals(regexes) => regexes,
                    Patterns::List(index) => match self.list(*index, span)? {
                        ListValues::Regex(_) => match &ruleset.lists[index.0].values {
                            ListValues::Regex(regexes) => regexes,
                            ListValues::Ip(_) | ListValues::Strings(_) | ListValues::Int(_) => return None,
                        },
                        ListValues::Ip(_) | ListValues::Strings(_) | ListValues::Int(_) => return None,
                    },
                };
                self.touch(deviations::PATTERNS, span);
                let any = regexes.iter().map(|regex| text.clone().matches(regex.engine_text.clone()));
                Some(guarded(present, Expression::any(any.collect::<Vec<_>>())))
            }
            (Operand::Integer { value, present }, Check::Integer { operator, value: right }) => {
                let comparator = match operator {
                    IntegerOperator::Equal => Comparator::Equal,
                    IntegerOperator::Less => Comparator::Less,
                    IntegerOperator::LessOrEqual => Comparator::LessOrEqual,
                    IntegerOperator::Greater => Comparator::Greater,
                    IntegerOperator::GreaterOrEqual => Comparator::GreaterOrEqual,
                };
                Some(guarded(present, value.compare(comparator, Expression::Integer(*right))))
            }
            (Operand::Integer { value, present }, Check::IntegerIn(integers)) => {
                let found = self.integer_in(value, integers, span)?;
                Some(guarded(present, found))
            }
            (Operand::Address { bits }, Check::Network(networks)) => self.network(bits, networks, span),
            (left, Check::SameAs(other)) => {
                let right = self.scalar(other, span)?;
                self.same(left, right, span)
            }
            // INVARIANT: checks fit the type of their value.
            (
                Operand::Text { .. } | Operand::Integer { .. } | Operand::Address { .. } | Operand::Truth(_),
                Check::IsTrue
                | Check::Text { .. }
                | Check::Matches(_)
                | Check::Integer { .. }
                | Check::IntegerIn(_)
                | Check::Network(_),
            ) => None,
        }
    }

    fn same(&mut self, left: Operand, right: Operand, span: Span) -> Option<Expression> {
        let both = |a: Option<Expression>, b: Option<Expression>, equal: Expression| {
            Some(Expression::all(a.into_iter().chain(b).chain([equal])))
        };
        match (left, right) {
            (Operand::Text { text: a, present: pa }, Operand::Text { text: b, present: pb }) => {
                both(pa, pb, a.equals(b))
            }
            (Operand::Integer { value: a, present: pa }, Operand::Integer { value: b, present: pb }) => {
                both(pa, pb, a.equals(b))
            }
            (Operand::Address { bits: None }, Operand::Address { bits: None }) => Some(Expression::Boolean(true)),
            (Operand::Truth(a), Operand::Truth(b)) => {
                Some(Expression::any([Expression::all([a.clone(), b.clone()]), Expression::all([a.not(), b.not()])]))
            }
            (
                Operand::Text { .. } | Operand::Integer { .. } | Operand::Address { .. } | Operand::Truth(_),
                Operand::Text { .. } | Operand::Integer { .. } | Operand::Address { .. } | Operand::Truth(_),
            ) => {
                self.unsupported(
                    span,
                    format!("`{}`: networks of addresses cannot be compared with each other on Fastly", self.rule),
                    "compares two computed networks",
                    "compare with a network or a list: `client.ip in 192.0.2.0/24`",
                );
                None
            }
        }
    }

    fn text(&mut self, text: Expression, operator: TextOperator, needles: &Needles, span: Span) -> Option<Expression> {
        let ruleset = self.ruleset;
        let literals: &[Text] = match needles {
            Needles::Literals(literals) => literals,
            Needles::List(index) => {
                let list = &ruleset.lists[index.0];
                let ListValues::Strings(strings) = &list.values else { return None };
                if let Some(edge) = &list.edge {
                    return self.edge_dictionary(text, operator, strings, edge, span);
                }
                strings
            }
        };
        if operator == TextOperator::Equals {
            return Some(self.equals(text, literals, needles));
        }
        let any = patterns(operator, literals, false).into_iter().map(|pattern| text.clone().matches(pattern));
        Some(Expression::any(any.collect::<Vec<_>>()))
    }

    fn equals(&mut self, text: Expression, literals: &[Text], needles: &Needles) -> Expression {
        // A literal of VCL is UTF-8; anything else, and what ignores case, is a pattern.
        let (exact, folded): (Vec<&Text>, Vec<&Text>) =
            literals.iter().partition(|needle| !needle.ignore_case && std::str::from_utf8(&needle.bytes).is_ok());
        let exact: Vec<String> =
            exact.iter().map(|needle| String::from_utf8_lossy(&needle.bytes).into_owned()).collect();
        let mut parts = Vec::new();
        if exact.len() >= TABLE_FROM {
            let table = self.table(exact, needles);
            parts.push(Expression::call("table.contains", [name(&table), text.clone()]));
        } else {
            parts.extend(exact.into_iter().map(|needle| text.clone().equals(Expression::text(needle))));
        }
        let folded: Vec<Text> = folded.into_iter().cloned().collect();
        parts.extend(
            patterns(TextOperator::Equals, &folded, false).into_iter().map(|pattern| text.clone().matches(pattern)),
        );
        Expression::any(parts)
    }

    fn table(&mut self, keys: Vec<String>, needles: &Needles) -> String {
        if let Some(table) = self.tables.iter().find(|table| table.keys == keys) {
            return table.name.clone();
        }
        let (stem, comment) = match needles {
            Needles::List(index) => {
                let list = &self.ruleset.lists[index.0];
                (list.name.clone(), format!("List {}", list.name))
            }
            Needles::Literals(_) => (self.rule.to_owned(), format!("Texts of {}", self.rule)),
        };
        let name = self.names.unique(&stem);
        self.tables.push(super::Table { name: name.clone(), comment, keys });
        name
    }

    /// A dictionary at the edge is asked for the whole text, exactly.
    fn edge_dictionary(
        &mut self,
        text: Expression,
        operator: TextOperator,
        sample: &[Text],
        edge: &str,
        span: Span,
    ) -> Option<Expression> {
        if operator != TextOperator::Equals || sample.iter().any(|text| text.ignore_case) {
            self.unsupported(
                span,
                format!("`{}`: a dictionary at the edge holds whole texts and minds their case", self.rule),
                "needs more than an exact look-up",
                "compare with `in` or `==` and a list of `type: string`, or keep the list in the project without `edge:`",
            );
            return None;
        }
        self.edge_name(edge, false, span)?;
        Some(Expression::call("table.contains", [name(edge), text]))
    }

    /// Notes an ACL or dictionary that is kept at the edge.
    fn edge_name(&mut self, edge: &str, is_acl: bool, span: Span) -> Option<()> {
        let legal = edge.starts_with(|first: char| first.is_ascii_alphabetic())
            && edge.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !legal {
            self.unsupported(
                span,
                format!("`{edge}` cannot name an ACL or a dictionary in VCL"),
                "letters, digits and `_`",
                "rename it at Fastly and in `edge:`",
            );
            return None;
        }
        self.edge.insert(edge.to_owned(), is_acl);
        Some(())
    }

    fn integer_in(&mut self, value: Expression, integers: &Integers, span: Span) -> Option<Expression> {
        let ruleset = self.ruleset;
        let integers = match integers {
            Integers::Literals(integers) => integers,
            Integers::List(index) => {
                let ListValues::Int(integers) = self.list(*index, span)? else { return None };
                let _ = integers;
                match &ruleset.lists[index.0].values {
                    ListValues::Int(integers) => integers,
                    ListValues::Ip(_) | ListValues::Strings(_) | ListValues::Regex(_) => return None,
                }
            }
        };
        let any = integers.iter().map(|integer| value.clone().equals(Expression::Integer(*integer)));
        Some(Expression::any(any.collect::<Vec<_>>()))
    }

    /// A list that cannot live at the edge.
    fn list(&mut self, index: ListIndex, span: Span) -> Option<&ListValues> {
        let ruleset = self.ruleset;
        let list = &ruleset.lists[index.0];
        if list.edge.is_some() {
            self.unsupported(
                span,
                format!("`@{}`: only addresses and texts can be kept at the edge", list.name),
                "has `edge:`",
                "keep the list in the project: `values:` without `edge:`",
            );
            return None;
        }
        Some(&list.values)
    }

    /// The client, or the network around it, is in one of these.
    pub(super) fn network(&mut self, bits: Option<(u8, u8)>, networks: &Networks, span: Span) -> Option<Expression> {
        let ruleset = self.ruleset;
        let (nets, stem, comment) = match networks {
            Networks::Literals(nets) => (nets, self.rule.to_owned(), format!("Networks of {}", self.rule)),
            Networks::List(index) => {
                let list = &ruleset.lists[index.0];
                let ListValues::Ip(nets) = &list.values else { return None };
                if let Some(edge) = &list.edge {
                    if bits.is_some() {
                        self.unsupported(
                            span,
                            format!(
                                "`{}`: a list at the edge can be asked for `client.ip`, not for a prefix of it",
                                self.rule
                            ),
                            "asks for a prefix",
                            "write `client.ip in @…`",
                        );
                        return None;
                    }
                    self.edge_name(edge, true, span)?;
                    return Some(self.client_text().compare(Comparator::Match, name(edge)));
                }
                (nets, list.name.clone(), format!("List {}", list.name))
            }
        };
        let mut nets: Vec<ipnet::IpNet> = match bits {
            None => nets.clone(),
            Some((ipv4, ipv6)) => nets.iter().filter_map(|net| widened(*net, ipv4, ipv6)).collect(),
        };
        nets = ipnet::IpNet::aggregate(&nets);
        nets.sort_unstable();
        if nets.is_empty() {
            return Some(Expression::Boolean(false));
        }
        let known = self.acls.iter().find(|acl| acl.networks == nets).map(|acl| acl.name.clone());
        let acl = known.unwrap_or_else(|| {
            let name = self.names.unique(&stem);
            self.acls.push(super::Acl { name: name.clone(), comment, networks: nets });
            name
        });
        Some(self.client_text().compare(Comparator::Match, name(&acl)))
    }
}

/// The addresses whose prefix of so many bits lies in `net`.
fn widened(net: ipnet::IpNet, ipv4: u8, ipv6: u8) -> Option<ipnet::IpNet> {
    let bits = match net {
        ipnet::IpNet::V4(_) => ipv4,
        ipnet::IpNet::V6(_) => ipv6,
    };
    if net.prefix_len() <= bits {
        return Some(net);
    }
    let wide = ipnet::IpNet::new(net.network(), bits).ok()?.trunc();
    (wide.network() == net.network()).then_some(wide)
}

/// The values that `any_form` stands for; the value itself where it does not occur.
pub(super) fn forms(value: &Value) -> Vec<Value> {
    match value {
        Value::Field(_) => vec![value.clone()],
        Value::Call(Call::AnyForm, inner) => {
            let reference = inner.field();
            let normal = crate::catalog::FIELDS
                .iter()
                .find(|row| row.raw_twin == Some(reference.field))
                .map_or(reference.field, |row| row.field);
            let raw = normal.row().raw_twin.unwrap_or(reference.field);
            let field = |field: Field| Value::Field(FieldReference { field, keys: reference.keys.clone() });
            vec![field(raw), field(normal), Value::Call(Call::UrlDecode, Box::new(field(normal)))]
        }
        Value::Call(call, inner) => forms(inner).into_iter().map(|form| Value::Call(*call, Box::new(form))).collect(),
    }
}

/// The value with another field at its bottom.
fn with_field(value: &Value, reference: &FieldReference) -> Value {
    match value {
        Value::Field(_) => Value::Field(reference.clone()),
        Value::Call(call, inner) => Value::Call(*call, Box::new(with_field(inner, reference))),
    }
}
