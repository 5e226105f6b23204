//! Whether two files say the same: the formatter compares what it read with what it wrote, and writes nothing where
//! the two differ. Order counts where it means something.

use super::condition;
use super::print::shape_of_entry;
use crate::syntax;
use crate::syntax::ast::{Expression, ExpressionKind};
use crate::syntax::keys::Shape;
use crate::syntax::yaml::{Node, NodeKind};
use granit_parser::ScalarStyle;

/// Compares two nodes of the same shape.
pub(super) fn nodes(a: &Node<'_>, b: &Node<'_>, shape: &'static Shape) -> bool {
    match (&a.kind, &b.kind) {
        (NodeKind::Null, NodeKind::Null) => true,
        (NodeKind::Scalar(a, _), NodeKind::Scalar(b, _)) if shape.is_expression() => {
            let comments = |text: &str| {
                let comments = syntax::condition::comments(text).into_iter();
                comments.map(|comment| text[comment].trim_end().to_owned()).collect::<Vec<_>>()
            };
            if comments(a) != comments(b) {
                return false;
            }
            match (condition::parse(a), condition::parse(b)) {
                (Some(a), Some(b)) => expressions(&a, &b),
                _ => false,
            }
        }
        (NodeKind::Scalar(a, first), NodeKind::Scalar(b, second)) => {
            let plain = |style: &ScalarStyle| *style == ScalarStyle::Plain;
            a == b && (plain(first) == plain(second) || !super::scalar::is_special(a))
        }
        (NodeKind::Sequence(a), NodeKind::Sequence(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| nodes(a, b, shape_of_entry(shape, None, &a.kind)))
        }
        (NodeKind::Mapping(a), NodeKind::Mapping(b)) => {
            a.len() == b.len() && {
                let same_key = |a: &Node<'_>, b: &Node<'_>| match (&a.kind, &b.kind) {
                    (NodeKind::Scalar(a, _), NodeKind::Scalar(b, _)) => a == b,
                    _ => false,
                };
                let in_order = !matches!(shape, Shape::Mapping(_));
                a.iter().enumerate().all(|(place, (key, value))| {
                    let other = if in_order {
                        b.get(place).filter(|(other, _)| same_key(key, other))
                    } else {
                        b.iter().find(|(other, _)| same_key(key, other))
                    };
                    let name = if let NodeKind::Scalar(name, _) = &key.kind { Some(&**name) } else { None };
                    other.is_some_and(|(_, other)| nodes(value, other, shape_of_entry(shape, name, &value.kind)))
                })
            }
        }
        _ => false,
    }
}

/// Compares two expressions; parentheses alone make no difference.
pub(super) fn expressions(a: &Expression, b: &Expression) -> bool {
    let all =
        |a: &[Expression], b: &[Expression]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| expressions(a, b));
    match (&a.kind, &b.kind) {
        (ExpressionKind::Group(inner), _) => expressions(inner, b),
        (_, ExpressionKind::Group(inner)) => expressions(a, inner),
        (ExpressionKind::Or(a), ExpressionKind::Or(b))
        | (ExpressionKind::And(a), ExpressionKind::And(b))
        | (ExpressionKind::List(a), ExpressionKind::List(b)) => all(a, b),
        (ExpressionKind::Not(a), ExpressionKind::Not(b)) | (ExpressionKind::Exists(a), ExpressionKind::Exists(b)) => {
            expressions(a, b)
        }
        (
            ExpressionKind::Compare { operator: first, left: a, right: c },
            ExpressionKind::Compare { operator: second, left: b, right: d },
        ) => first.value == second.value && expressions(a, b) && expressions(c, d),
        (
            ExpressionKind::Quantified { quantifier: first, body: a },
            ExpressionKind::Quantified { quantifier: second, body: b },
        ) => first.value == second.value && expressions(a, b),
        (ExpressionKind::Call { name: first, arguments: a }, ExpressionKind::Call { name: second, arguments: b }) => {
            first.value == second.value && all(a, b)
        }
        (ExpressionKind::Path { name: first, keys: a }, ExpressionKind::Path { name: second, keys: b }) => {
            let values = |keys: &Option<Vec<crate::source::Spanned<Vec<u8>>>>| {
                keys.as_ref().map(|keys| keys.iter().map(|key| key.value.clone()).collect::<Vec<_>>())
            };
            first.value == second.value && values(a) == values(b)
        }
        (
            ExpressionKind::String { value: a, ignore_case: first },
            ExpressionKind::String { value: b, ignore_case: second },
        ) => a == b && first == second,
        (ExpressionKind::Regex(a), ExpressionKind::Regex(b)) => {
            a.pattern == b.pattern && a.ignore_case == b.ignore_case
        }
        (ExpressionKind::Integer(a), ExpressionKind::Integer(b)) => a == b,
        (ExpressionKind::Boolean(a), ExpressionKind::Boolean(b)) => a == b,
        (ExpressionKind::Ip(a), ExpressionKind::Ip(b)) => a == b,
        (ExpressionKind::Cidr(a), ExpressionKind::Cidr(b)) => a == b,
        (ExpressionKind::Duration(a), ExpressionKind::Duration(b)) => a == b,
        (ExpressionKind::ListReference(a), ExpressionKind::ListReference(b)) => a == b,
        _ => false,
    }
}
