//! Small values of signature files that later layers use as they are. `ir` re-exports them, so that those layers
//! need not know the syntax tree.

use std::fmt;

/// How bad the attack is: `severity:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Risk {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

impl Risk {
    pub const ALL: [Risk; 5] = [Risk::Info, Risk::Low, Risk::Medium, Risk::High, Risk::Critical];

    pub fn name(self) -> &'static str {
        match self {
            Risk::Info => "info",
            Risk::Low => "low",
            Risk::Medium => "medium",
            Risk::High => "high",
            Risk::Critical => "critical",
        }
    }
}

/// `mode:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    Draft,
    Monitor,
    /// Share in percent, 1 to 99.
    Canary(u8),
    Enforce,
    Retired,
}

impl Mode {
    /// Compiled into the output.
    pub fn is_emitted(self) -> bool {
        matches!(self, Mode::Monitor | Mode::Canary(_) | Mode::Enforce)
    }

    /// Takes its action for at least some clients.
    pub fn can_act(self) -> bool {
        matches!(self, Mode::Canary(_) | Mode::Enforce)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mode::Draft => f.write_str("draft"),
            Mode::Monitor => f.write_str("monitor"),
            Mode::Canary(share) => write!(f, "canary {share}%"),
            Mode::Enforce => f.write_str("enforce"),
            Mode::Retired => f.write_str("retired"),
        }
    }
}

/// A calendar day.
pub type Date = jiff::civil::Date;
