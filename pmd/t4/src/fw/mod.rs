//! Firmware commands: what travels through the mailbox.
//!
//! A command and its reply are the same structure of at most 64 bytes. [`Command::request`] starts one,
//! `with_…` fill it, [`Command::matching`] recognises one in bytes; neither side shifts or masks.
//!
//! ```
//! use mafo_t4::fw::{Access, Command, HelloCmd, HelloFlags, Retval};
//!
//! let hello = HelloCmd::request(Access::Write)
//!     .with_flags(HelloFlags::default().with_mbmaster(HelloFlags::ANY_MASTER).with_mbasyncnot(4));
//! let seen = HelloCmd::matching(hello.as_bytes()).unwrap();
//! assert_eq!(seen.flags().mbasyncnot(), 4);
//! assert_eq!(seen.with_retval(Retval::EBUSY).retval(), Retval::EBUSY);
//! ```

/// A firmware command: a [`message!`] that begins with the command header.
macro_rules! command {
    ($(#[$m:meta])* $v:vis struct $Name:ident [$size:literal] = $OPCODE:ident, $Lo:ty {
        $( $(#[$fm:meta])* $field:ident : $F:ty ),* $(,)?
    }) => {
        message! {
            $(#[$m])*
            $v struct $Name [$size] {
                /// Opcode, kind of access, and whom the command is about.
                hi: $crate::fw::Hi,
                /// Flags of the command, result and length.
                lo: $Lo,
                $( $(#[$fm])* $field : $F, )*
            }
        }
        impl $crate::fw::Command for $Name {
            const OPCODE: $crate::fw::Opcode = $crate::fw::Opcode::$OPCODE;
            const SIZE: usize = $size;
            fn header(&self) -> $crate::fw::Header {
                $crate::fw::Header::default().with_hi(self.hi()).with_lo($crate::fw::Lo(self.lo().0))
            }
            fn set_header(&mut self, header: $crate::fw::Header) {
                self.set_hi(header.hi());
                self.set_lo(<$Lo>::from_word(header.lo().0));
            }
            fn from_bytes(bytes: &[u8]) -> Option<&Self> {
                Self::parse(bytes)
            }
        }
    };
}

/// The second word of a command: its own flags, then result and length as in every command.
macro_rules! lo_word {
    ($(#[$m:meta])* $v:vis $Name:ident { $($body:tt)* }) => {
        bits! { $(#[$m])* $v $Name : u32 { $($body)* 15:8 retval, 7:0 len16 } }
        impl $Name {
            pub(crate) const fn from_word(word: u32) -> Self {
                Self(word)
            }
        }
    };
}

mod device;
mod ldst;
pub mod mailbox;
mod params;
mod port;
mod queue;
mod rss;
mod stats;
mod vi;

pub use device::*;
pub use ldst::*;
pub use params::*;
pub use port::*;
pub use queue::*;
pub use rss::*;
pub use stats::*;
pub use vi::*;

use crate::PortId;

codes! {
    /// Which command (t4fw_interface.h enum fw_cmd_opcodes).
    pub Opcode: u8 {
        /// Register, context and memory access by the firmware.
        LDST = 0x01,
        /// Chip reset.
        RESET = 0x03,
        /// Hello: the driver introduces itself.
        HELLO = 0x04,
        /// Bye: the driver leaves.
        BYE = 0x05,
        /// End of configuration.
        INITIALIZE = 0x06,
        /// Capabilities and configuration file.
        CAPS_CONFIG = 0x07,
        /// Parameters by name.
        PARAMS = 0x08,
        /// Resources of a function.
        PFVF = 0x09,
        /// Ingress queue with its freelists.
        IQ = 0x10,
        /// Management egress queue.
        EQ_MNGT = 0x11,
        /// Ethernet egress queue.
        EQ_ETH = 0x12,
        /// Control egress queue.
        EQ_CTRL = 0x13,
        /// Virtual interface.
        VI = 0x14,
        /// MAC addresses of a virtual interface.
        VI_MAC = 0x15,
        /// What a virtual interface receives.
        VI_RXMODE = 0x16,
        /// Switches a virtual interface on and off.
        VI_ENABLE = 0x17,
        /// MAC access list.
        ACL_MAC = 0x18,
        /// VLAN access list.
        ACL_VLAN = 0x19,
        /// Counters of a virtual interface.
        VI_STATS = 0x1a,
        /// Port: link and its events.
        PORT = 0x1b,
        /// Counters of a port.
        PORT_STATS = 0x1c,
        /// Counters of a port's loopback.
        PORT_LB_STATS = 0x1d,
        /// Trace of a port.
        PORT_TRACE = 0x1e,
        /// Trace map of a port.
        PORT_TRACE_MMAP = 0x1f,
        /// RSS indirection table.
        RSS_IND_TBL = 0x20,
        /// Offload egress queue.
        EQ_OFLD = 0x21,
        /// RSS of the whole card.
        RSS_GLB_CONFIG = 0x22,
        /// RSS of a virtual interface.
        RSS_VI_CONFIG = 0x23,
        /// Transmit scheduler.
        SCHED = 0x24,
        /// Where the device log lies.
        DEVLOG = 0x25,
        /// Local IPv6 addresses.
        CLIP = 0x28,
        /// Precision time.
        PTP = 0x3e,
        /// Host memory for the card.
        HMA = 0x3f,
        /// Error report.
        ERROR = 0x80,
        /// Assertion or print of the firmware.
        DEBUG = 0x81,
    }
}

codes! {
    /// Result of a command, an errno (t4fw_interface.h enum fw_retval).
    pub Retval: u8 {
        /// Done.
        SUCCESS = 0,
        /// Not permitted.
        EPERM = 1,
        /// No such thing.
        ENOENT = 2,
        /// The hardware failed.
        EIO = 5,
        /// Invalid microcode.
        ENOEXEC = 8,
        /// Try again.
        EAGAIN = 11,
        /// Out of memory.
        ENOMEM = 12,
        /// Bad address.
        EFAULT = 14,
        /// In use.
        EBUSY = 16,
        /// Exists already.
        EEXIST = 17,
        /// No such device.
        ENODEV = 19,
        /// Invalid argument.
        EINVAL = 22,
        /// No room left.
        ENOSPC = 28,
        /// Not implemented.
        ENOSYS = 38,
        /// Nothing there.
        ENODATA = 61,
        /// Protocol error.
        EPROTO = 71,
        /// Address in use.
        EADDRINUSE = 98,
        /// Address not available.
        EADDRNOTAVAIL = 99,
        /// Network is down.
        ENETDOWN = 100,
        /// Network is unreachable.
        ENETUNREACH = 101,
        /// No buffers left.
        ENOBUFS = 105,
        /// Took too long.
        ETIMEDOUT = 110,
        /// Under way; inside the firmware only.
        EINPROGRESS = 115,
    }
}

impl Retval {
    /// `Ok` for success, else the code.
    pub const fn ok(self) -> Result<(), Self> {
        if self.0 == Self::SUCCESS.0 { Ok(()) } else { Err(self) }
    }
}

/// What a command does with what it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Asks.
    Read,
    /// Sets.
    Write,
    /// Does.
    Exec,
    /// Sets and does, as allocations are.
    WriteExec,
}

bits! {
    /// First word of a command (t4fw_interface.h S_FW_CMD_*): `target` is read by `function`, `viid`, …
    pub Hi: u32 { 31:24 op, 23 request, 22 read, 21 write, 20 exec, 11:0 target }
}

impl Hi {
    /// The command.
    #[must_use]
    pub const fn opcode(self) -> Opcode {
        Opcode(self.op() as u8)
    }
    /// A request.
    #[must_use]
    pub const fn new(opcode: Opcode, access: Access) -> Self {
        let (read, write, exec) = match access {
            Access::Read => (true, false, false),
            Access::Write => (false, true, false),
            Access::Exec => (false, false, true),
            Access::WriteExec => (false, true, true),
        };
        Self(0)
            .with_op(opcode.0 as u32)
            .with_request(true)
            .with_read(read)
            .with_write(write)
            .with_exec(exec)
    }
    /// The function meant, PFN 10:8, and its virtual function, VFN 7:0 (0: the function itself).
    #[must_use]
    pub const fn function(self) -> (u8, u8) {
        ((self.target() >> 8) as u8 & 7, self.target() as u8)
    }
    /// With another function.
    #[must_use]
    pub const fn with_function(self, pf: u8, vf: u8) -> Self {
        debug_assert!(pf < 8);
        self.with_target((pf as u32 & 7) << 8 | vf as u32)
    }
    /// The virtual interface meant, 11:0.
    #[must_use]
    pub const fn viid(self) -> Viid {
        Viid(self.target() as u16)
    }
    /// With another virtual interface.
    #[must_use]
    pub const fn with_viid(self, viid: Viid) -> Self {
        self.with_target(viid.0 as u32)
    }
    /// The port meant, PORTID 3:0: the port's transmit channel.
    #[must_use]
    pub const fn port(self) -> PortId {
        PortId(self.target() as u8 & 0xf)
    }
    /// With another port.
    #[must_use]
    pub const fn with_port(self, port: PortId) -> Self {
        debug_assert!(port.0 < 16);
        self.with_target(port.0 as u32)
    }
}

lo_word! {
    /// Second word of a command without flags of its own.
    pub Lo {}
}

message! {
    /// The header of every command (t4fw_interface.h struct fw_cmd_hdr).
    pub struct Header[8] {
        /// Opcode, kind of access, and whom the command is about.
        hi: Hi,
        /// Flags of the command, result and length.
        lo: Lo,
    }
}

impl Header {
    /// Bytes of the command as it says itself, its header included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lo().len16() as usize * 16
    }
    /// Whether the command says that it has no bytes at all, which none may.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lo().len16() == 0
    }
    /// The result, in a reply.
    #[must_use]
    pub fn retval(&self) -> Retval {
        Retval(self.lo().retval() as u8)
    }
}

/// What all commands have in common.
pub trait Command: Copy + Default {
    /// Which command.
    const OPCODE: Opcode;
    /// Bytes of the structure.
    const SIZE: usize;

    /// The header.
    fn header(&self) -> Header;
    /// Replaces the header.
    fn set_header(&mut self, header: Header);
    /// The structure at the start of `bytes`, whatever its opcode.
    fn from_bytes(bytes: &[u8]) -> Option<&Self>;

    /// A request, all its fields zero.
    #[must_use]
    fn request(access: Access) -> Self {
        let mut command = Self::default();
        command.set_header(
            Header::default()
                .with_hi(Hi::new(Self::OPCODE, access))
                .with_lo(Lo(0).with_len16(Self::SIZE as u32 / 16)),
        );
        command
    }
    /// The structure at the start of `bytes`, if that is this command and all of it is there.
    #[must_use]
    fn matching(bytes: &[u8]) -> Option<&Self> {
        let command = Self::from_bytes(bytes)?;
        (command.header().hi().opcode() == Self::OPCODE).then_some(command)
    }
    /// About function `pf` and its virtual function `vf` (0: the function itself).
    #[must_use]
    fn of_function(mut self, pf: u8, vf: u8) -> Self {
        let header = self.header();
        self.set_header(header.with_hi(header.hi().with_function(pf, vf)));
        self
    }
    /// About a virtual interface.
    #[must_use]
    fn of_vi(mut self, viid: Viid) -> Self {
        let header = self.header();
        self.set_header(header.with_hi(header.hi().with_viid(viid)));
        self
    }
    /// About a port.
    #[must_use]
    fn of_port(mut self, port: PortId) -> Self {
        let header = self.header();
        self.set_header(header.with_hi(header.hi().with_port(port)));
        self
    }
    /// The result, in a reply.
    #[must_use]
    fn retval(&self) -> Retval {
        self.header().retval()
    }
    /// The reply with this result.
    #[must_use]
    fn with_retval(mut self, retval: Retval) -> Self {
        let header = self.header();
        self.set_header(header.with_lo(header.lo().with_retval(u32::from(retval.0))));
        self
    }
}

bits! {
    /// Version of firmware or TP microcode (t4fw_interface.h S_FW_HDR_FW_VER_*).
    pub Version: u32 { 31:24 major, 23:16 minor, 15:8 micro, 7:0 build }
}

codes! {
    /// One of the card's memories (t4fw_interface.h enum fw_memtype).
    pub MemType: u8 {
        /// First on-chip memory.
        EDC0 = 0,
        /// Second on-chip memory.
        EDC1 = 1,
        /// External memory.
        EXTMEM = 2,
        /// Flash.
        FLASH = 4,
        /// Inside the firmware's processor.
        INTERNAL = 5,
        /// Second external memory.
        EXTMEM1 = 6,
    }
}

/// How long a command may take, milliseconds (t4fw_interface.h FW_CMD_MAX_TIMEOUT).
pub const TIMEOUT_MS: u32 = 10_000;
/// How long HELLO waits for another master, milliseconds (FW_CMD_HELLO_TIMEOUT).
pub const HELLO_TIMEOUT_MS: u32 = 30_000;
/// How often HELLO is tried (FW_CMD_HELLO_RETRIES).
pub const HELLO_RETRIES: u32 = 3;
