//! Initial sequence numbers and timestamp offsets that an off-path attacker cannot guess.

use core::net::SocketAddr;

use mafo_mem::Nanos;

use crate::SeqNum;

/// A secret of one host. Whoever knows it can guess sequence numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret(pub [u8; 16]);

impl core::fmt::Debug for Secret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// An initial sequence number: a clock of 4 µs plus a keyed hash of the connection's addresses.
///
//= rfc6528#3 RFC6528-3-1 RFC6528-3-2
//= rfc9293#3.4.1 MUST-8 SHLD-1 MUST-9
#[must_use]
pub fn generate(secret: &Secret, local: SocketAddr, remote: SocketAddr, now: Nanos) -> SeqNum {
    let clock = (now.0 / 4_000) as u32;
    SeqNum(clock) + hash(secret, Purpose::SequenceNumber, local, remote)
}

/// An offset for TSval, one a pair of addresses and ports, so that a new connection of the same pair
/// continues the clock of the last (RFC 7323 5.4, RFC 6191).
//= rfc6191#3 RFC6191-3-1
#[must_use]
pub fn ts_offset(secret: &Secret, local: SocketAddr, remote: SocketAddr) -> u32 {
    hash(secret, Purpose::TimestampOffset, local, remote)
}

/// Keeps the uses of one secret apart.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    SequenceNumber = 1,
    TimestampOffset = 2,
    CookieBase = 3,
    CookieData = 4,
}

pub(crate) fn hash(
    secret: &Secret,
    purpose: Purpose,
    local: SocketAddr,
    remote: SocketAddr,
) -> u32 {
    hash_at(secret, purpose, local, remote, 0)
}

/// A hash that is another one for each `salt`.
pub(crate) fn hash_at(
    secret: &Secret,
    purpose: Purpose,
    local: SocketAddr,
    remote: SocketAddr,
    salt: u64,
) -> u32 {
    let mut input = [0_u8; 45];
    input[0] = purpose as u8;
    input[37..].copy_from_slice(&salt.to_be_bytes());
    for (part, addr) in input[1..37].chunks_exact_mut(18).zip([local, remote]) {
        let ip = match addr.ip() {
            core::net::IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            core::net::IpAddr::V6(ip) => ip,
        };
        part[..16].copy_from_slice(&ip.octets());
        part[16..].copy_from_slice(&addr.port().to_be_bytes());
    }
    siphash24(&secret.0, &input) as u32
}

/// SipHash-2-4 of `input` under `key` (Aumasson and Bernstein, 2012).
//= rfc6528#3 RFC6528-3-3
fn siphash24(key: &[u8; 16], input: &[u8]) -> u64 {
    let (k, _) = key.as_chunks::<8>();
    let (k0, k1) = (u64::from_le_bytes(k[0]), u64::from_le_bytes(k[1]));
    let mut v = [
        k0 ^ 0x736f_6d65_7073_6575,
        k1 ^ 0x646f_7261_6e64_6f6d,
        k0 ^ 0x6c79_6765_6e65_7261,
        k1 ^ 0x7465_6462_7974_6573,
    ];
    let (words, tail) = input.as_chunks::<8>();
    let mut last = [0; 8];
    last[..tail.len()].copy_from_slice(tail);
    last[7] = input.len() as u8;
    for word in words.iter().chain([&last]) {
        let word = u64::from_le_bytes(*word);
        v[3] ^= word;
        sip_round(&mut v);
        sip_round(&mut v);
        v[0] ^= word;
    }
    v[2] ^= 0xff;
    for _ in 0..4 {
        sip_round(&mut v);
    }
    v[0] ^ v[1] ^ v[2] ^ v[3]
}

fn sip_round(v: &mut [u64; 4]) {
    v[0] = v[0].wrapping_add(v[1]);
    v[2] = v[2].wrapping_add(v[3]);
    v[1] = v[1].rotate_left(13) ^ v[0];
    v[3] = v[3].rotate_left(16) ^ v[2];
    v[0] = v[0].rotate_left(32);
    v[2] = v[2].wrapping_add(v[1]);
    v[0] = v[0].wrapping_add(v[3]);
    v[1] = v[1].rotate_left(17) ^ v[2];
    v[3] = v[3].rotate_left(21) ^ v[0];
    v[2] = v[2].rotate_left(32);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors of the reference implementation: key 00 01 … 0f, input 00 01 … n−1.
    //= rfc9293#3.4.1 MUST-9
    //= rfc6528#3 RFC6528-3-2 RFC6528-3-3
    #[test]
    fn siphash_agrees_with_its_authors() {
        let key: [u8; 16] = core::array::from_fn(|i| i as u8);
        let input: [u8; 63] = core::array::from_fn(|i| i as u8);
        for (len, hash) in [
            (0, 0x726f_db47_dd0e_0e31),
            (1, 0x74f8_39c5_93dc_67fd),
            (7, 0xab02_00f5_8b01_d137),
            (8, 0x93f5_f579_9a93_2462),
            (15, 0xa129_ca61_49be_45e5),
            (63, 0x958a_324c_eb06_4572),
        ] {
            assert_eq!(siphash24(&key, &input[..len]), hash, "{len} bytes");
        }
    }

    //= rfc9293#3.4.1 MUST-8
    //= rfc6528#3 RFC6528-3-1
    #[test]
    fn the_clock_moves_by_one_every_four_microseconds() {
        let addrs =
            || ("10.0.0.1:5000".parse().expect("v4"), "[2001:db8::1]:80".parse().expect("v6"));
        let (local, remote) = addrs();
        let at = |now| generate(&Secret([7; 16]), local, remote, now);
        let start = at(Nanos::ZERO);
        assert_eq!(at(Nanos(3_999)), start);
        assert_eq!(at(Nanos(4_000)), start + 1);
        assert_eq!(at(Nanos::from_secs(4)).since(start), 1_000_000);
    }

    //= rfc9293#3.4.1 SHLD-1 MUST-9
    //= rfc6528#3 RFC6528-3-1 RFC6528-3-2
    #[test]
    fn every_part_of_the_pair_the_secret_and_the_use_matter() {
        let local: SocketAddr = "10.0.0.1:5000".parse().expect("address");
        let remote: SocketAddr = "10.0.0.2:80".parse().expect("address");
        let isn = |secret: u8, l, r| generate(&Secret([secret; 16]), l, r, Nanos::ZERO).0;
        let mut seen = vec![
            isn(1, local, remote),
            isn(2, local, remote),
            isn(1, remote, local),
            isn(1, "10.0.0.1:5001".parse().expect("address"), remote),
            isn(1, local, "10.0.0.2:81".parse().expect("address")),
            isn(1, local, "10.0.0.3:80".parse().expect("address")),
            isn(1, "10.0.0.4:5000".parse().expect("address"), remote),
            ts_offset(&Secret([1; 16]), local, remote),
        ];
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 8);
    }
}
