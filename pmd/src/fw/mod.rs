//! Talking with the firmware: one command at a time through the mailbox of our PCI function.

mod mailbox;

pub use mailbox::{FwError, MailboxCounters};

pub(crate) use mailbox::{GONE, Mailbox, Progress, Reply};
