//! The firmware's half of a mailbox, as a list of register accesses.
//!
//! Offsets are written out: PF 4's block is at 0x1f000, its mailbox data at + 0x240, control at + 0x280.

use super::bar::Access;

/// PCIE_FW.
pub(crate) const STATE: u32 = 0x30b8;
pub(crate) const DATA: u32 = 0x1f240;
pub(crate) const CTRL: u32 = 0x1f280;
/// PCIE_FW of a firmware that runs.
pub(crate) const RUNNING: u32 = 0;
/// Control: nobody's, the firmware's, the driver's; a message is valid.
pub(crate) const NOBODY: u32 = 0;
pub(crate) const FIRMWARE: u32 = 1;
pub(crate) const DRIVER: u32 = 2;
pub(crate) const VALID: u32 = 8;

pub(crate) fn read(offset: u32, value: u32) -> Access {
    Access::Read { offset, value }
}

pub(crate) fn write(offset: u32, value: u32) -> Access {
    Access::Write { offset, value }
}

/// A driver's poll that finds the mailbox free and writes `command` into it.
pub(crate) fn send(command: &[u8]) -> Vec<Access> {
    let mut script = vec![read(STATE, RUNNING), read(CTRL, DRIVER)];
    for (offset, word) in (DATA..).step_by(8).zip(command.chunks(8)) {
        let value = u64::from_be_bytes(word.try_into().expect("whole words"));
        script.push(Access::Write64 { offset, value });
    }
    script.extend([write(CTRL, VALID | FIRMWARE), read(CTRL, VALID | FIRMWARE)]);
    script
}

/// A poll that finds no reply yet.
pub(crate) fn nothing_yet() -> Vec<Access> {
    vec![read(STATE, RUNNING), read(CTRL, VALID | FIRMWARE)]
}

/// A poll that finds `reply`.
pub(crate) fn receive(reply: &[u8]) -> Vec<Access> {
    let mut script = vec![read(STATE, RUNNING), read(CTRL, VALID | DRIVER)];
    for (offset, word) in (DATA..).step_by(8).zip(reply.chunks(8)) {
        let [high, low] = [&word[..4], &word[4..]]
            .map(|half| u32::from_be_bytes(half.try_into().expect("whole words")));
        script.extend([read(offset, low), read(offset + 4, high)]);
    }
    script.push(write(CTRL, 0));
    script
}

/// `command` as the firmware answers it: with a result.
pub(crate) fn answered(command: &[u8], retval: u8) -> Vec<u8> {
    let mut reply = command.to_vec();
    reply[6] = retval;
    reply
}
