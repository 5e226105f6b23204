//! What edgesig has to say about a file: plain data. Passes push [`Diagnostic`]s into [`Diagnostics`]; `cli::render`
//! turns them into text and machine formats.
//!
//! Message: lower case, no full stop, names in backticks, what was found and what was expected. Help: the way out.

pub mod fixes;

use crate::source::Span;

/// `1 file`, `2 files`
pub fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// How bad a diagnostic is. (An attack's own badness is a signature's `severity:`, called `Risk` in the code.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    Error,
    Warning,
    Note,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $id:literal, $severity:ident, $summary:literal, $explanation:literal;)*) => {
        /// Identifies a kind of diagnostic. The kebab-case id is final once released.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The kebab-case id, as printed.
            pub fn id(self) -> &'static str { match self { $(Code::$name => $id,)* } }

            /// Severity unless a pass says otherwise.
            pub fn severity(self) -> Severity { match self { $(Code::$name => Severity::$severity,)* } }

            /// One line: what it means.
            pub fn summary(self) -> &'static str { match self { $(Code::$name => $summary,)* } }

            /// What `edgesig explain CODE` prints: why it matters and what to do.
            pub fn explanation(self) -> &'static str { match self { $(Code::$name => $explanation,)* } }

            /// The code with this id.
            pub fn from_id(id: &str) -> Option<Code> { Code::ALL.iter().copied().find(|code| code.id() == id) }
        }
    };
}

