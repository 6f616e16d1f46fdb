//! The TCB image: every field where the header has it, SET_TCB_FIELD, and both byte orders.

use mafo_t4::cpl::SetTcbField;
use mafo_t4::tcb::{FilterFlags, State, TFlags, Tcb, field, flag};
use mafo_t4::{IqId, L2tIdx, SmtIdx, Tid};
use proptest::prelude::*;

use crate::pretty;

/// A value for every field of a plain TCP connection, no two alike.
const VALUES: [(mafo_t4::tcb::Field, u64); 50] = [
    (field::ULP_TYPE, 0x5),
    (field::ULP_RAW, 0xa7),
    (field::L2T_IX, 0xc31),
    (field::SMAC_SEL, 0x9e),
    (field::T_FLAGS, 0x1122_3344_5566_7788),
    (field::RSS_INFO, 0x2d3),
    (field::TOS, 0x2b),
    (field::T_STATE, 0x4),
    (field::MAX_RT, 0xe),
    (field::T_MAXSEG, 0x8),
    (field::SND_SCALE, 0x7),
    (field::RCV_SCALE, 0x9),
    (field::T_RXTSHIFT, 0x3),
    (field::T_DUPACKS, 0x2),
    (field::TIMESTAMP_OFFSET, 0xd),
    (field::RCV_ADV, 0xbeef),
    (field::TIMESTAMP, 0x0102_0304),
    (field::T_RTT_TS_RECENT_AGE, 0x0506_0708),
    (field::T_RTSEQ_RECENT, 0x090a_0b0c),
    (field::T_SRTT, 0x1234),
    (field::T_RTTVAR, 0x5678),
    (field::TX_MAX, 0xdead_bee5),
    (field::SND_UNA_RAW, 0xa1b_2c3d),
    (field::SND_NXT_RAW, 0xe4f_5061),
    (field::SND_MAX_RAW, 0x718_2930),
    (field::SND_REC_RAW, 0x3c4_d5e6),
    (field::SND_CWND, 0x987_6543),
    (field::SND_SSTHRESH, 0x2b4_d6f8),
    (field::TX_HDR_PTR, 0x1_a5c3),
    (field::TX_LAST_PTR, 0x0_f1e7),
    (field::RCV_NXT, 0x8bad_f00d),
    (field::RCV_WND, 0x6c5_d4e3),
    (field::RX_HDR_OFFSET, 0x4f3_e2d1),
    (field::TS_LAST_ACK_SENT_RAW, 0x5a6_9788),
    (field::RX_FRAG0_START_IDX_RAW, 0xd1c_2b3a),
    (field::RX_FRAG1_START_IDX_OFFSET, 0x8e9_fa0b),
    (field::RX_FRAG0_LEN, 0x1f2_e3d4),
    (field::RX_FRAG1_LEN, 0xb7a_6958),
    (field::PDU_LEN, 0xc0de),
    (field::RX_PTR, 0x1_3579),
    (field::RX_FRAG1_PTR, 0x0_ace5),
    (field::MAIN_SLUSH, 0xfeed_face),
    (field::AUX1_SLUSH0, 0x5a5a),
    (field::RX_FRAG2_START, 0x6d7_c8b9),
    (field::RX_FRAG2_PTR, 0x1_b2d4),
    (field::RX_FRAG2_LEN, 0x246_8ace),
    (field::RX_FRAG3_PTR, 0x0_c7b5),
    (field::RX_FRAG3_LEN, 0xfdb_9753),
    (field::RX_FRAG3_START, 0x935_79bd),
    (field::PDU_HDR_LEN, 0x9d),
];
/// The last field, beside the fifty.
const LAST: (mafo_t4::tcb::Field, u64) = (field::AUX1_SLUSH1, 0x2a_bcde);

