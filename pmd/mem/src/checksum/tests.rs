//! Everything against a 16-bit sum that is written as RFC 1071 section 4.1 tells it.

use proptest::prelude::*;

use super::*;

/// The reference: one big-endian word at a time, an odd last byte padded with zero, carries folded
/// as they come.
fn naive(bytes: &[u8]) -> u16 {
    let mut sum: u32 = 0;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
        if sum > 0xffff {
            sum -= 0xffff;
        }
    }
    sum as u16
}

/// Bytes that hit all values and many carries, different at each length.
fn pattern(len: usize, seed: u32) -> Vec<u8> {
    let mut x = seed.wrapping_mul(0x9e37_79b9) | 1;
    (0..len)
        .map(|_| {
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
            // High values by half, so that carries are the rule.
            if x & 0x100 == 0 { 0xff } else { x as u8 }
        })
        .collect()
}

/// Longest length tried one by one: several vectors with every tail.
const LONG: usize = if cfg!(miri) { 150 } else { 600 };

#[test]
fn words_are_summed_as_they_are_written() {
    let words = [0x0102_0304, 0xffff_fffe, 0, 0x8000_0001, 0xfffe_0000];
    let mut out = [0xee; 21];
    assert_eq!(put_words(&mut out, words).fold(), sum(&out[..20]).fold());
    assert_eq!(out[..8], [1, 2, 3, 4, 0xff, 0xff, 0xff, 0xfe]);
    assert_eq!(out[16..], [0xff, 0xfe, 0, 0, 0xee]);
}

#[test]
fn rfc_1071_example() {
    // Section 3: the words 0001 f203 f4f5 f6f7 sum to 2ddf0, folded ddf2.
    let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
    assert_eq!(sum(&bytes).fold(), 0xddf2);
    assert_eq!(sum(&bytes).checksum(), 0x220d);
}

#[test]
fn every_length_at_every_alignment() {
    for len in 0..LONG {
        for align in 0..if cfg!(miri) { 2 } else { 16 } {
            let bytes = pattern(align + len, (len * 16 + align) as u32);
            let piece = &bytes[align..];
            assert_eq!(sum(piece).fold(), naive(piece), "{len} bytes at alignment {align}");
        }
    }
}

#[test]
fn all_paths_agree() {
    for len in 0..LONG {
        let bytes = pattern(len, len as u32);
        let expected = naive(&bytes);
        assert_eq!(Partial(sum_tail(&bytes)).fold(), expected, "words, {len} bytes");
        assert_eq!(Partial(sum_wide(&bytes)).fold(), expected, "vectors, {len} bytes");
        let mut copy = vec![0; len];
        assert_eq!(Partial(copy_and_sum_wide(&mut copy, &bytes)).fold(), expected);
        assert_eq!(copy, bytes, "copied in vectors");
    }
}