codes! {
    // syntax: YAML
    InvalidYaml = "invalid-yaml", Error, "the file is not valid YAML",
        "The file could not be read as YAML 1.2. The message is the parser's own and the mark is where it stopped; the mistake is often one line above, in the indentation or in a quote that was never closed.";
    YamlHazard = "yaml-hazard", Error, "a YAML feature that a signature must not use",
        "Merge keys (`<<`), several documents in one file, directives and tags are legal YAML, but tools read them differently and a reviewer can overlook them. Write the value out; repeat a condition with `let:` and a set of values with a list.";
    DuplicateKey = "duplicate-key", Error, "a key is set twice in one mapping",
        "YAML loaders keep the first value, the last one, or refuse. edgesig refuses, so that nobody reviews one value and ships the other. Remove one of the two.";
    LimitExceeded = "limit-exceeded", Error, "the input is larger or deeper than edgesig accepts",
        "Signatures come in pull requests, so size and nesting are bounded: 64 levels of brackets or YAML nesting, 64 KiB for a condition, 100,000 YAML nodes (aliases count as expanded). Split the condition with `let:`, move long value lists to a list file.";
    InvisibleCharacter = "invisible-character", Error, "an invisible or direction-changing character",
        "Zero-width, control and bidirectional characters make a text look different from what it is. Remove it; where the byte is wanted in a string, write it as `\\u{…}` or `\\x..`.";
    EscapeInDoubleQuotes = "escape-in-double-quotes", Error, "YAML would rewrite this escape before the condition is read",
        "In a double-quoted YAML scalar, YAML itself replaces `\\n`, `\\x41` and so on, and the condition never sees the backslash. Write the condition as a block scalar (`when: |`), where nothing is replaced.";
    // syntax: structure
    UnknownKey = "unknown-key", Error, "a key that the signature language does not have",
        "A misspelled key would otherwise be ignored silently, and with it a test, an exception or a limit. See docs/language.md for all keys.";
    MissingKey = "missing-key", Error, "a required key is missing",
        "The key is needed to know what the signature is or does. See docs/language.md for the required keys.";
    WrongType = "wrong-type", Error, "a value of another kind was expected",
        "The key takes a value of another kind: text, a number, a list or a mapping. The message names what was found and what is expected.";
    InvalidValue = "invalid-value", Error, "a value that its key does not allow",
        "The value has the right kind but is not one that the key takes: an id that is not kebab-case, a date that does not exist, a status out of range, an unknown mode. The help line says what is allowed.";
    UnsupportedVersion = "unsupported-version", Error, "a language version that this edgesig does not know",
        "`edgesig: 1` names the version of the signature language. This edgesig knows version 1.";
    // syntax: conditions
    InvalidCondition = "invalid-condition", Error, "the condition could not be parsed",
        "The condition does not follow the grammar at the marked place. docs/language.md lists operators, literals and functions.";
    UnknownOperator = "unknown-operator", Error, "an operator of another language",
        "The operator is one of another rule language; the help line names edgesig's own. Operators are words (`and`, `or`, `not`, `contains`, `matches`) and `== != < <= > >= in`.";
    UnbalancedBracket = "unbalanced-bracket", Error, "a bracket without its partner",
        "A `(` or `[` is never closed, or a closing one has no partner. Both ends are marked where both exist.";
    UnterminatedString = "unterminated-string", Error, "a string without its closing quote",
        "Strings end on the line they start on, with the quote they started with; `\\\"` inside a string is a quote. A regular expression with quotes in it is easiest as `r#\"…\"#`.";
    InvalidEscape = "invalid-escape", Error, "an escape that strings do not have",
        "Strings know `\\\" \\\\ \\n \\r \\t \\xHH \\u{…}`. A regular expression is written as `r\"…\"`, where every backslash belongs to the expression.";
    InvalidLiteral = "invalid-literal", Error, "a literal that is out of range or not canonical",
        "Integers have at most 15 digits, addresses must be valid, a network has no host bits set, IPv4-mapped IPv6 addresses are written as IPv4, strings hold no NUL.";
    ChainedComparison = "chained-comparison", Error, "comparisons cannot be chained",
        "`a == b == c` compares nothing sensible. Write two comparisons joined by `and`.";
    // semantic
    UnknownField = "unknown-field", Error, "a field that does not exist",
        "Fields are listed in docs/fields.md and by `edgesig explain FIELD`.";
    UnknownFunction = "unknown-function", Error, "a function that does not exist",
        "Functions are listed in docs/fields.md and by `edgesig explain FUNCTION`.";
    UnknownName = "unknown-name", Error, "a name that no earlier `let` defines",
        "A bare word in a condition is a field, a function or a name from `let:`. A `let` may use only names defined above it.";
    UnknownList = "unknown-list", Error, "a list that the project does not define",
        "`@name` refers to `lists:` in edgesig.yaml.";
    FieldKey = "field-key", Error, "a field used with or without a key against its definition",
        "`req.headers`, `req.args`, `req.cookies` and `resp.headers` need a key in brackets; other fields take none. Only `req.headers` takes several keys.";
    TypeMismatch = "type-mismatch", Error, "two operands whose types do not fit",
        "There is no implicit conversion: text compares with text, integers with integers, addresses with addresses. Both operands are marked with their types.";
    AmbiguousQuantifier = "ambiguous-quantifier", Error, "`!=` on a list without `any` or `all`",
        "A list on the left means *any* element for a positive operator. Under `!=` that reads as two different things: write `not any(x == …)` for \"no element is\" or `all(x != …)`, which is the same, or `any(x != …)` for \"some other element\".";
    EmptyOperand = "empty-operand", Error, "an empty string or list on the right side",
        "Every text contains the empty string, and nothing is in an empty list: the comparison would be always true or always false.";
    ConstantCondition = "constant-condition", Error, "a condition that is always the same",
        "`when: true` blocks everything; it is allowed only together with `rate`, or when every action is `strip` or `tag`.";
    InvalidRegex = "invalid-regex", Error, "a regular expression that PCRE2 does not accept",
        "Patterns are compiled by PCRE2 in byte mode, as Varnish compiles them; the mark is where it stopped.";
    UnsupportedRegex = "unsupported-regex", Error, "a regular-expression feature that edgesig refuses",
        "`(?m)`, `(?x)`, `(*VERB)`s, `\\C`, `\\K`, callouts and recursion change what a pattern means from engine to engine or can make it fail at run time.";
    RunawayRegex = "runaway-regex", Error, "a regular expression that an attacker can make fail",
        "Varnish gives a pattern 10,000 match steps and 32 KiB of stack; past that the request fails with a 503. edgesig found an input that does it. Make the repetition possessive (`(?:…)*+`), or give it a class that the next part cannot match.";
    InvalidRate = "invalid-rate", Error, "a rate that makes no sense",
        "A rate is an integer of at least 1 per whole seconds, its cost a constant from 1 to 100 and not above the limit.";
    InvalidAction = "invalid-action", Error, "an action in a place or form it cannot have",
        "`throttle` needs a rate, a list of actions has at most one terminal one, scoped `allow` needs `expires`, redirect templates know `{req.host}` and `{req.url.raw}` only.";
    PhaseConflict = "phase-conflict", Error, "a response field in a request condition",
        "`resp.…` is known only when the response is; it can be used in `rate.count`, never to block the same request.";
    DuplicateId = "duplicate-id", Error, "two signatures with one id",
        "An id is unique in the set and never used again, so that a log line always means one signature.";
    IdFileMismatch = "id-file-mismatch", Error, "the file's name is not the signature's id",
        "One file, one signature, and the file's stem is the id: so a log line leads to a file.";
    InvalidTest = "invalid-test", Error, "a test whose request cannot be read",
        "The request is a request line, a map, a raw HTTP message, `{file: …}` or `curl: …`; see docs/language.md.";
    InvalidList = "invalid-list", Error, "a list or an entry of it that cannot be used",
        "A list has a type and values of that type, from `values:` or `file:`.";
    EmptyList = "empty-list", Warning, "a list file without entries",
        "Nothing is in an empty list, so a comparison with it is always false. That may be right for a list that fills later.";
    CommentedEntry = "commented-entry", Warning, "an entry of a list file with a comment or quotes",
        "Every byte of a line belongs to its entry: `nikto # a scanner` is searched for as it stands, and so is `\"nikto\"` with its quotes. A comment stands on a line of its own, which starts with `#`.";
    InvalidConfig = "invalid-config", Error, "edgesig.yaml says something that cannot be done",
        "See docs/language.md for every key of the project file.";
    // targets
    UnsupportedOnTarget = "unsupported-on-target", Error, "a feature that the target cannot express",
        "Nothing is ever silently dropped or weakened: what a target cannot say is an error there. The help line names a way out; `targets:` in the signature keeps it off a target.";
    TargetDeviation = "target-deviation", Note, "the target differs here in a documented way",
        "The target's DEVIATIONS table lists the few places where its verdict can differ from the evaluator's; this signature touches one.";
    RateError = "rate-error", Note, "how far the target's rate can be from the exact one",
        "Targets count with token buckets or counters per node. The note says what the error is for this rate.";
    // check
    MissingTests = "missing-tests", Error, "a signature without a positive and a negative test",
        "A repository demands at least one test that matches and one that does not. The negative one should be a near miss: a benign request that looks like the attack. `when: true` without an exception has none and needs none.";
    FailingTest = "failing-test", Error, "a test that gives another verdict",
        "The evaluator's verdict differs from `expect`. `edgesig explain --signature ID --request TEST` shows which clause held.";
    Expired = "expired", Warning, "a signature past its `expires` date",
        "A virtual patch must not live for ever. Renew the date with a reason, or retire the signature with `mode: retired`.";
    InvalidSuppression = "invalid-suppression", Error, "a comment to edgesig that cannot be understood",
        "A suppression is written `# edgesig: allow(LINT) until 2027-01-31 REASON`. The date and the reason are required: somebody has to look at it again, and has to know why it is there.";
    ExpiredSuppression = "expired-suppression", Error, "a suppression past its date",
        "A suppression holds until its date, so that nobody forgets it. Mend the signature, or give it a new date with a reason that still holds.";
    UnusedSuppression = "unused-suppression", Warning, "a suppression that excuses nothing",
        "The lint finds nothing in this file (any more). Left in place, the comment would hide the next mistake of this kind.";
    UnusedLet = "unused-let", Warning, "a `let` that nothing uses",
        "A name that is never used is often a misspelled use. Remove it, or use it.";
    // check: the project's policy
    PolicyViolation = "policy-violation", Error, "a signature that does not keep to the project's policy",
        "`policy:` in edgesig.yaml says what the project demands of every signature: keys, tags, a longest lifetime, the actions of each mode, how long a lint may be excused. Both places are marked: what the signature says and what the policy says.";
    // check: the lock file
    ChangedWithoutVersion = "changed-without-version", Error, "a signature whose meaning changed and whose version did not",
        "Logs and reports name a signature by id and version, so one version must mean one thing. Severity, conditions, rate and actions count; title, description, tests, comments, mode, dates and the contents of lists do not. Raise `version`, then let `edgesig check --update-lock` write the lock file.";
    LowerVersion = "lower-version", Error, "a version lower than the one in the lock file",
        "A version never goes back, not even to undo a change: an old state comes back under a new number. The mistake often comes from a merge.";
    ReusedId = "reused-id", Error, "the id of a retired signature, used for another one",
        "An id means one signature for ever, so that old logs, tickets and exceptions stay readable. Give the new signature an id of its own.";
    LostSignature = "lost-signature", Error, "a signature of the lock file that no file has any more, or that is a draft again",
        "A protection that was released does not just disappear, by a bad merge, a renamed file or a changed mode. Retire the signature with `mode: retired`; once the lock file says `retired`, its file can be removed.";
    StaleLock = "stale-lock", Error, "the lock file does not know the signatures as they are",
        "Each change of a signature is recorded in edgesig.lock in the same commit; otherwise the next change could not be told from this one. `edgesig check --update-lock` writes the file.";
    InvalidLock = "invalid-lock", Error, "the lock file cannot be read",
        "edgesig.lock is written by `edgesig check --update-lock`, one line per signature; it is not edited by hand. After a merge conflict keep one of the two lines for each signature, then update it.";
}

