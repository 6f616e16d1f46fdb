//! The TOE module: sockets whose TCP runs on an adapter.

pub mod state;
