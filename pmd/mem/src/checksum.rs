//! The Internet checksum (RFC 1071), in pieces and fast.
//!
//! A checksum is the complement of the ones' complement sum of a packet's 16-bit words. That sum
//! does not care about the order of its terms, nor, but for a swap at the end, about the byte order
//! in which the words are read (RFC 1071 section 2): so words are added as the machine reads them,
//! 64 bits at a time, and pieces (pseudo header, header, payload that is copied just now) are summed
//! where they are met and joined later.
//!
//! ```
//! use mafo_mem::checksum::{pseudo_header_v4, sum};
//! # let (src, dst, mut segment) = ([10, 77, 0, 2], [10, 77, 0, 1], vec![0x12; 33]);
//! segment[16..18].fill(0);
//! let whole = pseudo_header_v4(src, dst, 6, segment.len() as u16) + sum(&segment);
//! segment[16..18].copy_from_slice(&whole.checksum().to_be_bytes());
//! assert!((pseudo_header_v4(src, dst, 6, segment.len() as u16) + sum(&segment)).is_valid());
//! ```

use core::ops::{Add, AddAssign};

/// The ones' complement sum of some bytes, not yet folded to 16 bits.
///
/// Arithmetic is modulo 2^64 − 1 on words in native byte order; as 2^16 − 1 divides 2^64 − 1, folding
/// may wait until the end. Zero stands only for bytes that were all zero, as in the 16-bit sum.
#[derive(Clone, Copy, Debug, Default)]
#[must_use]
pub struct Partial(u64);

impl Partial {
    /// The sum of no bytes.
    pub const ZERO: Self = Self(0);

    /// The sum of one 16-bit word, given as its value (not its byte order in memory).
    pub const fn of_u16(word: u16) -> Self {
        Self(word.to_be() as u64)
    }

    /// The sum of one 32-bit word at an even offset, given as its value.
    pub const fn of_u32(word: u32) -> Self {
        Self(word.to_be() as u64)
    }

    /// Joins the sum of bytes that begin at an odd offset of the packet (RFC 1071 section 2 (B): their
    /// words are swapped). For bytes at an even offset this is `+`.
    pub const fn add_at_odd(self, other: Self) -> Self {
        // A rotation by a byte multiplies by 2^8 modulo 2^64 − 1, and so swaps modulo 2^16 − 1.
        Self(add_carry_around(self.0, other.0.rotate_left(8)))
    }

    /// The ones' complement sum as a 16-bit value.
    #[must_use]
    pub const fn fold(self) -> u16 {
        let sum = (self.0 >> 32) + (self.0 & 0xffff_ffff);
        let sum = (sum >> 32) + (sum & 0xffff_ffff);
        let sum = (sum >> 16) + (sum & 0xffff);
        let sum = (sum >> 16) + (sum & 0xffff);
        // Two halves of at most 0xffff each leave at most one carry, which cannot carry again.
        u16::from_be(sum as u16)
    }

    /// What a checksum field holds that was zero, or absent, in the sum: the complement of
    /// [`Partial::fold`]. (UDP sends 0xffff in place of 0; TCP, IPv4 and ICMP do not.)
    #[must_use]
    pub const fn checksum(self) -> u16 {
        !self.fold()
    }

    /// Whether the bytes summed, their checksum field among them, are undamaged: the sum is all ones.
    #[must_use]
    pub const fn is_valid(self) -> bool {
        self.fold() == 0xffff
    }
}

/// Joins two pieces of which the second begins at an even offset.
impl Add for Partial {
    type Output = Self;
    #[inline]
    fn add(self, rhs: Self) -> Self {
        Self(add_carry_around(self.0, rhs.0))
    }
}

impl AddAssign for Partial {
    #[inline]
    fn add_assign(&mut self, rhs: Self) {
        *self = *self + rhs;
    }
}

/// The sum of `bytes`; a last odd byte is the high half of its word, as if a zero followed.
#[inline]
pub fn sum(bytes: &[u8]) -> Partial {
    Partial(if bytes.len() < WIDE { sum_tail(bytes) } else { sum_long(bytes) })
}

/// Apart from [`sum`], so that what sums a header is small where it is inlined.
#[inline(never)]
fn sum_long(bytes: &[u8]) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if has_avx512() {
        // SAFETY: the processor has AVX-512.
        #[expect(unsafe_code, reason = "compiled for a processor that was found at run time")]
        let sum = unsafe { sum_avx512(bytes) };
        return sum;
    } else if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        #[expect(unsafe_code, reason = "compiled for a processor that was found at run time")]
        let sum = unsafe { sum_avx2(bytes) };
        return sum;
    }
    sum_wide(bytes)
}

