//! The T4/T5 interface: all that the driver and the software ASIC share.
//!
//! Layouts and two traits, no state and no behaviour. Names are Chelsio's, so that they can be
//! looked up in the headers of Linux, FreeBSD and DPDK (`t4_regs.h`, `t4_msg.h`, `t4_tcb.h`,
//! `t4fw_interface.h`). Registers are 32-bit little-endian on the bus; everything in host memory and
//! in the mailbox is big-endian.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

#[macro_use]
mod bits;
#[macro_use]
pub mod message;
#[macro_use]
mod layout;

pub mod bus;
pub mod chip;
pub mod cpl;
pub mod fw;
pub mod ids;
pub mod opt;
pub mod regs;
pub mod sge;
pub mod tcb;
pub mod wr;

pub use bus::{Bar, DmaFault, HostMemory};
pub use ids::{Atid, EqId, Ftid, Iova, IqId, L2tIdx, PortId, SmtIdx, Stid, Tid};