/// These values in the order of GET_TCB_RPL: word 31 first. Each word was added up by hand; "low" and "high" are
/// the parts of a field that straddles two words.
#[rustfmt::skip]
const IMAGE: [u8; 128] = [
    // 31: AUX1_SLUSH1 0x2abcde << 9, PDU_HDR_LEN 0x9d << 1, RX_FRAG3_START high 1
    0x55, 0x79, 0xbd, 0x3b,
    // 30: RX_FRAG3_START low 27 bits 0x13579bd << 5, RX_FRAG3_LEN high 5 bits 0x1f
    0x26, 0xaf, 0x37, 0xbf,
    // 29: RX_FRAG3_LEN low 23 bits 0x5b9753 << 9, RX_FRAG3_PTR high 9 bits 0x0c7
    0xb7, 0x2e, 0xa6, 0xc7,
    // 28: RX_FRAG3_PTR low 8 bits 0xb5 << 24, RX_FRAG2_LEN high 24 bits 0x2468ac
    0xb5, 0x24, 0x68, 0xac,
    // 27: RX_FRAG2_LEN low 4 bits 0xe << 28, RX_FRAG2_PTR 0x1b2d4 << 11, RX_FRAG2_START high 11 bits 0x36b
    0xed, 0x96, 0xa3, 0x6b,
    // 26: RX_FRAG2_START low 17 bits 0x1c8b9 << 15, AUX1_SLUSH0 0x5a5a
    0xe4, 0x5c, 0xda, 0x5a,
    // 25: MAIN_SLUSH
    0xfe, 0xed, 0xfa, 0xce,
    // 24: RX_FRAG1_PTR 0x0ace5 << 15, RX_PTR high 15 bits 0x4d5e
    0x56, 0x72, 0xcd, 0x5e,
    // 23: RX_PTR low 2 bits 1 << 30, PDU_LEN 0xc0de << 14, RX_FRAG1_LEN high 14 bits 0x2de9
    0x70, 0x37, 0xad, 0xe9,
    // 22: RX_FRAG1_LEN low 14 bits 0x2958 << 18, RX_FRAG0_LEN high 18 bits 0x07cb8
    0xa5, 0x60, 0x7c, 0xb8,
    // 21: RX_FRAG0_LEN low 10 bits 0x3d4 << 22, RX_FRAG1_START_IDX_OFFSET high 22 bits 0x23a7e8
    0xf5, 0x23, 0xa7, 0xe8,
    // 20: RX_FRAG1_START_IDX_OFFSET low 6 bits 0x0b << 26, RX_FRAG0_START_IDX_RAW high 26 bits 0x3470ace
    0x2f, 0x47, 0x0a, 0xce,
    // 19: RX_FRAG0_START_IDX_RAW low 2 bits 2 << 30, TS_LAST_ACK_SENT_RAW 0x5a69788 << 2, RX_HDR_OFFSET high 1
    0x96, 0x9a, 0x5e, 0x21,
    // 18: RX_HDR_OFFSET low 26 bits 0xf3e2d1 << 6, RCV_WND high 6 bits 0x1b
    0x3c, 0xf8, 0xb4, 0x5b,
    // 17: RCV_WND low 22 bits 0x05d4e3 << 10, RCV_NXT high 10 bits 0x22e
    0x17, 0x53, 0x8e, 0x2e,
    // 16: RCV_NXT low 22 bits 0x2df00d << 10, TX_LAST_PTR high 10 bits 0x1e3
    0xb7, 0xc0, 0x35, 0xe3,
    // 15: TX_LAST_PTR low 7 bits 0x67 << 25, TX_HDR_PTR 0x1a5c3 << 8, SND_SSTHRESH high 8 bits 0x2b
    0xcf, 0xa5, 0xc3, 0x2b,
    // 14: SND_SSTHRESH low 20 bits 0x4d6f8 << 12, SND_CWND high 12 bits 0x987
    0x4d, 0x6f, 0x89, 0x87,
    // 13: SND_CWND low 16 bits 0x6543 << 16, SND_REC_RAW high 16 bits 0x3c4d
    0x65, 0x43, 0x3c, 0x4d,
    // 12: SND_REC_RAW low 12 bits 0x5e6 << 20, SND_MAX_RAW high 20 bits 0x71829
    0x5e, 0x67, 0x18, 0x29,
    // 11: SND_MAX_RAW low 8 bits 0x30 << 24, SND_NXT_RAW high 24 bits 0xe4f506
    0x30, 0xe4, 0xf5, 0x06,
    // 10: SND_NXT_RAW low 4 bits 1 << 28, SND_UNA_RAW
    0x1a, 0x1b, 0x2c, 0x3d,
    // 9: TX_MAX
    0xde, 0xad, 0xbe, 0xe5,
    // 8: T_RTTVAR << 16, T_SRTT
    0x56, 0x78, 0x12, 0x34,
    // 7: T_RTSEQ_RECENT
    0x09, 0x0a, 0x0b, 0x0c,
    // 6: T_RTT_TS_RECENT_AGE
    0x05, 0x06, 0x07, 0x08,
    // 5: TIMESTAMP
    0x01, 0x02, 0x03, 0x04,
    // 4: RCV_ADV << 16, TIMESTAMP_OFFSET d, T_DUPACKS 2, T_RXTSHIFT 3, RCV_SCALE 9
    0xbe, 0xef, 0xd2, 0x39,
    // 3: SND_SCALE 7, T_MAXSEG 8, MAX_RT e, T_STATE 4, TOS 0x2b << 10, RSS_INFO 0x2d3
    0x78, 0xe4, 0xae, 0xd3,
    // 2: T_FLAGS high
    0x11, 0x22, 0x33, 0x44,
    // 1: T_FLAGS low
    0x55, 0x66, 0x77, 0x88,
    // 0: SMAC_SEL 9e, L2T_IX c31, ULP_RAW a7, ULP_TYPE 5
    0x9e, 0xc3, 0x1a, 0x75,
];

