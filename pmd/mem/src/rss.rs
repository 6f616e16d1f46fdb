//! Receive side scaling: to which lcore a frame goes.
//!
//! The Toeplitz hash of a frame's addresses and ports picks an entry of an indirection table, and the entry names a queue.
//! All parts of a program that spread connections by [`SYMMETRIC_KEY`] and [`Indirection`] agree, without a word between
//! them, on the lcore of each.

use core::net::IpAddr;

/// Bytes of a key.
pub const KEY_LEN: usize = 40;
/// Bytes of the longest input: two IPv6 addresses, two ports.
pub const INPUT_MAX: usize = 36;

/// A word of [`SYMMETRIC_KEY`].
pub const SYMMETRIC_KEY_WORD: u32 = 0x6d5a_6d5a;

/// Two bytes, repeated, make the hash symmetric: both directions of a connection get the same one, on every card.
pub const SYMMETRIC_KEY: [u8; KEY_LEN] = {
    let word = SYMMETRIC_KEY_WORD.to_be_bytes();
    let mut key = [0; KEY_LEN];
    let mut at = 0;
    while at < KEY_LEN {
        key[at] = word[at % word.len()];
        at += 1;
    }
    key
};

/// The Toeplitz hash of one key, by table: what each value of each input byte contributes.
#[derive(Debug)]
pub struct Toeplitz {
    tables: Vec<[u32; 256]>,
    /// The key repeats every two bytes.
    repeats: bool,
}

impl Toeplitz {
    /// Tables of `key`.
    #[must_use]
    pub fn new(key: &[u8; KEY_LEN]) -> Self {
        // The 32 key bits that begin at bit `at`.
        let window = |at: usize| -> u32 {
            (0..32).fold(0, |bits, i| {
                let bit = at + i;
                (bits << 1) | u32::from((key[bit / 8] >> (7 - bit % 8)) & 1)
            })
        };
        let table = |byte: usize| table_of(core::array::from_fn(|bit| window(byte * 8 + bit)));
        let repeats = key.windows(3).all(|bytes| bytes[0] == bytes[2]);
        Self { tables: (0..INPUT_MAX).map(table).collect(), repeats }
    }

    /// Hash of `input`, at most 36 bytes.
    #[inline]
    #[must_use]
    pub fn hash(&self, input: &[u8]) -> u32 {
        debug_assert!(input.len() <= INPUT_MAX);
        // The hash is linear: what all even bytes contribute by one table, their exclusive or contributes at once.
        let (words, rest) = input.as_chunks::<4>();
        if self.repeats && rest.is_empty() {
            let [a, b, c, d] =
                words.iter().fold(0, |all, word| all ^ u32::from_ne_bytes(*word)).to_ne_bytes();
            return self.tables[0][usize::from(a ^ c)] ^ self.tables[1][usize::from(b ^ d)];
        }
        self.tables
            .iter()
            .zip(input)
            .fold(0, |hash, (table, byte)| hash ^ table[usize::from(*byte)])
    }
}

/// What the values of a byte contribute whose bits, from the highest, contribute `bits`.
const fn table_of(bits: [u32; 8]) -> [u32; 256] {
    let mut table = [0; 256];
    let mut value = 1;
    while value < table.len() {
        // Without its lowest bit it is a smaller value, whose hash is there already.
        let lowest = value.trailing_zeros() as usize;
        table[value] = table[value & (value - 1)] ^ bits[7 - lowest];
        value += 1;
    }
    table
}

/// Of both bytes of a 16-bit word, with the symmetric key.
static SYMMETRIC: [[u32; 256]; 2] = {
    let mut tables = [[0; 256]; 2];
    let mut byte = 0;
    while byte < tables.len() {
        let mut bits = [0; 8];
        let mut bit = 0;
        while bit < bits.len() {
            bits[bit] = SYMMETRIC_KEY_WORD.rotate_left((byte * 8 + bit) as u32);
            bit += 1;
        }
        tables[byte] = table_of(bits);
        byte += 1;
    }
    tables
};

/// The Toeplitz hash with [`SYMMETRIC_KEY`] of two addresses of one family and two ports, in either order.
///
/// A key that repeats after 16 bits hashes all 16-bit words alike, so their sum without carries is all that it sees. With 9
/// of these 16 bits set the hash of the sum is a bijection: of all ports that one end can have, the other and both
/// addresses given, equally many go to each entry of an [`Indirection`].
#[inline]
#[must_use]
pub fn symmetric_hash(ends: [IpAddr; 2], ports: [u16; 2]) -> u32 {
    let fold = |address: IpAddr| match address {
        IpAddr::V4(v4) => v4.to_bits(),
        IpAddr::V6(v6) => {
            let long = v6.to_bits();
            let half = (long >> 64) as u64 ^ long as u64;
            (half >> 32) as u32 ^ half as u32
        }
    };
    let addresses = fold(ends[0]) ^ fold(ends[1]);
    let word = (addresses >> 16) as u16 ^ addresses as u16 ^ ports[0] ^ ports[1];
    let [high, low] = word.to_be_bytes();
    SYMMETRIC[0][usize::from(high)] ^ SYMMETRIC[1][usize::from(low)]
}

