//! The traps that are impossible by construction; `tests/falco.rs` shows the rest with falco.
