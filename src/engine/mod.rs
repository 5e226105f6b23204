//! The real engines, driven: a varnishd on loopback, a small origin, a raw-socket client. Used by `cli` (test,
//! verify) and by the tests.
