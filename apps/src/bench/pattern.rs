//! What is written on a connection, and how its reader knows that it is the same.
//!
//! Every byte is compared, and costs as little as comparing can: who measures a stack wants to measure little else. So what is
//! written is copied from a table, and what is read is compared with the table.

/// Bytes after which a stream repeats. It is prime, so that pieces that are lost, come twice or change places are seen unless they
/// are as many bytes as a multiple of it, and the table leaves room in the first cache for others.
const PERIOD: usize = 16_381;

/// Bytes that are copied or compared at a time: the C library copies more by another instruction, which takes long to begin.
const PIECE: usize = 2048;

/// Random bytes: SplitMix64's.
static PATTERN: [u8; PERIOD] = {
    let mut bytes = [0; PERIOD];
    let (mut state, mut at) = (0_u64, 0);
    while at < PERIOD {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes[at] = (word ^ (word >> 31)) as u8;
        at += 1;
    }
    bytes
};

/// How far a stream has been written, or read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Where in the table its next byte is.
    at: usize,
    bytes: u64,
}

impl Place {
    /// Where stream number `stream` begins: any two of the first 16,381 (two a connection) elsewhere.
    pub(super) fn first_of(stream: usize) -> Self {
        // By the golden ratio of the period: streams whose numbers are near each other are far apart.
        Self { at: stream.wrapping_mul(10_124) % PERIOD, bytes: 0 }
    }

    /// Bytes of the stream before it.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Writes the stream's next bytes over all of `out`.
    #[inline]
    pub(super) fn write(&mut self, mut out: &mut [u8]) {
        while !out.is_empty() {
            let (now, rest) = out.split_at_mut(self.piece(out.len()));
            now.copy_from_slice(self.pass(now.len()));
            out = rest;
        }
    }

    /// Whether `data` is the stream's next bytes.
    #[inline]
    pub(super) fn read(&mut self, mut data: &[u8]) -> bool {
        let mut same = true;
        while !data.is_empty() {
            let (now, rest) = data.split_at(self.piece(data.len()));
            same &= now == self.pass(now.len());
            data = rest;
        }
        same
    }

    /// How many of `len` bytes to deal with first.
    #[inline]
    fn piece(&self, len: usize) -> usize {
        len.min(PERIOD - self.at).min(PIECE)
    }

    /// The next `len` bytes, which do not go round the table's end.
    #[inline]
    fn pass(&mut self, len: usize) -> &'static [u8] {
        let bytes = &PATTERN[self.at..self.at + len];
        self.at += len;
        if self.at == PERIOD {
            self.at = 0;
        }
        self.bytes += len as u64;
        bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The first `len` bytes of a stream.
    fn written(stream: usize, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        Place::first_of(stream).write(&mut bytes);
        bytes
    }

    proptest! {
        #[test]
        fn the_pieces_do_not_matter_and_every_byte_does(
            stream in 0_usize..100_000,
            len in 1_usize..40_000,
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
            at: prop::sample::Index,
            change in 1_u8..,
        ) {
            let mut data = written(stream, len);
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(len)).collect();
            cuts.sort_unstable();
            cuts.push(len);
            let read = |data: &[u8]| {
                let (mut place, mut from) = (Place::first_of(stream), 0);
                let mut same = true;
                for &cut in &cuts {
                    same &= place.read(&data[from..cut]);
                    from = cut;
                }
                assert_eq!(place.bytes(), len as u64);
                same
            };
            prop_assert!(read(&data));
            data[at.index(len)] ^= change;
            prop_assert!(!read(&data));
        }
    }

    /// Of segments of every length: the next one, again, and the one after.
    #[test]
    fn what_comes_twice_never_or_too_early_is_seen() {
        let stream = written(7, 3 * PERIOD);
        for len in 16..PERIOD {
            let mut place = Place::first_of(7);
            assert!(place.read(&stream[..len]));
            let (mut twice, mut never) = (place, place);
            assert!(!twice.read(&stream[..len]), "{len} twice");
            assert!(!never.read(&stream[2 * len..][..len]), "{len} left out");
        }
    }

    #[test]
    fn streams_begin_elsewhere() {
        let starts: std::collections::BTreeSet<_> =
            (0..PERIOD).map(|stream| Place::first_of(stream).at).collect();
        assert_eq!(starts.len(), PERIOD);
        assert_ne!(written(0, 64), written(1, 64));
        for apart in 1..=32 {
            let ahead = Place::first_of(apart).at;
            assert!(ahead.min(PERIOD - ahead) >= 300, "{apart} on: {ahead} bytes");
        }
    }
}
