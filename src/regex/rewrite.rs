//! stub
use super::{PatternError, PatternErrorKind};
pub fn rewrite(pattern: &str, _ignore_case: bool) -> Result<String, PatternError> {
    Ok(pattern.to_owned())
}
pub fn map_error(_pattern: &str, _ignore_case: bool, error: super::ffi::CompileError) -> PatternError {
    PatternError {
        start: error.offset,
        end: error.offset,
        message: error.message,
        kind: PatternErrorKind::Invalid,
        help: None,
    }
}
