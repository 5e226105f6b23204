//! Patterns and subjects to PCRE2's verdicts, exactly as Varnish's `lib/libvarnish/vre.c` asks for them: options 0
//! (bytes, no UTF), `PCRE2_JIT_COMPLETE`, `pcre2_match_limit` 10000, `pcre2_depth_limit` 20, the JIT's own 32 KB stack.
//! The one file with `unsafe`; called by the rest of `regex` only.

use core::ffi::c_void;
use core::ptr;
use core::ptr::NonNull;
use std::sync::LazyLock;

use pcre2_sys::{
    PCRE2_ANCHORED, PCRE2_CONFIG_JIT, PCRE2_CONFIG_VERSION, PCRE2_ERROR_DEPTHLIMIT, PCRE2_ERROR_JIT_STACKLIMIT,
    PCRE2_ERROR_MATCHLIMIT, PCRE2_ERROR_NOMATCH, PCRE2_INFO_LASTCODETYPE, PCRE2_INFO_LASTCODEUNIT, PCRE2_JIT_COMPLETE,
    PCRE2_NO_START_OPTIMIZE, pcre2_code_8, pcre2_code_free_8, pcre2_compile_8, pcre2_config_8,
    pcre2_get_error_message_8, pcre2_jit_compile_8, pcre2_match_8, pcre2_match_context_8, pcre2_match_context_create_8,
    pcre2_match_context_free_8, pcre2_match_data_8, pcre2_match_data_create_8, pcre2_match_data_free_8,
    pcre2_pattern_info_8, pcre2_set_depth_limit_8, pcre2_set_match_limit_8,
};

/// Varnish's default for the parameter `pcre2_match_limit`.
pub(super) const MATCH_LIMIT: u32 = 10_000;
/// Varnish's default for the parameter `pcre2_depth_limit`. PCRE2 heeds it only where there is no JIT.
const DEPTH_LIMIT: u32 = 20;

/// A pattern ready to run.
#[derive(Debug)]
pub struct Compiled {
    // INVARIANT: owned by this value alone, JIT-compiled, if at all, before it is shared, never written afterwards.
    code: NonNull<pcre2_code_8>,
}

// SAFETY: PCRE2 documents compiled code as usable by many threads at once; the JIT, which writes to it, runs in
// `with_options` only.
unsafe impl Send for Compiled {}
// SAFETY: as above; what a match writes to is each thread's own `MatchData`.
unsafe impl Sync for Compiled {}

/// What PCRE2 says instead of yes or no. In Varnish each is a VCL failure (503).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchError {
    MatchLimit,
    DepthLimit,
    JitStack,
    Other(i32),
}

impl core::fmt::Display for MatchError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            MatchError::MatchLimit => formatter.write_str("match limit exceeded"),
            MatchError::DepthLimit => formatter.write_str("depth limit exceeded"),
            MatchError::JitStack => formatter.write_str("JIT stack limit reached"),
            MatchError::Other(code) => formatter.write_str(&error_text(*code)),
        }
    }
}

/// Why PCRE2 does not compile a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError {
    /// Bytes of the pattern that were read when the error was found.
    pub offset: usize,
    pub message: String,
}

impl Compiled {
    /// Compiles for matching, with the JIT where the library has it.
    pub fn new(pattern: &[u8]) -> Result<Compiled, CompileError> {
        Compiled::with_options(pattern, 0)
    }

    /// Compiles without the JIT: cheap, and enough for [`Compiled::is_quick_match`].
    pub(super) fn interpreted(pattern: &[u8]) -> Result<Compiled, CompileError> {
        Ok(Compiled { code: compile(pattern, 0)? })
    }

    /// As `new`, but a match must start where the subject does.
    pub(super) fn anchored(pattern: &[u8]) -> Result<Compiled, CompileError> {
        Compiled::with_options(pattern, PCRE2_ANCHORED)
    }

    /// The pattern with an end that never matches: it goes through all the ways that there are. If `anchored`, those that
    /// start where the subject does.
    pub(super) fn tireless(pattern: &[u8], anchored: bool) -> Result<Compiled, CompileError> {
        let pattern = [b"(?:", pattern, b")(*FAIL)"].concat();
        // Not even for want of its last literal may it give up.
        let options = PCRE2_NO_START_OPTIMIZE | if anchored { PCRE2_ANCHORED } else { 0 };
        Compiled::with_options(&pattern, options)
    }

    fn with_options(pattern: &[u8], options: u32) -> Result<Compiled, CompileError> {
        let compiled = Compiled { code: compile(pattern, options)? };
        // A failure leaves the interpreter to do the work; Varnish ignores it too.
        // SAFETY: `code` is valid and nobody else has it yet.
        unsafe { pcre2_jit_compile_8(compiled.code.as_ptr(), PCRE2_JIT_COMPLETE) };
        Ok(compiled)
    }