/// Whether the processor has what `sum_avx512` and `copy_and_sum_avx512` are made of.
#[cfg(target_arch = "x86_64")]
#[inline]
fn has_avx512() -> bool {
    std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512bw")
        && std::arch::is_x86_feature_detected!("avx512vl")
}

/// Copies `src` to `dst` and returns its sum: one pass over memory where two would each miss the cache.
///
/// Panics if the lengths differ.
#[inline]
pub fn copy_and_sum(dst: &mut [u8], src: &[u8]) -> Partial {
    assert_eq!(dst.len(), src.len(), "copy_and_sum of unlike lengths");
    if src.len() < WIDE {
        dst.copy_from_slice(src);
        return Partial(sum_tail(src));
    }
    #[cfg(target_arch = "x86_64")]
    if has_avx512() {
        // SAFETY: the processor has AVX-512.
        #[expect(unsafe_code, reason = "compiled for a processor that was found at run time")]
        let sum = unsafe { copy_and_sum_avx512(dst, src) };
        return Partial(sum);
    } else if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        #[expect(unsafe_code, reason = "compiled for a processor that was found at run time")]
        let sum = unsafe { copy_and_sum_avx2(dst, src) };
        return Partial(sum);
    }
    Partial(copy_and_sum_wide(dst, src))
}

/// Writes `words` to the front of `out`, most significant byte first, and returns their sum. A header that was just written in
/// pieces cannot be read back in larger ones before it has left the processor's store buffer, which takes longer than
/// this.
///
/// Panics if `out` is too short.
#[inline]
pub fn put_words<const N: usize>(out: &mut [u8], words: [u32; N]) -> Partial {
    let (places, _) = out.as_chunks_mut::<4>();
    // So few words of 32 bits leave no carry.
    const { assert!(N < 1 << 16) };
    let mut sum = 0;
    for (place, word) in places[..N].iter_mut().zip(words) {
        *place = word.to_be_bytes();
        sum += u64::from(word.to_be());
    }
    Partial(sum)
}

/// The pseudo header of TCP or UDP over IPv4 (RFC 9293 section 3.1): addresses, protocol number, and
/// `len`, the bytes of transport header and payload.
#[inline]
pub fn pseudo_header_v4(src: [u8; 4], dst: [u8; 4], protocol: u8, len: u16) -> Partial {
    Partial::of_u32(u32::from_be_bytes(src))
        + Partial::of_u32(u32::from_be_bytes(dst))
        + Partial::of_u16(u16::from(protocol))
        + Partial::of_u16(len)
}

/// The pseudo header of an upper layer over IPv6 (RFC 8200 section 8.1): addresses, next header, and
/// `len`, the upper layer's bytes, in 32 bits.
#[inline]
pub fn pseudo_header_v6(src: [u8; 16], dst: [u8; 16], next_header: u8, len: u32) -> Partial {
    sum(&src) + sum(&dst) + Partial::of_u16(u16::from(next_header)) + Partial::of_u32(len)
}

/// The checksum field after one 16-bit word under it changed from `old` to `new` (RFC 1624,
/// equation 3). A damaged packet stays damaged.
#[inline]
#[must_use]
pub const fn update(checksum: u16, old: u16, new: u16) -> u16 {
    let sum = !checksum as u32 + !old as u32 + new as u32;
    let sum = (sum >> 16) + (sum & 0xffff);
    !((sum >> 16) + (sum & 0xffff)) as u16
}

/// Addition modulo 2^64 − 1: what leaves at the top comes in at the bottom.
#[inline]
const fn add_carry_around(a: u64, b: u64) -> u64 {
    let (sum, carry) = a.overflowing_add(b);
    // After an overflow the sum is at most 2^64 − 2, so this does not overflow again.
    sum + carry as u64
}