/// The same, as a memory window shows it: the sixteen bytes of words 3 to 0 first, those of words 31 to 28 last.
#[rustfmt::skip]
const WINDOW: [u8; 128] = [
    0x78, 0xe4, 0xae, 0xd3, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x9e, 0xc3, 0x1a, 0x75, // 3 2 1 0
    0x09, 0x0a, 0x0b, 0x0c, 0x05, 0x06, 0x07, 0x08, 0x01, 0x02, 0x03, 0x04, 0xbe, 0xef, 0xd2, 0x39, // 7 6 5 4
    0x30, 0xe4, 0xf5, 0x06, 0x1a, 0x1b, 0x2c, 0x3d, 0xde, 0xad, 0xbe, 0xe5, 0x56, 0x78, 0x12, 0x34, // 11 to 8
    0xcf, 0xa5, 0xc3, 0x2b, 0x4d, 0x6f, 0x89, 0x87, 0x65, 0x43, 0x3c, 0x4d, 0x5e, 0x67, 0x18, 0x29, // 15 to 12
    0x96, 0x9a, 0x5e, 0x21, 0x3c, 0xf8, 0xb4, 0x5b, 0x17, 0x53, 0x8e, 0x2e, 0xb7, 0xc0, 0x35, 0xe3, // 19 to 16
    0x70, 0x37, 0xad, 0xe9, 0xa5, 0x60, 0x7c, 0xb8, 0xf5, 0x23, 0xa7, 0xe8, 0x2f, 0x47, 0x0a, 0xce, // 23 to 20
    0xed, 0x96, 0xa3, 0x6b, 0xe4, 0x5c, 0xda, 0x5a, 0xfe, 0xed, 0xfa, 0xce, 0x56, 0x72, 0xcd, 0x5e, // 27 to 24
    0x55, 0x79, 0xbd, 0x3b, 0x26, 0xaf, 0x37, 0xbf, 0xb7, 0x2e, 0xa6, 0xc7, 0xb5, 0x24, 0x68, 0xac, // 31 to 28
];

fn all_values() -> impl Iterator<Item = (mafo_t4::tcb::Field, u64)> {
    VALUES.into_iter().chain([LAST])
}

#[test]
fn every_field_lies_where_the_header_has_it() {
    assert_eq!(all_values().count(), field::PLAIN_TCP.len(), "a field has no vector");
    let mut tcb = Tcb::default();
    for (field, value) in all_values() {
        tcb.set(field, value);
    }
    pretty(&tcb.0, &IMAGE);
    for (field, value) in all_values() {
        assert_eq!(Tcb(IMAGE).get(field), value, "{}", field.name);
    }
}