/// Entries of an [`Indirection`]: as many as a T5's interface has at least. Where one has more they are these again and again.
pub const ENTRIES: usize = 64;

/// Which lcore has the connections of which hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Indirection([u8; ENTRIES]);

impl Indirection {
    /// Over `lcores` lcores in turn, which are 1 to 64.
    #[must_use]
    pub fn even(lcores: usize) -> Self {
        assert!((1..=ENTRIES).contains(&lcores), "connections over {lcores} lcores");
        Self(core::array::from_fn(|entry| (entry % lcores) as u8))
    }

    /// The lcore of a hash, by its lowest bits.
    #[inline]
    #[must_use]
    pub fn lcore(&self, hash: u32) -> usize {
        usize::from(self.0[hash as usize % ENTRIES])
    }
}

#[cfg(test)]
mod tests {
    use core::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn a_key_that_repeats_hashes_by_two_tables_what_others_hash_by_all() {
        let short = Toeplitz::new(&SYMMETRIC_KEY);
        assert!(short.repeats);
        let plain = Toeplitz { tables: short.tables.clone(), repeats: false };
        for len in [8, 12, 32, 36] {
            let input: Vec<u8> =
                (0..len).map(|n| (n as u8).wrapping_mul(37).wrapping_add(11)).collect();
            assert_eq!(short.hash(&input), plain.hash(&input), "{len} bytes");
        }
    }

    /// The example key and vectors of Microsoft's RSS specification ("Verifying the RSS hash
    /// calculation").
    const SPEC_KEY: [u8; KEY_LEN] = [
        0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f,
        0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
        0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
    ];

    #[test]
    fn hash_of_the_specification() {
        let toeplitz = Toeplitz::new(&SPEC_KEY);
        // 66.9.149.187:2794 -> 161.142.100.80:1766
        let four = [66, 9, 149, 187, 161, 142, 100, 80, 0x0a, 0xea, 0x06, 0xe6];
        assert_eq!(toeplitz.hash(&four), 0x51cc_c178);
        assert_eq!(toeplitz.hash(&four[..8]), 0x323e_8fc2);
    }

    #[test]
    fn the_symmetric_hash_is_toeplitz_in_both_directions() {
        let toeplitz = Toeplitz::new(&SYMMETRIC_KEY);
        let v4 = |bits: u32| IpAddr::V4(Ipv4Addr::from_bits(bits));
        let v6 = |bits: u128| IpAddr::V6(Ipv6Addr::from_bits(bits));
        let pairs = [
            (v4(0x0a4d_0001), v4(0x0a4d_0002)),
            (v4(0xc0a8_17fe), v4(0x0101_0101)),
            (v6(0xfe80 << 112 | 0x1234_5678_9abc_def0), v6(0x2001_0db8 << 96 | 0x77)),
        ];
        for (n, (one, other)) in pairs.into_iter().enumerate() {
            let ports = [0x9c40 + n as u16, 7];
            let mut input = Vec::new();
            for address in [one, other] {
                match address {
                    IpAddr::V4(v4) => input.extend(v4.octets()),
                    IpAddr::V6(v6) => input.extend(v6.octets()),
                }
            }
            input.extend(ports.map(u16::to_be_bytes).as_flattened());
            let hash = symmetric_hash([one, other], ports);
            assert_eq!(hash, toeplitz.hash(&input), "{one} {other}");
            assert_eq!(hash, symmetric_hash([other, one], [ports[1], ports[0]]));
            assert_ne!(hash, symmetric_hash([one, other], [ports[0], 8]));
        }
    }

    #[test]
    fn each_lcore_has_as_many_ports_as_every_other() {
        let ends = [[10, 77, 0, 1], [10, 77, 0, 2]].map(IpAddr::from);
        for lcores in [1, 2, 4, 64] {
            let indirection = Indirection::even(lcores);
            let mut ports = vec![0; lcores];
            for port in 0..=u16::MAX {
                ports[indirection.lcore(symmetric_hash(ends, [port, 7000]))] += 1;
            }
            assert_eq!(ports, vec![(1 << 16) / lcores; lcores]);
        }
        assert_eq!(Indirection::even(3).lcore(127), 63 % 3);
    }
}
