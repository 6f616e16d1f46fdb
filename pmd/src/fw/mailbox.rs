//! The mailbox: submit a command, poll for its reply, give up at a deadline. Nothing here waits.
//!
//! The control register says whose turn it is. A driver that reads it while nobody owns the mailbox
//! claims it; it writes the command and hands the mailbox to the firmware; the reply is there when the
//! mailbox is the driver's again *with* the valid bit. Without the bit the ownership is spurious: the
//! driver clears the register and goes on waiting.

use mafo_mem::Nanos;
use mafo_t4::fw::{Command, DebugAssertCmd, Header, Hi, Opcode, Retval, mailbox};
use mafo_t4::regs::pcie::PCIE_FW;
use mafo_t4::regs::pf::{
    CIM_PF_MAILBOX_CTRL, CIM_PF_MAILBOX_DATA, MAILBOX_SIZE, MailboxOwner, pf_base,
};

use zerocopy::{Immutable, IntoBytes};

use crate::sge::SharedBar;

/// Reads of the control register that may find nobody owning the mailbox before the claim counts as
/// failed for now: the first and three repetitions [t4_hw.c t4_wr_mbox_meat_timeout].
const CLAIM_READS: usize = 4;
/// What a register of a card that is not there reads as.
pub(crate) const GONE: u32 = u32::MAX;

/// A firmware command did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FwError {
    /// The card's registers read as all ones: it is gone, or its bus is.
    #[error("{command:?}: the card does not answer")]
    Gone {
        /// The command under way.
        command: Opcode,
    },
    /// PCIE_FW.ERR is set.
    #[error("{command:?}: the firmware has stopped (PCIE_FW {state:?})")]
    Stopped {
        /// The command under way.
        command: Opcode,
        /// What the firmware says of itself.
        state: PCIE_FW,
    },
    /// The firmware held the mailbox until the deadline.
    #[error("{command:?}: the firmware held the mailbox for {waited:?}")]
    Busy {
        /// The command that was not sent.
        command: Opcode,
        /// Time since it was submitted.
        waited: Nanos,
    },
    /// No reply until the deadline.
    #[error("{command:?}: no reply in {waited:?}")]
    TimedOut {
        /// The command that was sent.
        command: Opcode,
        /// Time since it was submitted.
        waited: Nanos,
    },
    /// The firmware said no.
    #[error("{command:?}: refused with {retval:?}")]
    Refused {
        /// The command.
        command: Opcode,
        /// Why.
        retval: Retval,
    },
    /// An assertion of the firmware failed.
    #[error("{command:?}: firmware assertion at {}:{line} ({x:#x}, {y:#x})", filename.escape_ascii())]
    Assertion {
        /// The command under way.
        command: Opcode,
        /// Name of the firmware's source, ended by a zero if shorter.
        filename: [u8; 16],
        /// Line of it.
        line: u32,
        /// First value.
        x: u32,
        /// Second value.
        y: u32,
    },
    /// The reply is to another command.
    #[error("{command:?}: the reply is one to {reply:?}")]
    Garbled {
        /// The command that was sent.
        command: Opcode,
        /// What the reply says it is.
        reply: Opcode,
    },
}

impl FwError {
    /// Whether the firmware works and only refused this command.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }
}

mafo_mem::counters! {
    /// What a mailbox counted.
    pub struct MailboxCounters {
        /// Commands handed to the firmware.
        commands,
        /// Of these, refused by it.
        refused,
        /// Times that the mailbox came back without a message.
        spurious_ownership,
        /// Times that a claim found the firmware owning the mailbox.
        busy,
    }
}

/// A reply: the structure of its command, zeroes behind it.
pub(crate) type Reply = [u8; MAILBOX_SIZE];

/// The mailbox of one PCI function.
pub(crate) struct Mailbox {
    bar: SharedBar,
    base: u32,
    state: State,
    counters: MailboxCounters,
}

enum State {
    Idle,
    /// The command waits for the mailbox.
    Claiming {
        command: Reply,
        request: Request,
    },
    /// The firmware has the command.
    Waiting(Request),
}

/// A command under way.
#[derive(Clone, Copy)]
struct Request {
    opcode: Opcode,
    /// 64-bit words of the command, and so of its reply.
    words: usize,
    submitted: Nanos,
    deadline: Nanos,
}

/// Where a submitted command is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// No command is under way.
    Idle,
    /// Not yet.
    Pending,
    /// Its reply.
    Done(Reply),
}

impl Mailbox {
    /// The mailbox of function `pf`.
    pub(crate) fn new(bar: SharedBar, pf: u8) -> Self {
        let base = pf_base(u32::from(pf));
        Self { bar, base, state: State::Idle, counters: MailboxCounters::new() }
    }

    /// Sends `command` as soon as the mailbox is free; its outcome comes from [`Mailbox::poll`] by
    /// `now + timeout`. A second command before that is a bug.
    pub(crate) fn submit<C: Command + IntoBytes + Immutable>(
        &mut self,
        now: Nanos,
        command: &C,
        timeout: Nanos,
    ) {
        assert!(matches!(self.state, State::Idle), "two commands in one mailbox");
        // LEN16 may be less than the structure: a list with room for more.
        let len = command.header().len().min(C::SIZE);
        let mut bytes = [0; MAILBOX_SIZE];
        bytes[..len].copy_from_slice(&command.as_bytes()[..len]);
        let request =
            Request { opcode: C::OPCODE, words: len / 8, submitted: now, deadline: now + timeout };
        self.state = State::Claiming { command: bytes, request };
    }

