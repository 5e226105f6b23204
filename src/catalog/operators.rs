//! The operators of conditions.

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Contains,
    StartsWith,
    EndsWith,
    Matches,
}

/// One row of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct OperatorRow {
    pub operator: Operator,
    /// As written.
    pub name: &'static str,
    pub doc: &'static str,
    pub example: &'static str,
}

/// Every operator.
pub static OPERATORS: &[OperatorRow] = &[
    OperatorRow {
        operator: Operator::Equal,
        name: "==",
        doc: "The same value. Right side: a literal, a list of them (any of it), `@list`, or any expression of the same type. False when a side is absent.",
        example: r#"req.method == "POST""#,
    },
    OperatorRow {
        operator: Operator::NotEqual,
        name: "!=",
        doc: "Exactly `not (a == b)`: true when a side is absent.",
        example: r#"req.method != ["GET", "HEAD"]"#,
    },
    OperatorRow {
        operator: Operator::Less,
        name: "<",
        doc: "Less than; integers only.",
        example: "length(req.path) < 10",
    },
    OperatorRow {
        operator: Operator::LessOrEqual,
        name: "<=",
        doc: "Less than or equal; integers only.",
        example: "length(req.path) <= 10",
    },
    OperatorRow {
        operator: Operator::Greater,
        name: ">",
        doc: "Greater than; integers only.",
        example: "length(req.host) > 150",
    },
    OperatorRow {
        operator: Operator::GreaterOrEqual,
        name: ">=",
        doc: "Greater than or equal; integers only.",
        example: "length(req.host) >= 150",
    },
    OperatorRow {
        operator: Operator::In,
        name: "in",
        doc: "In a list, an `@list` or a network.",
        example: "client.ip in [192.0.2.0/24, 2001:db8::/32]",
    },
    OperatorRow {
        operator: Operator::Contains,
        name: "contains",
        doc: "Contains the text, or any text of a list.",
        example: r#"req.path contains "/../""#,
    },
    OperatorRow {
        operator: Operator::StartsWith,
        name: "starts_with",
        doc: "Starts with the text, or any text of a list.",
        example: r#"req.path starts_with "/admin/""#,
    },
    OperatorRow {
        operator: Operator::EndsWith,
        name: "ends_with",
        doc: "Ends with the text, or any text of a list.",
        example: r#"req.path ends_with [".bak", ".old"]"#,
    },
    OperatorRow {
        operator: Operator::Matches,
        name: "matches",
        doc: "The regular expression, or any of a list, matches somewhere.",
        example: r#"req.query matches ri"union\s+select""#,
    },
];

impl Operator {
    pub fn row(self) -> &'static OperatorRow {
        &OPERATORS[self as usize]
    }

    /// As written.
    pub fn name(self) -> &'static str {
        self.row().name
    }
}
