//! Regular expressions as trees, for the lints that look into them. A pattern that this reader does not know (look-around
//! and the like) is left alone, and so is one that it reads differently from PCRE2.

use crate::regex::Regex;
use crate::syntax::ast::RegexLiteral;
use regex_syntax::ast::{self, Ast};
use std::sync::Arc;

/// The tree of a pattern, if it says what PCRE2 reads.
pub fn parse(literal: &RegexLiteral) -> Option<Ast> {
    let tree = ast::parse::ParserBuilder::new().nest_limit(64).build().parse(&literal.pattern).ok()?;
    let mut is_alike = true;
    each(&tree, &mut |part| is_alike &= reads_alike(part, &literal.pattern));
    is_alike.then_some(tree)
}

/// Whether PCRE2 reads this part, by itself, as the tree says. Options that would make a difference do not compile.
fn reads_alike(part: &Ast, pattern: &str) -> bool {
    match part {
        // `\<` is a literal `<`, and `\b{start}` is `\b` and a literal text.
        Ast::Assertion(assertion) => {
            is_start(assertion)
                || is_end(assertion)
                || matches!(assertion.kind, ast::AssertionKind::WordBoundary | ast::AssertionKind::NotWordBoundary)
        }
        // Any vertical space.
        Ast::Literal(literal) => literal.kind != ast::LiteralKind::Special(ast::SpecialLiteralKind::VerticalTab),
        Ast::ClassBracketed(class) => is_plain_class(&class.kind),
        // `a{ 2 }` is a text to older versions.
        Ast::Repetition(repetition) => {
            let operator = repetition.op.span;
            !pattern[operator.start.offset..operator.end.offset].contains(char::is_whitespace)
        }
        Ast::Empty(_)
        | Ast::Flags(_)
        | Ast::Dot(_)
        | Ast::ClassUnicode(_)
        | Ast::ClassPerl(_)
        | Ast::Group(_)
        | Ast::Alternation(_)
        | Ast::Concat(_) => true,
    }
}

/// A class without classes in it and without `&&`, `--`, `~~`: in PCRE2 these are characters, and the first `]` ends it.
fn is_plain_class(set: &ast::ClassSet) -> bool {
    let ast::ClassSet::Item(item) = set else { return false };
    let is_nested = |item: &ast::ClassSetItem| matches!(item, ast::ClassSetItem::Bracketed(_));
    match item {
        ast::ClassSetItem::Union(union) => !union.items.iter().any(is_nested),
        ast::ClassSetItem::Bracketed(_) => false,
        ast::ClassSetItem::Empty(_)
        | ast::ClassSetItem::Literal(_)
        | ast::ClassSetItem::Range(_)
        | ast::ClassSetItem::Ascii(_)
        | ast::ClassSetItem::Unicode(_)
        | ast::ClassSetItem::Perl(_) => true,
    }
}

/// It matches in every text, whatever is in it: it can match nothing, anywhere.
pub fn matches_everything(literal: &RegexLiteral) -> bool {
    // Nothing else can be left out or be nothing, but for an assertion, which asks for something.
    if !literal.pattern.is_empty() && !literal.pattern.contains(['*', '?', '{', '|', '(']) {
        return false;
    }
    let Some(tree) = parse(literal) else { return false };
    let translated = regex_syntax::hir::translate::TranslatorBuilder::new()
        .utf8(false)
        .unicode(false)
        .build()
        .translate(&literal.pattern, &tree);
    let Ok(tree) = translated else { return false };
    let properties = tree.properties();
    properties.minimum_len() == Some(0)
        && properties.look_set().is_empty()
        && compiled(literal).is_some_and(|regex| regex.accepts_empty())
}

/// The pattern, ready to run.
pub fn compiled(literal: &RegexLiteral) -> Option<Arc<Regex>> {
    Regex::new(&literal.pattern, literal.ignore_case).ok()
}

/// A pattern that is nothing but a text, perhaps held at an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain {
    pub text: String,
    pub at_start: bool,
    pub at_end: bool,
}