    /// Whether the pattern matches somewhere in `subject`.
    pub fn is_match(&self, subject: &[u8]) -> Result<bool, MatchError> {
        self.run(subject, &LIMITS)
    }

    /// Whether a pattern without the JIT matches somewhere in a short `subject`; `None` where that takes more than a little,
    /// so that only `is_match` can tell what Varnish would say.
    pub(super) fn is_quick_match(&self, subject: &[u8]) -> Option<bool> {
        self.run(subject, &QUICK_LIMITS).ok()
    }

    /// As `is_match` under another match limit, for the search for runaway input to see how much a match costs.
    pub(super) fn is_match_within(&self, subject: &[u8], match_limit: u32) -> Result<bool, MatchError> {
        SCRATCH_LIMITS.with(|limits| {
            // SAFETY: the context is this thread's own, and no match is running on this thread.
            unsafe { pcre2_set_match_limit_8(limits.0.as_ptr(), match_limit) };
            self.run(subject, limits)
        })
    }

    /// The last literal byte of every match, where PCRE2 knows one: it looks for it before it begins to match. Of a letter
    /// whose case is ignored, one of both.
    pub(super) fn last_literal(&self) -> Option<u8> {
        (self.info(PCRE2_INFO_LASTCODETYPE) == 1).then(|| self.info(PCRE2_INFO_LASTCODEUNIT) as u8)
    }

    /// For questions that are answered with one `u32`.
    fn info(&self, question: u32) -> u32 {
        let mut answer = 0_u32;
        // SAFETY: the code is valid, and the callers' questions write one `u32`.
        unsafe { pcre2_pattern_info_8(self.code.as_ptr(), question, (&raw mut answer).cast::<c_void>()) };
        answer
    }

    fn run(&self, subject: &[u8], limits: &Limits) -> Result<bool, MatchError> {
        let outcome = MATCH_DATA.with(|data| {
            // SAFETY: code, match data and context are valid, the match data is this thread's own, and PCRE2 reads
            // exactly `subject.len()` bytes. It calls nothing back, so the match data is not in use already.
            unsafe {
                pcre2_match_8(
                    self.code.as_ptr(),
                    subject.as_ptr(),
                    subject.len(),
                    0,
                    0,
                    data.0.as_ptr(),
                    limits.0.as_ptr(),
                )
            }
        });
        match outcome {
            0.. => Ok(true),
            PCRE2_ERROR_NOMATCH => Ok(false),
            PCRE2_ERROR_MATCHLIMIT => Err(MatchError::MatchLimit),
            PCRE2_ERROR_DEPTHLIMIT => Err(MatchError::DepthLimit),
            PCRE2_ERROR_JIT_STACKLIMIT => Err(MatchError::JitStack),
            code => Err(MatchError::Other(code)),
        }
    }
}

impl Drop for Compiled {
    fn drop(&mut self) {
        // SAFETY: `code` came from `compile`, is freed once, and no match can be running: it would borrow `self`.
        unsafe { pcre2_code_free_8(self.code.as_ptr()) }
    }
}

/// The version of the PCRE2 library that is linked, as it names itself: `10.42 2022-12-11`.
pub fn pcre2_version() -> String {
    let mut text = [0_u8; 64];
    // SAFETY: PCRE2 documents that 24 bytes are enough; it ends the text with a NUL.
    unsafe { pcre2_config_8(PCRE2_CONFIG_VERSION, text.as_mut_ptr().cast::<c_void>()) };
    let length = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
    String::from_utf8_lossy(&text[..length]).into_owned()
}

/// Whether the linked library has the JIT. Without it the limits bite much earlier than in Varnish.
pub fn has_jit() -> bool {
    let mut answer = 0_u32;
    // SAFETY: this question is answered with one `u32`.
    unsafe { pcre2_config_8(PCRE2_CONFIG_JIT, (&raw mut answer).cast::<c_void>()) };
    answer == 1
}

fn compile(pattern: &[u8], options: u32) -> Result<NonNull<pcre2_code_8>, CompileError> {
    let mut error = 0;
    let mut offset = 0;
    // SAFETY: PCRE2 reads exactly `pattern.len()` bytes and writes the two numbers; no compile context is needed.
    let code = unsafe {
        pcre2_compile_8(pattern.as_ptr(), pattern.len(), options, &raw mut error, &raw mut offset, ptr::null_mut())
    };
    NonNull::new(code).ok_or_else(|| CompileError { offset: offset.min(pattern.len()), message: error_text(error) })
}

fn error_text(code: i32) -> String {
    let mut text = [0_u8; 256];
    // SAFETY: PCRE2 writes at most `text.len()` bytes.
    let length = unsafe { pcre2_get_error_message_8(code, text.as_mut_ptr(), text.len()) };
    match usize::try_from(length) {
        Ok(length) => String::from_utf8_lossy(&text[..length.min(text.len())]).into_owned(),
        Err(_) => format!("PCRE2 error {code}"),
    }
}

