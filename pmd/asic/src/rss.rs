//! Receive side scaling: Toeplitz hash and indirection table.

use core::net::IpAddr;
use std::sync::{Arc, LazyLock};

use mafo_t4::IqId;

/// Entries of the indirection table; each VI owns a slice.
pub const RSS_ENTRIES: usize = 2048;
/// Bytes of the secret key.
pub const RSS_KEY_LEN: usize = 40;
/// The key at reset. Two bytes repeated make the hash symmetric: both directions of a connection get
/// the same one, on every card.
pub const SYMMETRIC_KEY: [u8; RSS_KEY_LEN] = {
    let mut key = [0x6d; RSS_KEY_LEN];
    let mut at = 1;
    while at < RSS_KEY_LEN {
        key[at] = 0x5a;
        at += 2;
    }
    key
};
/// Bytes of the longest input: two IPv6 addresses, two ports.
const MAX_INPUT: usize = 36;

/// The Toeplitz hash of one key, by table: what each value of each input byte contributes.
#[derive(Debug)]
pub struct Toeplitz {
    tables: Vec<[u32; 256]>,
}

impl Toeplitz {
    /// Tables of `key`.
    #[must_use]
    pub fn new(key: &[u8; RSS_KEY_LEN]) -> Self {
        // The 32 key bits that begin at bit `at`.
        let window = |at: usize| -> u32 {
            (0..32).fold(0, |bits, i| {
                let bit = at + i;
                (bits << 1) | u32::from((key[bit / 8] >> (7 - bit % 8)) & 1)
            })
        };
        let table = |byte: usize| -> [u32; 256] {
            let bits: [u32; 8] = core::array::from_fn(|bit| window(byte * 8 + bit));
            let mut table = [0; 256];
            for value in 1..256_usize {
                // Without its lowest bit it is a smaller value, whose hash is there already.
                let lowest = value.trailing_zeros() as usize;
                table[value] = table[value & (value - 1)] ^ bits[7 - lowest];
            }
            table
        };
        Self { tables: (0..MAX_INPUT).map(table).collect() }
    }

    /// Hash of `input`, at most 36 bytes.
    #[must_use]
    pub fn hash(&self, input: &[u8]) -> u32 {
        debug_assert!(input.len() <= MAX_INPUT);
        self.tables
            .iter()
            .zip(input)
            .fold(0, |hash, (table, byte)| hash ^ table[usize::from(*byte)])
    }
}

/// Which fields a VI hashes (FW_RSS_VI_CONFIG).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RssFields {
    /// IPv4: addresses and ports of TCP.
    pub ip4_four_tuple: bool,
    /// IPv4: addresses.
    pub ip4_two_tuple: bool,
    /// IPv6: addresses and ports of TCP.
    pub ip6_four_tuple: bool,
    /// IPv6: addresses.
    pub ip6_two_tuple: bool,
    /// Four-tuples of UDP as well.
    pub udp: bool,
}

/// The fields of an IP packet that can be hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashInput {
    /// Source address.
    pub src: IpAddr,
    /// Destination address, of the same family.
    pub dst: IpAddr,
    /// Source and destination port of TCP or UDP.
    pub ports: Option<(u16, u16)>,
    /// Whether the ports are TCP's.
    pub is_tcp: bool,
}

/// What the hash was computed over; its number stands in the RSS header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashType {
    /// Nothing was hashed.
    None = 0,
    /// Addresses.
    TwoTuple = 1,
    /// Addresses and ports.
    FourTuple = 2,
}

/// Hash unit and indirection table.
#[derive(Debug)]
pub struct Rss {
    key: [u8; RSS_KEY_LEN],
    toeplitz: Arc<Toeplitz>,
    table: Vec<Option<IqId>>,
}

/// Of the key at reset, for all cards: most never get another one.
static AT_RESET: LazyLock<Arc<Toeplitz>> =
    LazyLock::new(|| Arc::new(Toeplitz::new(&SYMMETRIC_KEY)));

impl Default for Rss {
    fn default() -> Self {
        Self { key: SYMMETRIC_KEY, toeplitz: Arc::clone(&AT_RESET), table: vec![None; RSS_ENTRIES] }
    }
}

impl Rss {
    /// Replaces the key.
    pub fn set_key(&mut self, key: &[u8; RSS_KEY_LEN]) {
        if self.key != *key {
            self.key = *key;
            self.toeplitz = Arc::new(Toeplitz::new(key));
        }
    }

    /// Queue of table entry `index`.
    #[must_use]
    pub fn entry(&self, index: usize) -> Option<IqId> {
        self.table.get(index).copied().flatten()
    }

    /// Writes table entry `index`; `false` if it does not exist.
    pub fn set_entry(&mut self, index: usize, iq: Option<IqId>) -> bool {
        match self.table.get_mut(index) {
            Some(entry) => {
                *entry = iq;
                true
            }
            None => false,
        }
    }

    /// Hash of a received packet by the fields that its VI asks for.
    #[must_use]
    pub fn hash(&self, fields: RssFields, packet: &HashInput) -> (HashType, u32) {
        let (four_tuple, two_tuple) = match packet.src {
            IpAddr::V4(_) => (fields.ip4_four_tuple, fields.ip4_two_tuple),
            IpAddr::V6(_) => (fields.ip6_four_tuple, fields.ip6_two_tuple),
        };
        let ports = packet.ports.filter(|_| four_tuple && (packet.is_tcp || fields.udp));
        let kind = match ports {
            Some(_) => HashType::FourTuple,
            None if two_tuple => HashType::TwoTuple,
            None => return (HashType::None, 0),
        };
        let mut input = [0; MAX_INPUT];
        let mut len = 0;
        let mut append = |bytes: &[u8]| {
            input[len..len + bytes.len()].copy_from_slice(bytes);
            len += bytes.len();
        };
        for address in [packet.src, packet.dst] {
            match address {
                IpAddr::V4(v4) => append(&v4.octets()),
                IpAddr::V6(v6) => append(&v6.octets()),
            }
        }
        if let Some((sport, dport)) = ports {
            append(&sport.to_be_bytes());
            append(&dport.to_be_bytes());
        }
        (kind, self.toeplitz.hash(&input[..len]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example key and vectors of Microsoft's RSS specification ("Verifying the RSS hash
    /// calculation").
    const SPEC_KEY: [u8; RSS_KEY_LEN] = [
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
    fn the_key_at_reset_is_symmetric() {
        let toeplitz = Toeplitz::new(&SYMMETRIC_KEY);
        let there = [10, 77, 0, 1, 10, 77, 0, 2, 0x9c, 0x40, 0x00, 0x07];
        let back = [10, 77, 0, 2, 10, 77, 0, 1, 0x00, 0x07, 0x9c, 0x40];
        assert_eq!(toeplitz.hash(&there), toeplitz.hash(&back));
        let other = [10, 77, 0, 1, 10, 77, 0, 2, 0x9c, 0x41, 0x00, 0x07];
        assert_ne!(toeplitz.hash(&there), toeplitz.hash(&other));
    }
}
