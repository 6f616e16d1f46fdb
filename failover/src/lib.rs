//! Live connections move between ports and adapters.
#![forbid(unsafe_code)]