/// What a diagnostic is an instance of: one of the compiler's codes, or a lint (`lint::LINTS`). Ids are unique over both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Code(Code),
    /// The id of the lint.
    Lint(&'static str),
}

impl Kind {
    /// The kebab-case id, as printed.
    pub fn id(self) -> &'static str {
        match self {
            Kind::Code(code) => code.id(),
            Kind::Lint(id) => id,
        }
    }
}

impl From<Code> for Kind {
    fn from(code: Code) -> Kind {
        Kind::Code(code)
    }
}

impl PartialEq<Code> for Kind {
    fn eq(&self, code: &Code) -> bool {
        *self == Kind::Code(*code)
    }
}

/// A place with a text beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub span: Span,
    pub text: String,
}

/// A machine-applicable edit: replace each span by the text beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What the fix does, as a sentence without full stop: ``did you mean `contains`?``
    pub title: String,
    pub edits: Vec<(Span, String)>,
    /// It keeps the meaning of a signature that compiles (`check --fix` applies it then), or mends one that does not.
    /// Otherwise it is a proposal that a person has to look at.
    pub safe: bool,
}

/// One finding. `primary` is where it is; `secondary` are other places that explain it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub code: Kind,
    pub severity: Severity,
    pub message: String,
    pub primary: Label,
    pub secondary: Vec<Label>,
    /// The ways out, one sentence each.
    pub help: Vec<String>,
    /// Further facts.
    pub notes: Vec<String>,
    pub fixes: Vec<Fix>,
    /// It is about all signatures together; its place is only one of them.
    pub of_set: bool,
}

