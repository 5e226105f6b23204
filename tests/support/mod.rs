//! What the tests with a real engine share: whether there is one, and a seeded source of requests.
#![allow(dead_code, reason = "each test binary uses a part")]

pub mod requests;
pub mod rng;
pub mod signatures;

/// Whether varnishd can be used. Without it a test is skipped visibly, and fails where `CI` is `true`.
pub fn has_varnishd() -> bool {
    if edgesig::engine::is_installed() {
        return true;
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "varnishd is not installed, and CI must have it");
    eprintln!("SKIPPED: varnishd is not installed (apt-get install varnish varnish-modules)");
    false
}
