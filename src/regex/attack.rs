//! stub
use super::{MatchError, Regex};
/// An input that makes a pattern exceed a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runaway {
    /// The whole input.
    pub input: Vec<u8>,
    /// A readable form: `"a" × 5000 + "b"`.
    pub shown: String,
    pub error: MatchError,
    /// Byte range of the repetition at fault in the pattern as written, where it is known.
    pub culprit: Option<(usize, usize)>,
    /// The pattern with a possessive form that cures it, where one was found and confirmed.
    pub suggestion: Option<String>,
}
/// Looks for an input of at most `subject_limit` bytes that makes `regex` exceed Varnish's limits. Static analysis clears most
/// patterns first. Deterministic.
pub fn find_runaway(_regex: &Regex, _subject_limit: usize) -> Option<Runaway> {
    None
}
