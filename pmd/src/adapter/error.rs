//! How an adapter fails.

use mafo_mem::Nanos;
use mafo_t4::chip::Chip;
use mafo_t4::fw::Opcode;
use mafo_t4::regs::pcie::PCIE_FW;

use super::BadConfig;
use crate::eal::dma::ArenaFull;
use crate::fw::FwError;

/// An adapter could not be brought up, or has failed. It stays so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdapterError {
    /// The configuration cannot be.
    #[error(transparent)]
    Config(#[from] BadConfig),
    /// A command did not succeed.
    #[error(transparent)]
    Firmware(#[from] FwError),
    /// The arena is too small for the queues.
    #[error("no memory for {queue}: {source}")]
    Memory {
        /// What the memory was for.
        queue: &'static str,
        /// Why there is none.
        source: ArenaFull,
    },
    /// The card's registers read as all ones.
    #[error("the card does not answer")]
    Gone,
    /// PCIE_FW.ERR is set.
    #[error("the firmware has stopped (PCIE_FW {state:?})")]
    FirmwareStopped {
        /// What the register says.
        state: PCIE_FW,
    },
    /// The card's clock stands still.
    #[error("the card stands still since {still:?}")]
    Hung {
        /// For how long.
        still: Nanos,
    },
    /// The card's registers go on, but it leaves messages unanswered.
    #[error("the card leaves messages unanswered")]
    Mute,
    /// This driver drives T5 only.
    #[error("{chip:?} is not supported")]
    UnsupportedChip {
        /// The chip.
        chip: Chip,
    },
    /// Another driver is master of the card and has not initialised it.
    #[error("function {master} is master of the card and has not initialised it")]
    ForeignMaster {
        /// Its PCI function.
        master: u8,
    },
    /// The card, as it is configured, cannot offload TCP.
    #[error("the card's configuration has no TCP offload")]
    NoOffload,
    /// A register has a setting that this driver cannot work with.
    #[error("{register} is {value:#x}: {must}")]
    Setting {
        /// The register.
        register: &'static str,
        /// Its value.
        value: u32,
        /// What it must be.
        must: &'static str,
    },
    /// A reply makes no sense.
    #[error("{command:?}: {what} of {value:#x} makes no sense")]
    BadReply {
        /// The command.
        command: Opcode,
        /// Which value of its reply.
        what: &'static str,
        /// The value.
        value: u32,
    },
    /// The adapter was closed.
    #[error("the adapter is closed")]
    Closed,
}
