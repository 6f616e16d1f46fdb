//! Through this library google/packetdrill drives mafo's sockets: the tool loads it as a shared object, hands
//! over system calls and packets, and takes its time from here. `docs/packetdrill.md` tells how to run it.
//!
//! ```text
//!  tool, main thread ─┐                    ┌─ fds · calls · options · polls · epoll
//!  tool, 2nd thread ──┴► ffi ► drill ► world ┤
//!                       (C)  (threads,     └─ backend (sockets; or driver and software adapter) ─ cable
//!                             clock)
//! ```
//!
//! | module | what |
//! |---|---|
//! | [`ffi`] | the C interface, unsafe as `hook` and `qdisc` are |
//! | [`drill`] | who waits and when virtual time goes on |
//! | [`world`] | all that a script drives |
//! | [`settings`] | flags and sysctls |
//! | [`qdisc`] | whether the kernel's device takes packets |

pub mod backend;
pub mod cable;
mod calls;
pub mod drill;
pub mod epoll;
pub mod errno;
pub mod fds;
pub mod ffi;
mod hook;
mod options;
mod polls;
pub mod qdisc;
pub mod segments;
pub mod settings;
pub mod tcp_info;
pub mod world;
