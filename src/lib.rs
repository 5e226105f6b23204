//! edgesig: a compiler for edge-security signatures.

#![deny(unsafe_code)]

extern crate alloc;

pub mod catalog;
pub mod cli;
pub mod codegen;
pub mod diagnostic;
pub mod engine;
pub mod eval;
pub mod ir;
pub mod regex;
pub mod request;
pub mod semantic;
pub mod source;
pub mod syntax;
