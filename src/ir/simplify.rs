//! Boolean clean-up that keeps the meaning: flattens, removes double negation and constants. `semantic` runs it on
//! every condition, [`select`](super::select) on what it puts together.

use super::Predicate;

/// An equal predicate without nested `All` in `All`, `Any` in `Any`, `Not` of `Not`, or constants inside.
pub fn simplify(predicate: Predicate) -> Predicate {
    match predicate {
        Predicate::All(parts) => join(parts, true),
        Predicate::Any(parts) => join(parts, false),
        Predicate::Not(inner) => negate(simplify(*inner)),
        Predicate::Compare(_) => predicate,
    }
}

/// The contrary of a simplified predicate, simplified.
fn negate(predicate: Predicate) -> Predicate {
    match predicate {
        Predicate::Not(inner) => *inner,
        Predicate::All(parts) if parts.is_empty() => Predicate::FALSE,
        Predicate::Any(parts) if parts.is_empty() => Predicate::TRUE,
        Predicate::All(_) | Predicate::Any(_) | Predicate::Compare(_) => Predicate::Not(Box::new(predicate)),
    }
}

/// `All` (conjunction) or `Any` of `parts`: the neutral constant is dropped, the other one decides.
fn join(parts: Vec<Predicate>, conjunction: bool) -> Predicate {
    let mut joined = Vec::with_capacity(parts.len());
    for part in parts {
        match simplify(part) {
            Predicate::All(inner) if conjunction => joined.extend(inner),
            Predicate::Any(inner) if !conjunction => joined.extend(inner),
            // What is left of the other kind and empty is the deciding constant: `false` in an `All`.
            Predicate::All(inner) if inner.is_empty() => return Predicate::TRUE,
            Predicate::Any(inner) if inner.is_empty() => return Predicate::FALSE,
            part @ (Predicate::All(_) | Predicate::Any(_) | Predicate::Not(_) | Predicate::Compare(_)) => {
                joined.push(part)
            }
        }
    }
    match joined.len() {
        1 => joined.remove(0),
        _ if conjunction => Predicate::All(joined),
        _ => Predicate::Any(joined),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Field;
    use crate::ir::{Check, Comparison, FieldReference, IntegerOperator, Value};
    use crate::source::{SourceId, Span};
    use proptest::prelude::*;

    /// A leaf that is told apart by its number.
    fn leaf(number: i64) -> Predicate {
        Predicate::Compare(Comparison {
            value: Value::Field(FieldReference { field: Field::ClientAsn, keys: Vec::new() }),
            quantifier: None,
            negated: false,
            check: Check::Integer { operator: IntegerOperator::Equal, value: number },
            span: Span { source: SourceId(0), start: 0, end: 0 },
        })
    }

    /// The truth of a predicate when leaf `n` has the truth of bit `n`.
    fn truth(predicate: &Predicate, bits: u8) -> bool {
        match predicate {
            Predicate::All(parts) => parts.iter().all(|part| truth(part, bits)),
            Predicate::Any(parts) => parts.iter().any(|part| truth(part, bits)),
            Predicate::Not(inner) => !truth(inner, bits),
            Predicate::Compare(comparison) => {
                matches!(comparison.check, Check::Integer { value, .. } if bits >> value & 1 == 1)
            }
        }
    }

    fn is_simple(predicate: &Predicate) -> bool {
        match predicate {
            Predicate::All(parts) => {
                parts.len() > 1 && parts.iter().all(|part| !matches!(part, Predicate::All(_)) && is_simple(part))
            }
            Predicate::Any(parts) => {
                parts.len() > 1 && parts.iter().all(|part| !matches!(part, Predicate::Any(_)) && is_simple(part))
            }
            Predicate::Not(inner) => !matches!(**inner, Predicate::Not(_)) && is_simple(inner),
            Predicate::Compare(_) => true,
        }
    }

    fn predicates() -> impl Strategy<Value = Predicate> {
        (0..4_i64).prop_map(leaf).prop_recursive(5, 40, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Predicate::All),
                prop::collection::vec(inner.clone(), 0..4).prop_map(Predicate::Any),
                inner.prop_map(|part| Predicate::Not(Box::new(part))),
            ]
        })
    }

    proptest! {
        #[test]
        fn keeps_the_meaning(predicate in predicates()) {
            let simple = simplify(predicate.clone());
            for bits in 0..16 {
                prop_assert_eq!(truth(&predicate, bits), truth(&simple, bits));
            }
            prop_assert!(simple == Predicate::TRUE || simple == Predicate::FALSE || is_simple(&simple));
            prop_assert_eq!(simplify(simple.clone()), simple);
        }
    }
}
