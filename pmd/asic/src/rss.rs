//! Receive side scaling: Toeplitz hash and indirection table.

use core::net::IpAddr;
use std::sync::{Arc, LazyLock};

use mafo_mem::rss::{INPUT_MAX, KEY_LEN, SYMMETRIC_KEY, Toeplitz};
use mafo_t4::IqId;

/// Entries of the indirection table; each VI owns a slice.
pub const RSS_ENTRIES: usize = 2048;

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
    key: [u8; KEY_LEN],
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
    pub fn set_key(&mut self, key: &[u8; KEY_LEN]) {
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
    #[inline]
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
        if let (IpAddr::V4(src), IpAddr::V4(dst)) = (packet.src, packet.dst) {
            let mut input = [0; 12];
            input[..4].copy_from_slice(&src.octets());
            input[4..8].copy_from_slice(&dst.octets());
            let Some((sport, dport)) = ports else {
                return (kind, self.toeplitz.hash(&input[..8]));
            };
            input[8..10].copy_from_slice(&sport.to_be_bytes());
            input[10..].copy_from_slice(&dport.to_be_bytes());
            return (kind, self.toeplitz.hash(&input));
        }
        let mut input = [0; INPUT_MAX];
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
