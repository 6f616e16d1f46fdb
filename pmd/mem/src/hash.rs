//! The keyed hash of tables that every frame is looked up in.

use core::hash::{BuildHasher, Hasher};
use std::hash::DefaultHasher;

/// Two secret numbers. Each word is mixed into the first and multiplied by the second, and the upper half of the product
/// folded onto the lower one, as wyhash does: a lookup for each segment is too often for SipHash, which costs five times
/// that. Who does not know the secret cannot choose addresses and ports that collide. No hash is ever shown to anybody.
/// Equal secrets make equal hashes, in every run.
#[derive(Clone, Debug)]
pub struct KeyedHasher {
    start: u64,
    factor: u64,
}

impl KeyedHasher {
    /// Keyed by `secret`, and by `table`, or collisions seen by their time in one table would be some in all others.
    #[must_use]
    pub fn new(secret: &[u8], table: u8) -> Self {
        let key = |of: u8| {
            let mut keyed = DefaultHasher::new();
            keyed.write(secret);
            keyed.write(&[table, of]);
            keyed.finish()
        };
        // An even factor would lose the highest bit.
        Self { start: key(0), factor: key(1) | 1 }
    }
}

impl BuildHasher for KeyedHasher {
    type Hasher = KeyedHash;

    #[inline]
    fn build_hasher(&self) -> KeyedHash {
        KeyedHash { state: self.start, factor: self.factor }
    }
}

/// A hash under way.
#[derive(Clone, Debug)]
pub struct KeyedHash {
    state: u64,
    factor: u64,
}

impl Hasher for KeyedHash {
    #[inline]
    fn write_u64(&mut self, word: u64) {
        let product = u128::from(self.state ^ word) * u128::from(self.factor);
        self.state = product as u64 ^ (product >> 64) as u64;
    }

    #[inline]
    fn write_u128(&mut self, words: u128) {
        self.write_u64(words as u64);
        self.write_u64((words >> 64) as u64);
    }

    fn write(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..piece.len()].copy_from_slice(piece);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.state
    }
}
