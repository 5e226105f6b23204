//! The sink of the passes over one file: bounded, so that a hostile file costs neither time nor a wall of text.

use crate::diagnostic::{Code, Diagnostic, Diagnostics};

/// Problems shown per file.
const MAX_PROBLEMS: usize = 100;

/// Takes the problems of one file.
pub(super) struct Report<'d> {
    sink: &'d mut Diagnostics,
    left: usize,
}

impl<'d> Report<'d> {
    pub(super) fn new(sink: &'d mut Diagnostics) -> Report<'d> {
        Report { sink, left: MAX_PROBLEMS }
    }

    /// Nothing more will be shown: passes may stop looking.
    pub(super) fn is_full(&self) -> bool {
        self.left == 0
    }

    /// How many problems were pushed so far.
    pub(super) fn count(&self) -> usize {
        MAX_PROBLEMS - self.left
    }

    /// The problem pushed last.
    pub(super) fn last_mut(&mut self) -> Option<&mut Diagnostic> {
        self.sink.list.last_mut()
    }

    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        let span = diagnostic.primary.span;
        self.sink.push(diagnostic);
        if self.left == 0 {
            self.sink.push(Diagnostic::new(
                Code::LimitExceeded,
                span,
                format!("more than {MAX_PROBLEMS} problems in this file"),
                "the problems after this one are not shown",
            ));
        }
    }
}