#[test]
fn fields_of_direct_data_placement() {
    // Auxiliary words of IMAGE: 26 = e45cda5a, 27 = ed96a36b, 28 = b52468ac, 29 = b72ea6c7, 30 = 26af37bf,
    // 31 = 5579bd3b.
    let tcb = Tcb(IMAGE);
    assert_eq!(tcb.get(field::RX_DDP_BUF0_OFFSET), 0x5c_da5a, "26, bits 23:0");
    assert_eq!(tcb.get(field::RX_DDP_BUF0_LEN), 0xa3_6be4, "27 15:0 above 26 31:24");
    assert_eq!(tcb.get(field::RX_DDP_FLAGS), 0xac_ed96, "28 7:0 above 27 31:16");
    assert_eq!(tcb.get(field::RX_DDP_BUF1_OFFSET), 0xb5_2468, "28 31:8");
    assert_eq!(tcb.get(field::RX_DDP_BUF1_LEN), 0x2e_a6c7, "29 23:0");
    assert_eq!(tcb.get(field::RX_DDP_BUF0_TAG), 0x26af_37bf, "30");
    assert_eq!(tcb.get(field::RX_DDP_BUF1_TAG), 0x5579_bd3b, "31");
    assert_eq!(field::TCP_DDP.len(), 7, "a field has no vector");
}

#[test]
fn window_order() {
    pretty(&Tcb(IMAGE).to_window_order(), &WINDOW);
    pretty(&Tcb::from_window_order(&WINDOW).0, &IMAGE);
}

#[test]
fn meanings() {
    let tcb = Tcb(IMAGE);
    assert_eq!(tcb.flags(), TFlags(0x1122_3344_5566_7788));
    assert_eq!(tcb.filter_flags(), FilterFlags(0x1122_3344_5566_7788));
    assert_eq!(tcb.state(), State::Established);
    assert_eq!(tcb.l2t_idx(), L2tIdx(0xc31));
    assert_eq!(tcb.smt_idx(), SmtIdx(0x9e));
    assert_eq!(tcb.iq_id(), IqId(0x2d3));
    assert_eq!(tcb.tx_max(), 0xdead_bee5);
    // 0xdeadbee5 - 0x0a1b2c3d, - 0x0e4f5061, - 0x07182930, - 0x03c4d5e6.
    assert_eq!(tcb.snd_una(), 0xd492_92a8);
    assert_eq!(tcb.snd_nxt(), 0xd05e_6e84);
    assert_eq!(tcb.snd_max(), 0xd795_95b5);
    assert_eq!(tcb.snd_rec(), 0xdae8_e8ff);
    assert_eq!(tcb.rcv_nxt(), 0x8bad_f00d);
    // 0x8badf00d - 0x05a69788.
    assert_eq!(tcb.last_ack_sent(), 0x8607_5885);

    let mut tcb = Tcb::default().with(field::TX_MAX, 5).with(field::SND_UNA_RAW, 10);
    assert_eq!(tcb.snd_una(), 0xffff_fffb, "a distance may reach back beyond zero");
    // Distances: 0xffff_fff5 is 0x10 before 5, 4 is 1 before it.
    tcb.set_snd_una(0xffff_fff5);
    tcb.set_snd_nxt(4);
    tcb.set_snd_max(5);
    tcb.set_snd_rec(1);
    assert_eq!(tcb.get(field::SND_UNA_RAW), 0x10);
    assert_eq!(tcb.get(field::SND_NXT_RAW), 1);
    assert_eq!(tcb.get(field::SND_MAX_RAW), 0);
    assert_eq!(tcb.get(field::SND_REC_RAW), 4);
    assert_eq!(
        (tcb.snd_una(), tcb.snd_nxt(), tcb.snd_max(), tcb.snd_rec()),
        (0xffff_fff5, 4, 5, 1)
    );
    tcb.set(field::RCV_NXT, 0x100);
    tcb.set_last_ack_sent(0xf0);
    assert_eq!(tcb.get(field::TS_LAST_ACK_SENT_RAW), 0x10);
    assert_eq!(tcb.last_ack_sent(), 0xf0);
    tcb.set_state(State::FinWait2);
    tcb.set_flags(TFlags(0).with_non_offload(true));
    assert_eq!((tcb.get(field::T_STATE), tcb.get(field::T_FLAGS)), (9, 2));
}

