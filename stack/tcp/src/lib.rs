//! The TCP engine: sans-IO, and it never holds payload.
#![forbid(unsafe_code)]