/// A sum, and a copy with one, that are compiled for some processors.
#[cfg(target_arch = "x86_64")]
type Compiled = (&'static str, unsafe fn(&[u8]) -> u64, unsafe fn(&mut [u8], &[u8]) -> u64);

/// What is faster where there is something better is right where there is not.
#[cfg(target_arch = "x86_64")]
#[test]
fn what_is_compiled_for_a_processor_agrees() {
    let mut compiled: Vec<Compiled> = Vec::new();
    if std::arch::is_x86_feature_detected!("avx2") {
        compiled.push(("AVX2", sum_avx2, copy_and_sum_avx2));
    }
    if has_avx512() {
        compiled.push(("AVX-512", sum_avx512, copy_and_sum_avx512));
    }
    for len in 0..LONG {
        let bytes = pattern(len, len as u32);
        for (name, sum, copy_and_sum) in &compiled {
            let mut copy = vec![0; len];
            // SAFETY: the processor has what they are compiled for.
            #[expect(unsafe_code, reason = "compiled for a processor that was found at run time")]
            let sums = unsafe { [sum(&bytes), copy_and_sum(&mut copy, &bytes)] };
            assert_eq!(
                sums.map(|sum| Partial(sum).fold()),
                [naive(&bytes); 2],
                "{name}, {len} bytes"
            );
            assert_eq!(copy, bytes, "{name}");
        }
    }
}

#[test]
fn copy_and_sum_copies_all_and_nothing_else() {
    for len in 0..LONG {
        let src = pattern(len + 2, len as u32 ^ 0x5555);
        let mut dst = vec![0xa5; len + 4];
        let got = copy_and_sum(&mut dst[3..3 + len], &src[1..1 + len]);
        assert_eq!(got.fold(), naive(&src[1..1 + len]), "{len} bytes");
        assert_eq!(dst[3..3 + len], src[1..1 + len]);
        assert_eq!((&dst[..3], dst[3 + len]), (&[0xa5; 3][..], 0xa5), "neighbours untouched");
    }
}

#[test]
fn ones_and_zeros_keep_their_two_zeros_apart() {
    for len in 0..300 {
        assert_eq!(sum(&vec![0; len]).fold(), 0, "{len} zero bytes");
        assert!(!sum(&vec![0; len]).is_valid());
    }
    // The largest sums that vectors can meet: every half word all ones.
    for len in (2..=if cfg!(miri) { 256 } else { 4096 }).step_by(2) {
        assert_eq!(sum(&vec![0xff; len]).fold(), 0xffff, "{len} bytes of ones");
    }
}

#[test]
fn an_odd_piece_is_swapped_into_place() {
    for len in 0..if cfg!(miri) { 20 } else { 140 } {
        let bytes = pattern(len, len as u32);
        for cut in 0..=len {
            let (a, b) = bytes.split_at(cut);
            let joined = if cut % 2 == 0 { sum(a) + sum(b) } else { sum(a).add_at_odd(sum(b)) };
            assert_eq!(joined.fold(), naive(&bytes), "{len} bytes cut at {cut}");
        }
    }
}

#[test]
fn words_by_value() {
    let sum_of = |bytes: &[u8]| naive(bytes);
    assert_eq!(Partial::of_u16(0x1234).fold(), sum_of(&[0x12, 0x34]));
    assert_eq!(Partial::of_u32(0xfedc_4321).fold(), sum_of(&[0xfe, 0xdc, 0x43, 0x21]));
    let mut both = Partial::of_u16(0xffff);
    both += Partial::of_u16(0x0001);
    assert_eq!(both.fold(), 1, "the carry comes around");
}

#[test]
fn pseudo_headers_are_as_the_rfcs_draw_them() {
    // RFC 9293 section 3.1: source, destination, zero, PTCL, TCP length.
    let v4 = pseudo_header_v4([192, 0, 2, 1], [198, 51, 100, 200], 6, 0x1234);
    assert_eq!(v4.fold(), naive(&[192, 0, 2, 1, 198, 51, 100, 200, 0, 6, 0x12, 0x34]));

    // RFC 8200 section 8.1: source, destination, length in 32 bits, three zeros, next header.
    let (src, dst) = ([0x20; 16], [0xfe; 16]);
    let v6 = pseudo_header_v6(src, dst, 17, 0x0001_8003);
    let drawn = [&src[..], &dst[..], &[0, 1, 0x80, 3, 0, 0, 0, 17]].concat();
    assert_eq!(v6.fold(), naive(&drawn));
}

#[test]
fn a_known_ipv4_header_verifies() {
    let mut header = [
        0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0xb8, 0x61, 0xc0, 0xa8, 0x00,
        0x01, 0xc0, 0xa8, 0x00, 0xc7,
    ];
    assert!(sum(&header).is_valid());
    let without = sum(&header[..10]) + sum(&header[12..]);
    assert_eq!(without.checksum(), 0xb861);
    header[8] = 0x3f;
    assert!(!sum(&header).is_valid(), "TTL changed, checksum not");
    let updated = update(0xb861, 0x4011, 0x3f11);
    header[10..12].copy_from_slice(&updated.to_be_bytes());
    assert!(sum(&header).is_valid());
}

#[test]
fn rfc_1624_example() {
    // Section 4: the case that equation 2 gets wrong: the sum of the rest is 0x22aa.
    assert_eq!(update(0xdd2f, 0x5555, 0x3285), 0x0000);
}

/// Miri runs a thousand times slower and sees no files.
fn cases() -> ProptestConfig {
    let cases = if cfg!(miri) { 4 } else { 256 };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn any_bytes_at_any_alignment(
        bytes in prop::collection::vec(prop_oneof![Just(0xff), any::<u8>()], 0..700),
        start in 0usize..32,
    ) {
        let piece = &bytes[start.min(bytes.len())..];
        prop_assert_eq!(sum(piece).fold(), naive(piece));
        let mut copy = vec![0; piece.len()];
        prop_assert_eq!(copy_and_sum(&mut copy, piece).fold(), naive(piece));
        prop_assert_eq!(&copy, piece);
    }

    #[test]
    fn any_pieces_join_to_the_whole(
        bytes in prop::collection::vec(any::<u8>(), 0..3000),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        cuts.push(bytes.len());
        let (mut total, mut at) = (Partial::ZERO, 0);
        for cut in cuts {
            let piece = sum(&bytes[at..cut]);
            total = if at % 2 == 0 { total + piece } else { total.add_at_odd(piece) };
            at = cut;
        }
        prop_assert_eq!(total.fold(), naive(&bytes));
    }

    #[test]
    fn an_updated_word_is_as_good_as_a_new_sum(
        mut words in prop::collection::vec(any::<u16>(), 2..40),
        at in any::<prop::sample::Index>(),
        new in any::<u16>(),
    ) {
        let total = |words: &[u16]| words.iter().map(|&w| Partial::of_u16(w)).fold(Partial::ZERO, Add::add);
        words[0] = 0;
        let before = total(&words).checksum();
        let at = 1 + at.index(words.len() - 1);
        let old = core::mem::replace(&mut words[at], new);
        words[0] = update(before, old, new);
        prop_assert!(total(&words).is_valid() || words.iter().all(|&w| w == 0));
    }

    #[test]
    fn one_changed_bit_is_seen(
        mut bytes in prop::collection::vec(any::<u8>(), 2..200),
        bit in any::<prop::sample::Index>(),
    ) {
        bytes[..2].fill(0);
        let checksum = sum(&bytes).checksum();
        bytes[..2].copy_from_slice(&checksum.to_be_bytes());
        prop_assert!(sum(&bytes).is_valid());
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!sum(&bytes).is_valid());
    }
}
