//! How a command lies in the mailbox registers.
//!
//! The registers hold eight 64-bit words. Word `i` is bytes `8 i` to `8 i + 7` of the command read as a
//! big-endian number; its low half is the register at the lower offset.

use crate::regs::pf::MAILBOX_SIZE;

/// 64-bit words of the mailbox.
pub const WORDS: usize = MAILBOX_SIZE / 8;

/// The words of a command of at most 64 bytes; what it does not fill is zero. Bytes beyond are a bug.
#[must_use]
pub fn to_words(command: &[u8]) -> [u64; WORDS] {
    debug_assert!(command.len() <= MAILBOX_SIZE);
    let mut padded = [0; MAILBOX_SIZE];
    for (byte, value) in padded.iter_mut().zip(command) {
        *byte = *value;
    }
    let (words, _) = padded.as_chunks::<8>();
    core::array::from_fn(|i| u64::from_be_bytes(words[i]))
}

/// The bytes of the mailbox's words.
#[must_use]
pub fn from_words(words: &[u64; WORDS]) -> [u8; MAILBOX_SIZE] {
    let mut bytes = [0; MAILBOX_SIZE];
    let (chunks, _) = bytes.as_chunks_mut::<8>();
    for (chunk, word) in chunks.iter_mut().zip(words) {
        *chunk = word.to_be_bytes();
    }
    bytes
}