impl Diagnostic {
    /// A finding of `code` with the code's own severity.
    pub fn new(code: Code, span: Span, message: impl Into<String>, label: impl Into<String>) -> Diagnostic {
        Diagnostic::of(code.into(), code.severity(), span, message, label)
    }

    /// A finding of a lint, at the severity that its level gives it.
    pub fn lint(
        id: &'static str,
        severity: Severity,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic::of(Kind::Lint(id), severity, span, message, label)
    }

    fn of(
        code: Kind,
        severity: Severity,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic {
            code,
            severity,
            message: message.into(),
            primary: Label { span, text: label.into() },
            secondary: Vec::new(),
            help: Vec::new(),
            notes: Vec::new(),
            fixes: Vec::new(),
            of_set: false,
        }
    }

    pub fn secondary(mut self, span: Span, text: impl Into<String>) -> Self {
        self.secondary.push(Label { span, text: text.into() });
        self
    }

    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// With no text that is as long as the input that it quotes. Whoever keeps a diagnostic calls this.
    pub fn shortened(mut self) -> Self {
        let Diagnostic { message, primary, secondary, help, notes, fixes, .. } = &mut self;
        let labels = secondary.iter_mut().chain([primary]).map(|label| &mut label.text);
        let titles = fixes.iter_mut().map(|fix| &mut fix.title);
        [message].into_iter().chain(labels).chain(help).chain(notes).chain(titles).for_each(shorten);
        self
    }

    /// It is about all signatures together, whichever of them it is shown at.
    pub fn of_set(mut self) -> Self {
        self.of_set = true;
        self
    }

    /// A fix that replaces one span, and is safe.
    pub fn fix(mut self, title: impl Into<String>, span: Span, replacement: impl Into<String>) -> Self {
        self.fixes.push(Fix { title: title.into(), edits: vec![(span, replacement.into())], safe: true });
        self
    }

    /// An edit that changes the meaning, or may: a person decides.
    pub fn proposal(mut self, title: impl Into<String>, span: Span, replacement: impl Into<String>) -> Self {
        self.fixes.push(Fix { title: title.into(), edits: vec![(span, replacement.into())], safe: false });
        self
    }
}

/// A text that quotes an input may be as long as the input: longer than this it says less, not more. The edits of a fix
/// stay whole.
const LONGEST_TEXT: usize = 1000;

/// Leaves the start and the end of a text that is too long, and says so.
fn shorten(text: &mut String) {
    if text.len() <= LONGEST_TEXT {
        return;
    }
    // A character has four bytes at most, so a boundary is near.
    let boundary = |at: &usize| text.is_char_boundary(*at);
    let start = (0..=LONGEST_TEXT / 2).rev().find(boundary).unwrap_or(0);
    let end = (text.len() - LONGEST_TEXT / 4..text.len()).find(boundary).unwrap_or(text.len());
    let left_out = format!(" … ({} bytes left out) … ", end - start);
    text.replace_range(start..end, &left_out);
}

/// The sink of a pass.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    pub list: Vec<Diagnostic>,
}

impl Diagnostics {
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic.shortened());
    }

    pub fn extend(&mut self, other: Diagnostics) {
        self.list.extend(other.list);
    }

    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Orders by place, then code, then message: the same output whatever the threads did.
    pub fn sort(&mut self) {
        self.list
            .sort_by(|a, b| (a.primary.span, a.code.id(), &a.message).cmp(&(b.primary.span, b.code.id(), &b.message)));
        self.list.dedup();
    }
}

/// The candidate nearest to a misspelled `word`, if one is near enough to be meant.
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 4)
        .min_by_key(|(distance, candidate)| (*distance, candidate.len()))
        .map(|(_, candidate)| candidate)
}