    /// Whether no command is under way.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    /// Moves the command under way on. After an error it is no longer under way.
    pub(crate) fn poll(&mut self, now: Nanos) -> Result<Progress, FwError> {
        let progress = match self.state {
            State::Idle => return Ok(Progress::Idle),
            State::Claiming { command, request } => self.claim(now, &command, request),
            State::Waiting(request) => self.reply(now, request),
        };
        if progress != Ok(Progress::Pending) {
            self.state = State::Idle;
        }
        if matches!(progress, Err(FwError::Refused { .. })) {
            self.counters.refused += 1;
        }
        progress
    }

    pub(crate) fn counters(&self) -> MailboxCounters {
        self.counters
    }

    fn claim(
        &mut self,
        now: Nanos,
        command: &Reply,
        request: Request,
    ) -> Result<Progress, FwError> {
        self.check_alive(request.opcode)?;
        for _ in 0..CLAIM_READS {
            match self.control(request.opcode)?.owner() {
                MailboxOwner::Driver => {
                    self.send(command, request);
                    return Ok(Progress::Pending);
                }
                // The read claims it; the next one tells whether it did.
                MailboxOwner::None => {}
                MailboxOwner::Firmware | MailboxOwner::Reserved => break,
            }
        }
        self.counters.busy += 1;
        let waited = now - request.submitted;
        if now >= request.deadline {
            return Err(FwError::Busy { command: request.opcode, waited });
        }
        Ok(Progress::Pending)
    }

    fn send(&mut self, command: &Reply, request: Request) {
        let words = mailbox::to_words(command);
        for (offset, word) in self.data_offsets().zip(words).take(request.words) {
            self.bar.write64(offset, word);
        }
        let ours = CIM_PF_MAILBOX_CTRL::message_for(MailboxOwner::Firmware);
        ours.write_at(&*self.bar, self.base);
        // Flushes the writes; whose the mailbox is, the next poll asks.
        let _ = CIM_PF_MAILBOX_CTRL::read_at(&*self.bar, self.base);
        self.counters.commands += 1;
        self.state = State::Waiting(request);
    }

    fn reply(&mut self, now: Nanos, request: Request) -> Result<Progress, FwError> {
        self.check_alive(request.opcode)?;
        let control = self.control(request.opcode)?;
        if control.owner() == MailboxOwner::Driver {
            if control.mbmsgvalid() {
                return self.receive(request).map(Progress::Done);
            }
            self.counters.spurious_ownership += 1;
            CIM_PF_MAILBOX_CTRL(0).write_at(&*self.bar, self.base);
        }
        let waited = now - request.submitted;
        if now >= request.deadline {
            return Err(FwError::TimedOut { command: request.opcode, waited });
        }
        Ok(Progress::Pending)
    }

    fn receive(&self, request: Request) -> Result<Reply, FwError> {
        let mut words = [0; mailbox::WORDS];
        let mut expected = request.words;
        for (n, (word, offset)) in words.iter_mut().zip(self.data_offsets()).enumerate() {
            if n >= expected {
                break;
            }
            let [low, high] = [offset, offset + 4].map(|offset| self.bar.read32(offset));
            *word = u64::from(high) << 32 | u64::from(low);
            if n == 0 && Hi(high).opcode() == Opcode::DEBUG {
                // Longer than the reply would have been.
                expected = DebugAssertCmd::SIZE / 8;
            }
        }
        CIM_PF_MAILBOX_CTRL(0).write_at(&*self.bar, self.base);
        let reply = mailbox::from_words(&words);
        let command = request.opcode;
        if let Some(assertion) = DebugAssertCmd::matching(&reply) {
            return Err(FwError::Assertion {
                command,
                filename: assertion.filename(),
                line: assertion.line(),
                x: assertion.x(),
                y: assertion.y(),
            });
        }
        let header = Header::parse(&reply).copied().unwrap_or_default();
        if header.hi().opcode() != command {
            return Err(FwError::Garbled { command, reply: header.hi().opcode() });
        }
        match header.retval().ok() {
            Ok(()) => Ok(reply),
            Err(retval) => Err(FwError::Refused { command, retval }),
        }
    }

    fn check_alive(&self, command: Opcode) -> Result<(), FwError> {
        let state = PCIE_FW::read(&*self.bar);
        if state.0 == GONE {
            return Err(FwError::Gone { command });
        }
        if state.err() {
            return Err(FwError::Stopped { command, state });
        }
        Ok(())
    }

    fn control(&self, command: Opcode) -> Result<CIM_PF_MAILBOX_CTRL, FwError> {
        let control = CIM_PF_MAILBOX_CTRL::read_at(&*self.bar, self.base);
        if control.0 == GONE { Err(FwError::Gone { command }) } else { Ok(control) }
    }

    /// Offsets of the mailbox's 64-bit words.
    fn data_offsets(&self) -> impl Iterator<Item = u32> + use<> {
        let first = self.base + CIM_PF_MAILBOX_DATA::OFFSET;
        (0..mailbox::WORDS as u32).map(move |n| first + 8 * n)
    }
}

#[cfg(test)]
mod tests;
