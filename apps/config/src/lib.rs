//! Files that hosts are set up by: TOML of which every key and value knows its place, so that whoever reads it can say what is
//! wrong where ([`Document`], [`Problems`]), and the connection offload policy ([`policy`]).
//!
//! A file is read as a whole, and all that is wrong with it is said at once; of a file with a mistake nothing is used.
#![forbid(unsafe_code)]

mod document;
pub mod file;
pub mod policy;
mod problem;
mod value;

pub use document::{Document, Item, Table};
pub use problem::{Problem, Problems, none_of};
pub use value::{Scalar, Type, Value};
