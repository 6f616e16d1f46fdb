//! The payload of every connection: a pseudo-random stream that both ends can produce at any offset.
//!
//! A receiver checks what it got without having seen what was sent, and without keeping any of it.
//! Each connection and direction has a stream of its own, so a byte that arrives on the wrong
//! connection, in the wrong direction or at the wrong offset does not look right.

/// Which way a stream goes: from the peer to us, or from us to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The peer sends, we receive.
    FromPeer,
    /// We send, the peer receives.
    ToPeer,
}

/// One stream of bytes, reproducible at every offset.
///
/// It is SplitMix64 read as a counter: word `i` is `mix(key + i * GAMMA)`, so no word depends on the
/// one before it and seeking costs nothing. Words are little-endian on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    key: u64,
}

/// The odd constant of SplitMix64, 2^64 divided by the golden ratio.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// Bytes in a word of the stream.
const WORD: usize = size_of::<u64>();

/// The finaliser of SplitMix64: a bijection whose every output bit depends on every input bit.
const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Stream {
    /// The stream of connection `connection` in `direction`, in a run with this `seed`.
    #[must_use]
    pub const fn new(seed: u64, connection: u32, direction: Direction) -> Self {
        let lane = (connection as u64) << 1
            | match direction {
                Direction::FromPeer => 0,
                Direction::ToPeer => 1,
            };
        Self { key: mix(mix(seed.wrapping_add(GAMMA)) ^ lane.wrapping_mul(GAMMA)) }
    }

    /// The eight bytes at offset `8 * index`.
    const fn word(&self, index: u64) -> [u8; WORD] {
        mix(self.key.wrapping_add(index.wrapping_mul(GAMMA))).to_le_bytes()
    }

    /// Writes the bytes of the stream from `offset` on.
    pub fn fill(&self, offset: u64, out: &mut [u8]) {
        let (mut index, skip) = split(offset);
        let (head, rest) = out.split_at_mut(head_len(skip, out.len()));
        if !head.is_empty() {
            head.copy_from_slice(&self.word(index)[skip..][..head.len()]);
            index = index.wrapping_add(1);
        }
        let mut words = rest.chunks_exact_mut(WORD);
        for word in &mut words {
            word.copy_from_slice(&self.word(index));
            index = index.wrapping_add(1);
        }
        let tail = words.into_remainder();
        tail.copy_from_slice(&self.word(index)[..tail.len()]);
    }

    /// How many bytes of `data`, which claims to be the stream from `offset` on, are not its bytes.
    #[must_use]
    pub fn mismatches(&self, offset: u64, data: &[u8]) -> u64 {
        let (mut index, skip) = split(offset);
        let (head, rest) = data.split_at(head_len(skip, data.len()));
        let mut wrong = 0;
        if !head.is_empty() {
            wrong += unequal(&self.word(index)[skip..], head);
            index = index.wrapping_add(1);
        }
        let mut words = rest.chunks_exact(WORD);
        for word in &mut words {
            let expected = self.word(index);
            if word != expected {
                wrong += unequal(&expected, word);
            }
            index = index.wrapping_add(1);
        }
        wrong + unequal(&self.word(index), words.remainder())
    }
}

/// The word that holds `offset`, and where in it.
const fn split(offset: u64) -> (u64, usize) {
    (offset / WORD as u64, (offset % WORD as u64) as usize)
}

/// Bytes up to the next word boundary, `skip` bytes into a word, of a buffer of `len` bytes.
fn head_len(skip: usize, len: usize) -> usize {
    if skip == 0 { 0 } else { len.min(WORD - skip) }
}

/// Bytes of `data` that differ from the beginning of `expected`.
fn unequal(expected: &[u8], data: &[u8]) -> u64 {
    expected.iter().zip(data).map(|(a, b)| u64::from(a != b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sequential(stream: Stream, len: usize) -> Vec<u8> {
        let mut all = vec![0; len];
        stream.fill(0, &mut all);
        all
    }

    proptest! {
        #[test]
        fn a_seek_gives_what_reading_in_sequence_gives(
            seed: u64, connection: u32, offset in 0_usize..2048, len in 0_usize..2048,
        ) {
            let stream = Stream::new(seed, connection, Direction::ToPeer);
            let all = sequential(stream, offset + len);
            let mut part = vec![0; len];
            stream.fill(offset as u64, &mut part);
            prop_assert_eq!(&part, &all[offset..]);
            prop_assert_eq!(stream.mismatches(offset as u64, &part), 0);
        }

        #[test]
        fn every_changed_byte_is_counted(
            offset in 0_u64..64, len in 1_usize..256, changes in prop::collection::vec((any::<prop::sample::Index>(), 1_u8..), 0..32),
        ) {
            let stream = Stream::new(1, 2, Direction::FromPeer);
            let mut data = vec![0; len];
            stream.fill(offset, &mut data);
            let right = data.clone();
            for (at, delta) in &changes {
                let at = at.index(len);
                data[at] = right[at].wrapping_add(*delta);
            }
            let wrong = data.iter().zip(&right).filter(|(a, b)| a != b).count();
            prop_assert_eq!(stream.mismatches(offset, &data), wrong as u64);
        }
    }

    #[test]
    fn no_two_streams_agree_anywhere_near() {
        // 4 streams that an off-by-one in seed, connection or direction would confuse, at shifts up
        // to 64 bytes: a random match of 16 bytes is out of the question.
        let streams = [
            Stream::new(7, 0, Direction::FromPeer),
            Stream::new(7, 0, Direction::ToPeer),
            Stream::new(7, 1, Direction::FromPeer),
            Stream::new(8, 0, Direction::FromPeer),
        ]
        .map(|stream| sequential(stream, 4096));
        for (i, a) in streams.iter().enumerate() {
            for (j, b) in streams.iter().enumerate() {
                for shift in 0..64 {
                    if i == j && shift == 0 {
                        continue;
                    }
                    let same =
                        a[shift..].iter().zip(b).filter(|(left, right)| left == right).count();
                    // One byte in 256 agrees by chance: 16 of 4096, and never four times that.
                    assert!(same < 64, "streams {i} and {j} agree in {same} bytes at {shift}");
                }
            }
        }
    }

    #[test]
    fn the_last_offset_does_not_overflow() {
        let stream = Stream::new(0, u32::MAX, Direction::ToPeer);
        let mut out = [0; 24];
        stream.fill(u64::MAX - 3, &mut out);
        assert_eq!(stream.mismatches(u64::MAX - 3, &out), 0);
    }
}