/// A match's limits; only read while a match runs.
struct Limits(NonNull<pcre2_match_context_8>);

// SAFETY: the shared one is written in its initialiser alone; `pcre2_match` takes it as read-only data.
unsafe impl Send for Limits {}
// SAFETY: as above.
unsafe impl Sync for Limits {}

impl Limits {
    fn of_varnish() -> Limits {
        Limits::new(MATCH_LIMIT, DEPTH_LIMIT)
    }

    fn new(match_limit: u32, depth_limit: u32) -> Limits {
        // SAFETY: a null general context means malloc and free; the pointer is checked before it is used.
        unsafe {
            let context = NonNull::new(pcre2_match_context_create_8(ptr::null_mut()));
            let context = context.expect("memory for a match context");
            pcre2_set_match_limit_8(context.as_ptr(), match_limit);
            pcre2_set_depth_limit_8(context.as_ptr(), depth_limit);
            Limits(context)
        }
    }
}

impl Drop for Limits {
    fn drop(&mut self) {
        // SAFETY: made in `new`, freed once.
        unsafe { pcre2_match_context_free_8(self.0.as_ptr()) }
    }
}

/// Shared by every match but those of `is_match_within` and `is_quick_match`.
static LIMITS: LazyLock<Limits> = LazyLock::new(Limits::of_varnish);
/// So far below Varnish's limits that what ends within them ends within those of the JIT, which counts in another way.
static QUICK_LIMITS: LazyLock<Limits> = LazyLock::new(|| Limits::new(MATCH_LIMIT / 10, MATCH_LIMIT / 10));

/// Where a match writes its result; one for each thread, so that a match allocates nothing.
struct MatchData(NonNull<pcre2_match_data_8>);

impl MatchData {
    fn new() -> MatchData {
        // SAFETY: a null general context means malloc and free. One pair of offsets is enough: only yes or no is asked.
        let data = unsafe { pcre2_match_data_create_8(1, ptr::null_mut()) };
        MatchData(NonNull::new(data).expect("memory for match data"))
    }
}

impl Drop for MatchData {
    fn drop(&mut self) {
        // SAFETY: made in `new`, freed once.
        unsafe { pcre2_match_data_free_8(self.0.as_ptr()) }
    }
}

thread_local! {
    static MATCH_DATA: MatchData = MatchData::new();
    static SCRATCH_LIMITS: Limits = Limits::of_varnish();
}

#[cfg(test)]
pub(super) mod test_help {
    use super::{Compiled, compile};
    use pcre2_sys::{PCRE2_CASELESS, PCRE2_DOLLAR_ENDONLY, PCRE2_DOTALL};

    /// The pattern as written, under the options whose meaning the rewriter expresses in the text.
    pub fn with_options(pattern: &[u8], ignore_case: bool) -> Option<Compiled> {
        let caseless = if ignore_case { PCRE2_CASELESS } else { 0 };
        compile(pattern, PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY | caseless).ok().map(|code| Compiled { code })
    }
}

#[cfg(test)]
mod tests {
    use super::{Compiled, MatchError, has_jit, pcre2_version};

    #[test]
    fn bytes_are_bytes() {
        let matches = |pattern: &[u8], subject: &[u8]| Compiled::new(pattern).unwrap().is_match(subject).unwrap();
        assert!(matches(b"^.$", b"\xff"));
        assert!(!matches(b"^.$", "é".as_bytes()));
        assert!(matches(b"", b""));
        assert!(!matches(br"(?i)\xc9", b"\xe9"));
    }

    #[test]
    fn errors_have_an_offset() {
        let check = Compiled::interpreted;
        let error = check(b"ab(cd").unwrap_err();
        assert_eq!((error.offset, error.message.as_str()), (5, "missing closing parenthesis"));
        assert!(check(b"a**").is_err());
        assert!(check(&b"x".repeat(200_000)).is_err());
    }

    #[test]
    fn limits_are_those_of_varnish() {
        assert!(has_jit(), "without the JIT nothing here says anything about Varnish");
        let run = |pattern: &[u8], subject: String| Compiled::new(pattern).unwrap().is_match(subject.as_bytes());
        assert_eq!(run(b"^(a+)+$", "a".repeat(30) + "b"), Err(MatchError::MatchLimit));
        assert_eq!(run(b"^(?:[^<]|<(?!script))*$", "a".repeat(5000)), Err(MatchError::JitStack));
        assert_eq!(run(b"^(?:[^<]|<(?!script))*+$", "a".repeat(5000)), Ok(true));
    }

    #[test]
    fn one_pattern_serves_many_threads() {
        let compiled = Compiled::new(br"(\w+)=\1").unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|_| assert_eq!(compiled.is_match(b"x; ab=ab"), Ok(true))));
            }
        });
    }

    #[test]
    fn the_library_names_its_version() {
        assert!(pcre2_version().starts_with("10."), "{}", pcre2_version());
    }
}