/// The text that a pattern is, if it is nothing else.
pub fn plain(literal: &RegexLiteral) -> Option<Plain> {
    let tree = parse(literal)?;
    let parts = if let Ast::Concat(concat) = &tree { concat.asts.as_slice() } else { std::slice::from_ref(&tree) };
    let mut found = Plain { text: String::new(), at_start: false, at_end: false };
    for (index, part) in parts.iter().enumerate() {
        if let Ast::Literal(literal) = part
            && literal.c.is_ascii_graphic()
            && !found.at_end
        {
            found.text.push(literal.c);
            continue;
        }
        let Ast::Assertion(assertion) = part else { return None };
        if is_start(assertion) && index == 0 {
            found.at_start = true;
        } else if is_end(assertion) && index + 1 == parts.len() {
            found.at_end = true;
        } else {
            return None;
        }
    }
    (!found.text.is_empty()).then_some(found)
}

pub fn is_start(assertion: &ast::Assertion) -> bool {
    matches!(assertion.kind, ast::AssertionKind::StartLine | ast::AssertionKind::StartText)
}

pub fn is_end(assertion: &ast::Assertion) -> bool {
    matches!(assertion.kind, ast::AssertionKind::EndLine | ast::AssertionKind::EndText)
}

/// Whether every way to match starts (or ends) at an end of the text.
pub fn is_anchored(tree: &Ast, end: bool) -> bool {
    match tree {
        Ast::Assertion(assertion) => {
            if end {
                is_end(assertion)
            } else {
                is_start(assertion)
            }
        }
        Ast::Concat(concat) => {
            let edge = if end { concat.asts.last() } else { concat.asts.first() };
            edge.is_some_and(|part| is_anchored(part, end))
        }
        Ast::Alternation(alternation) => alternation.asts.iter().all(|part| is_anchored(part, end)),
        Ast::Group(group) => is_anchored(&group.ast, end),
        Ast::Empty(_)
        | Ast::Flags(_)
        | Ast::Literal(_)
        | Ast::Dot(_)
        | Ast::ClassUnicode(_)
        | Ast::ClassPerl(_)
        | Ast::ClassBracketed(_)
        | Ast::Repetition(_) => false,
    }
}

/// Calls `visit` with every part of a tree.
pub fn each<'t>(tree: &'t Ast, visit: &mut dyn FnMut(&'t Ast)) {
    visit(tree);
    match tree {
        Ast::Concat(concat) => concat.asts.iter().for_each(|part| each(part, visit)),
        Ast::Alternation(alternation) => alternation.asts.iter().for_each(|part| each(part, visit)),
        Ast::Group(group) => each(&group.ast, visit),
        Ast::Repetition(repetition) => each(&repetition.ast, visit),
        Ast::Empty(_)
        | Ast::Flags(_)
        | Ast::Literal(_)
        | Ast::Dot(_)
        | Ast::Assertion(_)
        | Ast::ClassUnicode(_)
        | Ast::ClassPerl(_)
        | Ast::ClassBracketed(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceId;
    use crate::syntax::ast::Positions;

    #[test]
    fn what_pcre2_reads_differently_is_no_tree() {
        let tree = |pattern: &str| {
            let positions = Positions::Linear { source: SourceId(0), base: 0, length: pattern.len() as u32 };
            parse(&RegexLiteral { pattern: pattern.to_owned(), ignore_case: false, positions })
        };
        for pattern in [
            r"\<a",
            r"a\>",
            r"(?:\<)a",
            r"\b{start}a",
            r"\b{end-half}a",
            r"a\vb",
            "[a&&b]",
            "[a--b]",
            "[a~~b]",
            "[[a]b]",
            "[^[a]]",
            "[[:<:]]",
            "a{ 2 }",
            "(?:a{2, 3})+",
        ] {
            assert!(tree(pattern).is_none(), "{pattern}");
        }
        for pattern in [r"^\ba\B$", r"\Aa\z", "[a&b-]", "[[:alpha:]x]", "[^]a]", "a{2,3}?", r"(?i)\d[\w.]", r"a\t"] {
            assert!(tree(pattern).is_some(), "{pattern}");
        }
    }
}
