//! The firmware mailbox of the function: 64 bytes and whose turn it is.

use mafo_t4::regs::pf::{CIM_PF_MAILBOX_CTRL, MAILBOX_SIZE, MailboxOwner};

/// A command or a reply.
pub(crate) type Mail = [u8; MAILBOX_SIZE];

/// The mailbox. Register accesses move the ownership; commands are carried out when the card is polled.
#[derive(Debug)]
pub(crate) struct Mailbox {
    owner: MailboxOwner,
    valid: bool,
    /// As registers hold it: the big-endian words of the message in host order.
    data: [u64; MAILBOX_SIZE / 8],
}

impl Default for Mailbox {
    fn default() -> Self {
        Self { owner: MailboxOwner::None, valid: false, data: [0; MAILBOX_SIZE / 8] }
    }
}

/// The host touched the mailbox while it was the firmware's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotYours;

impl Mailbox {
    /// The control word, without the effect of reading it.
    #[must_use]
    pub(crate) fn control(&self) -> CIM_PF_MAILBOX_CTRL {
        CIM_PF_MAILBOX_CTRL(0).with_owner(self.owner).with_mbmsgvalid(self.valid)
    }

    /// The host reads the control word: if nobody owns the mailbox this claims it for the driver.
    pub(crate) fn read_control(&mut self) -> CIM_PF_MAILBOX_CTRL {
        if self.owner == MailboxOwner::None {
            self.owner = MailboxOwner::Driver;
        }
        self.control()
    }

    /// The host writes the control word: it hands over a command, or lets go of the mailbox.
    pub(crate) fn write_control(&mut self, word: CIM_PF_MAILBOX_CTRL) -> Result<(), NotYours> {
        if self.owner == MailboxOwner::Firmware {
            return Err(NotYours);
        }
        match word.owner() {
            MailboxOwner::Firmware => {
                self.owner = MailboxOwner::Firmware;
                self.valid = word.mbmsgvalid();
            }
            MailboxOwner::None => {
                self.owner = MailboxOwner::None;
                self.valid = false;
            }
            MailboxOwner::Driver | MailboxOwner::Reserved => {
                self.owner = MailboxOwner::Driver;
                self.valid = word.mbmsgvalid();
            }
        }
        Ok(())
    }

    /// Whether the firmware has something to do.
    #[must_use]
    pub(crate) fn is_firmwares(&self) -> bool {
        self.owner == MailboxOwner::Firmware
    }

    /// The 32-bit half `index` (0 to 15) of the data.
    #[must_use]
    pub(crate) fn data32(&self, index: usize) -> u32 {
        let word = self.data[index / 2 % self.data.len()];
        if index.is_multiple_of(2) { word as u32 } else { (word >> 32) as u32 }
    }

    /// The host writes the 32-bit half `index` (0 to 15) of the data.
    pub(crate) fn set_data32(&mut self, index: usize, value: u32) -> Result<(), NotYours> {
        if self.owner == MailboxOwner::Firmware {
            return Err(NotYours);
        }
        let count = self.data.len();
        let word = &mut self.data[index / 2 % count];
        *word = if index.is_multiple_of(2) {
            (*word & !0xffff_ffff) | u64::from(value)
        } else {
            (*word & 0xffff_ffff) | u64::from(value) << 32
        };
        Ok(())
    }

    /// The firmware looks: the command, or `None` if the mailbox was handed over without one; the
    /// firmware then gives it back.
    pub(crate) fn command(&mut self) -> Option<Mail> {
        if !self.valid {
            self.owner = MailboxOwner::None;
            return None;
        }
        let mut mail = [0; MAILBOX_SIZE];
        for (bytes, word) in mail.as_chunks_mut::<8>().0.iter_mut().zip(self.data) {
            *bytes = word.to_be_bytes();
        }
        Some(mail)
    }

    /// The firmware replies.
    pub(crate) fn reply(&mut self, mail: &Mail) {
        for (word, bytes) in self.data.iter_mut().zip(mail.as_chunks::<8>().0) {
            *word = u64::from_be_bytes(*bytes);
        }
        self.owner = MailboxOwner::Driver;
        self.valid = true;
    }
}