#[test]
fn states() {
    for bits in 0..16 {
        assert_eq!(State::from_bits(bits) as u64, bits);
        assert_eq!(State::from_bits(bits | 0xf0), State::from_bits(bits), "four bits count");
    }
    assert_eq!(State::from_bits(4), State::Established);
    assert_eq!(State::from_bits(9), State::FinWait2);
    assert_eq!(State::from_bits(10), State::TimeWait);
}

/// Bits that the TCB upload writes in one go, from the list of the upload procedure.
#[test]
fn travelling_flags() {
    let bits = [
        1, 3, 4, 5, 7, 9, 10, 11, 12, 13, 14, 16, 17, 18, 19, 20, 21, 22, 23, 29, 30, 31, 32, 43,
        52, 53, 54, 59, 60, 61, 62,
    ];
    assert_eq!(TFlags::TRAVELLING, bits.iter().fold(0, |mask, bit| mask | 1 << bit));
}

#[test]
fn flag_numbers_and_flag_words_agree() {
    assert_eq!(1 << flag::NON_OFFLOAD, TFlags::NON_OFFLOAD_MASK);
    assert_eq!(1 << flag::TX_QUIESCE, TFlags::TX_QUIESCE_MASK);
    assert_eq!(3 << flag::TX_CHANNEL, TFlags::TX_CHANNEL_MASK);
    assert_eq!(7 << flag::TX_QUEUE, TFlags::TX_QUEUE_MASK);
    assert_eq!(3 << flag::CCTRL_SEL, TFlags::CCTRL_SEL_MASK);
    assert_eq!(7 << flag::MOD_SCHD_REASON, TFlags::MOD_SCHD_REASON_MASK);
    assert_eq!(7 << flag::PEND_CTL, TFlags::PEND_CTL_MASK);
    assert_eq!(1 << flag::RECV_SACK, TFlags::RECV_SACK_MASK);
    assert_eq!(1 << flag::filter::REPORT_TID, FilterFlags::REPORT_TID_MASK);
    assert_eq!(1 << flag::filter::LPBK, FilterFlags::LPBK_MASK);
    assert_eq!(1u64 << flag::filter::VLAN_REWRITE, FilterFlags::VLAN_REWRITE_MASK);
}

#[test]
fn set_tcb_field_answers_what_was_there() {
    let mut tcb = Tcb(IMAGE);
    // Words 17 and 16 of IMAGE.
    assert_eq!(tcb.set_field(16, 0, u64::MAX), 0x1753_8e2e_b7c0_35e3, "an empty mask reads");
    assert_eq!(tcb, Tcb(IMAGE), "and changes nothing");
    let old = tcb.set_field(16, 0x0000_0000_ffff_0000, 0x1111_2222_3333_4444);
    assert_eq!(old, 0x1753_8e2e_b7c0_35e3);
    assert_eq!(tcb.read64(16), 0x1753_8e2e_3333_35e3);
    assert_eq!((tcb.read64(15), tcb.read64(17)), (0x3333_35e3_cfa5_c32b, 0x3cf8_b45b_1753_8e2e));
}

#[test]
fn the_window_of_the_last_word_hangs_over_the_end() {
    let mut tcb = Tcb(IMAGE);
    assert_eq!(tcb.read64(31), 0x5579_bd3b, "what lies beyond reads zero");
    let old = tcb.set_field(31, u64::MAX, 0xaaaa_bbbb_cccc_dddd);
    assert_eq!(old, 0x5579_bd3b);
    assert_eq!(tcb.read64(31), 0xcccc_dddd, "what is written beyond is lost");
    assert_eq!(tcb.0[..4], [0xcc, 0xcc, 0xdd, 0xdd], "word 31 comes first");
    assert_eq!(tcb.0[4..], IMAGE[4..], "nothing else is touched");
    for word in 32..=u8::MAX {
        assert_eq!(tcb.set_field(word, u64::MAX, u64::MAX), 0, "there is no word {word}");
    }
    assert_eq!(tcb.0[4..], IMAGE[4..]);
}