/// A few bytes: four words at a time, and of what is left two, one, and the last bytes; each size at most once, so
/// that the compiler makes no loop of it.
#[inline]
fn sum_tail(bytes: &[u8]) -> u64 {
    let (fours, mut rest) = bytes.as_chunks::<32>();
    let mut sum = fours.iter().fold(0, |sum, four| add_words(sum, four));
    if let Some((two, after)) = rest.split_first_chunk::<16>() {
        (sum, rest) = (add_words(sum, two), after);
    }
    if let Some((one, after)) = rest.split_first_chunk::<8>() {
        (sum, rest) = (add_words(sum, one), after);
    }
    add_carry_around(sum, last_word(bytes, rest))
}

/// Adds whole words, so that the carry goes from one addition into the next.
#[inline]
fn add_words(mut sum: u64, bytes: &[u8]) -> u64 {
    let mut carry = false;
    for word in bytes.as_chunks::<8>().0 {
        (sum, carry) = sum.carrying_add(u64::from_ne_bytes(*word), carry);
    }
    // No carry came in first, so behind each that leaves the sum is at most 2^64 − 2.
    sum + u64::from(carry)
}

/// Fewer than eight bytes, the last of `bytes`, as a word that zeros follow.
///
/// They are read as numbers of fixed sizes: a copy of so few bytes costs a call, and then the processor waits
/// until eight bytes can be read back that were written one by one.
#[inline]
fn last_word(bytes: &[u8], rest: &[u8]) -> u64 {
    if rest.is_empty() {
        return 0;
    }
    if let Some(word) = bytes.last_chunk::<8>() {
        // Those that came before them leave at the bottom.
        return (u64::from_le_bytes(*word) >> (64 - 8 * rest.len())).to_le();
    }
    // Any even place in the word is as good as another.
    let mut sum = 0;
    let mut rest = rest;
    if let Some((four, after)) = rest.split_first_chunk::<4>() {
        (sum, rest) = (u64::from(u32::from_ne_bytes(*four)), after);
    }
    if let Some((two, after)) = rest.split_first_chunk::<2>() {
        (sum, rest) = (sum + u64::from(u16::from_ne_bytes(*two)), after);
    }
    sum + rest.first().map_or(0, |&byte| u64::from(u16::from_ne_bytes([byte, 0])))
}

/// From here on vectors pay: four of AVX-512's, eight of AVX2's, sixteen of SSE2's.
const WIDE: usize = 256;

/// Two sums over the same words that need no carry, so that the compiler makes vectors of the loop.
///
/// `whole` is the sum of the words modulo 2^64 and `high` that of their upper halves, exactly (for
/// fewer than 2^32 words, 32 GiB); the sum of the lower halves is what remains. That is an addition
/// a vector where summing both halves would need another and a mask.
#[derive(Default)]
struct Halves {
    whole: u64,
    high: u64,
}

impl Halves {
    #[inline(always)]
    fn add(&mut self, word: u64) {
        self.whole = self.whole.wrapping_add(word);
        self.high = self.high.wrapping_add(word >> 32);
    }

    #[inline(always)]
    fn total(&self) -> u64 {
        // Modulo 2^16 − 1, 2^32 is 1: upper halves weigh as much as lower ones.
        add_carry_around(self.whole.wrapping_sub(self.high << 32), self.high)
    }
}

#[inline(always)]
fn sum_wide(bytes: &[u8]) -> u64 {
    let (words, tail) = bytes.as_chunks::<8>();
    let mut halves = Halves::default();
    for word in words {
        halves.add(u64::from_ne_bytes(*word));
    }
    add_carry_around(halves.total(), sum_tail(tail))
}

#[inline(always)]
fn copy_and_sum_wide(dst: &mut [u8], src: &[u8]) -> u64 {
    let (src_words, src_tail) = src.as_chunks::<8>();
    let (dst_words, dst_tail) = dst.as_chunks_mut::<8>();
    let mut halves = Halves::default();
    for (dst, src) in dst_words.iter_mut().zip(src_words) {
        halves.add(u64::from_ne_bytes(*src));
        *dst = *src;
    }
    dst_tail.copy_from_slice(src_tail);
    add_carry_around(halves.total(), sum_tail(src_tail))
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn sum_avx2(bytes: &[u8]) -> u64 {
    sum_wide(bytes)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn copy_and_sum_avx2(dst: &mut [u8], src: &[u8]) -> u64 {
    copy_and_sum_wide(dst, src)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn sum_avx512(bytes: &[u8]) -> u64 {
    sum_wide(bytes)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn copy_and_sum_avx512(dst: &mut [u8], src: &[u8]) -> u64 {
    copy_and_sum_wide(dst, src)
}

#[cfg(test)]
mod tests;