/// A TCB as the datasheet explains it: bit n in byte 127 - n / 8, at bit n % 8. Independent of words and windows.
struct Bits(Vec<bool>);

impl Bits {
    fn of(image: &[u8; 128]) -> Self {
        Self((0..1024).map(|n| image[127 - n / 8] >> (n % 8) & 1 == 1).collect())
    }

    fn image(&self) -> [u8; 128] {
        let mut image = [0; 128];
        for (n, &bit) in self.0.iter().enumerate() {
            image[127 - n / 8] |= u8::from(bit) << (n % 8);
        }
        image
    }

    fn assign(&mut self, first: usize, width: usize, value: u64) {
        for bit in 0..width {
            self.0[first + bit] = value >> bit & 1 == 1;
        }
    }
}

fn image() -> impl Strategy<Value = [u8; 128]> {
    proptest::collection::vec(any::<u8>(), 128).prop_map(|bytes| bytes.try_into().expect("128"))
}

fn any_field() -> impl Strategy<Value = mafo_t4::tcb::Field> {
    prop_oneof![
        proptest::sample::select(field::PLAIN_TCP),
        proptest::sample::select(field::TCP_DDP)
    ]
}

proptest! {
    /// SET_TCB_FIELD of a named field is assignment to that field, and to nothing else.
    #[test]
    fn set_tcb_field_is_assignment(image in image(), field in any_field(), value: u64) {
        let value = value & field.max();
        let mut model = Bits::of(&image);
        model.assign(usize::from(field.word) * 32 + usize::from(field.shift), field.width.into(), value);

        let mut by_name = Tcb(image);
        by_name.set(field, value);
        prop_assert_eq!(&by_name.0[..], &model.image()[..], "set {}", field.name);
        prop_assert_eq!(by_name.get(field), value);

        let set = SetTcbField::of(Tid(1), field, value);
        let mut by_message = Tcb(image);
        let old = by_message.set_field(set.word(), set.mask(), set.val());
        prop_assert_eq!(by_message, by_name);
        prop_assert_eq!(field.extract(old), Tcb(image).get(field));
    }

    /// Any command of a host is a masked assignment of those of its 64 bits that exist.
    #[test]
    fn set_tcb_field_masks(image in image(), word: u8, mask: u64, val: u64) {
        let mut model = Bits::of(&image);
        let mut old = 0;
        for bit in 0..64 {
            let n = usize::from(word) * 32 + bit;
            if n < 1024 {
                old |= u64::from(model.0[n]) << bit;
                if mask >> bit & 1 == 1 {
                    model.0[n] = val >> bit & 1 == 1;
                }
            }
        }
        let mut tcb = Tcb(image);
        prop_assert_eq!(tcb.read64(word), old);
        prop_assert_eq!(tcb.set_field(word, mask, val), old);
        prop_assert_eq!(&tcb.0[..], &model.image()[..]);
    }

    /// A field seen from another word is the same field, or does not fit.
    #[test]
    fn neighbours_share_a_window(image in image(), field in any_field(), word in 0u8..32) {
        let first = u32::from(field.word) * 32 + u32::from(field.shift);
        let window = u32::from(word) * 32..u32::from(word) * 32 + 64;
        let inside = window.contains(&first) && first + u32::from(field.width) <= window.end;
        let seen = field.seen_from(word);
        prop_assert_eq!(seen.is_some(), inside);
        if let Some(seen) = seen {
            prop_assert_eq!(Tcb(image).get(seen), Tcb(image).get(field));
        }
    }

    #[test]
    fn window_order_is_its_own_inverse(image in image()) {
        let window = Tcb(image).to_window_order();
        prop_assert_eq!(Tcb::from_window_order(&window), Tcb(image));
        // Byte i of chunk c is byte i of chunk 7 - c.
        for (at, &byte) in window.iter().enumerate() {
            prop_assert_eq!(byte, image[(7 - at / 16) * 16 + at % 16]);
        }
    }
}

#[test]
fn debug_names_what_is_set() {
    let tcb = Tcb::default().with(field::SND_CWND, 14_600).with(field::T_STATE, 4);
    assert_eq!(format!("{tcb:?}"), "Tcb { T_STATE: Established, SND_CWND: 14600, .. }");
}
