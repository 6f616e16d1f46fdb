//! A connection that another card had: uploaded as an image, then alive.

use super::rig::*;
use crate::le::Action;
use crate::tp::Disposition;
use mafo_mem::Nanos;
use mafo_t4::cpl::{self, Opcode, ReplyCtrl};
use mafo_t4::opt::CongAlg;
use mafo_t4::tcb::{TFlags, Tcb as Image, field};
use mafo_t4::{L2tIdx, Tid};
use mafo_tcp::Flags;

const ACK: Flags = Flags::ACK;
const FIN_ACK: Flags = Flags::FIN.with(Flags::ACK);

/// First sequence number that the new owner sends, and the first that it expects.
const SND: u32 = 0x1000;
const RCV: u32 = 0x9000;

/// SET_TCB_FIELD, byte for byte.
fn set_field(tid: u32, reply: [u8; 2], word_cookie: u8, mask: u64, val: u64) -> [u8; 24] {
    let mut cpl = [0; 24];
    cpl[..4].copy_from_slice(&(0x05 << 24 | tid).to_be_bytes());
    cpl[4..6].copy_from_slice(&reply);
    cpl[7] = word_cookie;
    cpl[8..16].copy_from_slice(&mask.to_be_bytes());
    cpl[16..].copy_from_slice(&val.to_be_bytes());
    cpl
}

/// NO_REPLY, bit 15.
const SILENT: [u8; 2] = [0x80, 0x00];
/// To queue 5.
const TO_5: [u8; 2] = [0x00, 0x05];
/// Travelling flags: bits 1, 3-5, 7, 9-14, 16-23, 29-32, 43, 52-54, 59-62.
const TRAVELLING: u64 = 0x7870_0801_e0ff_7eba;

/// The rows of an upload: word, mask, value.
const ROWS: [(u8, u64, u64); 13] = [
    // b: RCV_ADV 500, TIMESTAMP_OFFSET 3, T_DUPACKS 0, T_RXTSHIFT 0, RCV_SCALE 7, SND_SCALE 2, MAX_RT 15, T_STATE 4, TOS 0.
    (3, 0xffff_ffff_f0ff_fc00, 0x01f4_3007_20f4_0000),
    // c: T_RTSEQ_RECENT 777, T_RTT_TS_RECENT_AGE 0.
    (6, 0xffff_ffff_ffff_ffff, 0x0000_0309_0000_0000),
    // d: TX_MAX 0x1000, T_RTTVAR 5, T_SRTT 10.
    (8, 0xffff_ffff_ffff_ffff, 0x0000_1000_0005_000a),
    // e: SND_UNA_RAW 0, SND_NXT_RAW 0.
    (10, 0x00ff_ffff_ffff_ffff, 0),
    // f: SND_MAX_RAW 0; SND_REC_RAW 0.
    (11, 0x000f_ffff_ff00_0000, 0),
    (12, 0x0000_ffff_fff0_0000, 0),
    // g: SND_CWND 14600; SND_SSTHRESH 65535.
    (13, 0x0000_0fff_ffff_0000, 0x0000_0000_3908_0000),
    (14, 0x0000_00ff_ffff_f000, 0x0000_0000_0fff_f000),
    // h: RCV_NXT 0x9000.
    (16, 0x0000_03ff_ffff_fc00, 0x0000_0000_0240_0000),
    // i: RCV_WND 60000.
    (17, 0x0000_003f_ffff_fc00, 0x0000_0000_03a9_8000),
    // j: RX_HDR_OFFSET 0; TS_LAST_ACK_SENT_RAW 0; RX_FRAG0_LEN 0.
    (18, 0x0000_0003_ffff_ffc0, 0),
    (19, 0x0000_0000_3fff_fffc, 0),
    (21, 0x0003_ffff_ffc0_0000, 0),
];

/// k: RECV_SCALE, RECV_TSTMP, RECV_SACK; NON_OFFLOAD cleared.
const LIVE: u64 = 0x0070_0000_0000_0000;

impl Rig {
    fn set(&mut self, word: u8, mask: u64, val: u64) {
        self.cpl(&set_field(0, SILENT, word, mask, val));
    }

    fn set_field(&mut self, field: mafo_t4::tcb::Field, value: u64) {
        self.set(field.word, field.mask(), field.place(value));
    }

    /// The last row, with cookie 1.
    pub(super) fn go_live(&mut self, flags: u64) {
        self.cpl(&set_field(0, TO_5, 0x21, TRAVELLING, flags));
    }

    fn image(&mut self, tid: Tid) -> Image {
        let log = core::mem::take(&mut self.host.log);
        self.cpl(cpl::GetTcb::new(tid).with_reply_ctrl(ReplyCtrl::to(CTRL_IQ)).as_bytes());
        self.host.log = log;
        image_in(self.last(Opcode::GET_TCB_RPL))
    }

    /// A NON_OFFLOAD TCB with all rows written but the last. Says nothing in the log.
    pub(super) fn filtered() -> Self {
        Self::filtered_with(&config())
    }

    fn filtered_with(config: &crate::tp::TpConfig) -> Self {
        let mut rig = Self::with(config);
        let opt0 = opt0().with_non_offload(true).with_no_cong(true).with_wnd_scale(2);
        rig.act_open(9, opt0, opt2().with_cong(CongAlg::NEWRENO));
        for (word, mask, val) in ROWS {
            rig.set(word, mask, val);
        }
        rig.host.tell(Tid(0), (OPENER, LISTENER), RCV);
        rig.skip();
        rig
    }

    /// The same, alive.
    fn uploaded() -> Self {
        let mut rig = Self::filtered();
        rig.go_live(LIVE);
        rig.skip();
        rig
    }
}

#[test]
fn the_uploaded_connection_speaks() {
    let mut rig = Rig::filtered();
    // Until then its frames are the host's.
    let action = Action::Host { queue: Some(IQ), report: Some(0) };
    assert_eq!(rig.seg(peer(ACK, RCV, SND).len(10).ts(780, 1)), Disposition::Act(action));
    rig.go_live(LIVE);
    // The flags before: NON_OFFLOAD, REPORT_TID, DIRECT_STEER.
    rig.expect(&["iq5 SET_TCB_RPL tid 0 cookie 0x21 status 0 old 0xa00002"]);
    assert_eq!((rig.tp.offloaded(), rig.tp.counters().uploads), (1, 1));
    // It speaks only if it owes something.
    rig.wait(Nanos::from_secs(10));
    rig.expect(&[]);

    assert_eq!(rig.seg(peer(ACK, RCV, SND).len(100).ts(778, 1)), Disposition::Consumed);
    // The clock shows 10490 ms ticks after 11 s, and the offset is 3 << 28.
    rig.expect(&[
        "iq5 RX_DATA tid 0 seq 36864 len 100",
        "> ACK seq 4096 ack 36964 win 14975 ts 805316858 778",
    ]);
    rig.host.sent.clear();
    rig.post_sgl(Tid(0), &[(100, 3000)]);
    rig.expect(&[
        "> ACK seq 4096 ack 36964 len 1448 win 14975 ts 805316858 778",
        "> ACK seq 5544 ack 36964 len 1448 win 14975 ts 805316858 778",
        "> ACK seq 6992 ack 36964 len 104 win 14975 ts 805316858 778",
    ]);
    // An echo of a timestamp of the old owner is no sample, and an ACK all the same.
    rig.seg(peer(ACK, RCV + 100, SND + 3000).ts(779, 5));
    rig.expect(&["acked 0 una 7096 bytes 3000"]);
    // SRTT is still what was uploaded: 10 ticks, less what one sample of no time takes from it.
    assert!((5..=10).contains(&rig.image(Tid(0)).get(field::T_SRTT)));
}

/// The same bytes on an unlike card make the same connection.
#[test]
fn an_upload_does_not_depend_on_the_card() {
    let mut unlike = config();
    unlike.engine.ts_clock.epoch = Nanos::from_secs(500);
    unlike.rx_memory /= 2;
    unlike.output_quantum = 1;
    let script = |config: &crate::tp::TpConfig| {
        let mut rig = Rig::filtered_with(config);
        rig.go_live(LIVE);
        rig.rx(&[
            peer(ACK, RCV, SND).len(700).ts(778, 1).frame(),
            peer(ACK, RCV + 1400, SND).len(700).ts(778, 1).frame(),
        ]);
        rig.post_sgl(Tid(0), &[(0, 5000), (9000, 5000)]);
        rig.seg(peer(ACK, RCV + 700, SND + 2896).len(700).ts(779, 1));
        rig.wait(Nanos::from_secs(5));
        rig.seg(peer(ACK, RCV + 2100, SND + 10_000).ts(785, 1));
        rig.cpl(cpl::CloseConReq::new(Tid(0)).as_bytes());
        rig.seg(peer(FIN_ACK, RCV + 2100, SND + 10_001).ts(790, 1));
        rig.wait(Nanos::from_secs(5));
        // All but our own timestamps, which are the card's clock.
        let log = rig.log();
        let strip = |line: &String| match line.split_once(" ts ") {
            Some((before, after)) => {
                format!("{before} ecr {}", after.split_once(' ').map_or("", |(_, ecr)| ecr))
            }
            None => line.clone(),
        };
        log.iter().map(strip).collect::<Vec<_>>()
    };
    let (one, other) = (script(&config()), script(&unlike));
    assert!(one.len() > 10 && one.iter().any(|line| line.contains("CLOSE_CON_RPL")), "{one:?}");
    assert_eq!(one, other);
}

#[test]
fn an_ack_that_the_old_owner_owed_is_sent() {
    let mut rig = Rig::filtered();
    // The peer has been told RCV_NXT - 40.
    rig.set(19, 0x3fff_fffc, 40 << 2);
    rig.go_live(LIVE);
    rig.skip();
    rig.wait(Nanos::from_millis(500));
    rig.expect(&["> ACK seq 4096 ack 36864 win 15000 ts 805307359 777"]);
}

#[test]
fn a_half_closed_connection_moves() {
    // CLOSE_WAIT: the peer's FIN is in RCV_NXT.
    let mut rig = Rig::filtered();
    rig.set(3, 0xf_0000, 5 << 16);
    rig.go_live(LIVE | TFlags::PEER_FIN_MASK);
    rig.skip();
    rig.post_inline(Tid(0), b"bye");
    rig.cpl(cpl::CloseConReq::new(Tid(0)).as_bytes());
    rig.seg(peer(ACK, RCV, SND + 4).ts(778, 1));
    rig.expect(&[
        "> ACK seq 4096 ack 36864 len 3 win 15000 ts 805307321 777",
        "> FIN|ACK seq 4099 ack 36864 win 15000 ts 805307321 777",
        "acked 0 una 4099 bytes 3",
        "iq5 CLOSE_CON_RPL tid 0 snd_nxt 4100 rcv_nxt 36864",
    ]);
    assert_eq!(rig.tp.active(), (0, 0));

    // FIN_WAIT2: our FIN is in TX_MAX, and acknowledged.
    let mut rig = Rig::filtered();
    rig.set(3, 0xf_0000, 9 << 16);
    rig.go_live(LIVE);
    rig.skip();
    rig.seg(peer(FIN_ACK, RCV, SND).len(5).ts(778, 1));
    rig.expect(&[
        "iq5 RX_DATA tid 0 seq 36864 len 5",
        "iq5 PEER_CLOSE tid 0 rcv_nxt 36870",
        "> ACK seq 4096 ack 36870 win 14998 ts 805307321 778",
    ]);
    assert_eq!(rig.tp.active(), (0, 0));
}

/// Payload and FIN that the old owner had sent or not, posted to the image.
#[test]
fn unacknowledged_payload_is_posted_to_the_image() {
    let mut rig = Rig::filtered();
    rig.set_field(field::T_FLAGS, TFlags::NON_OFFLOAD_MASK | TFlags::TX_QUIESCE_MASK);
    rig.post_sgl(Tid(0), &[(100, 2000)]);
    rig.post_inline(Tid(0), &[7; 100]);
    rig.cpl(cpl::CloseConReq::new(Tid(0)).as_bytes());
    let image = rig.image(Tid(0));
    // TX_MAX rises; una, nxt and max stay.
    assert_eq!(image.tx_max(), SND + 2101, "the FIN counts");
    assert_eq!((image.snd_una(), image.snd_nxt(), image.snd_max()), (SND, SND, SND));
    assert!(image.flags().core_fin());
    // The old owner had let 1500 bytes out.
    rig.set_field(field::SND_NXT_RAW, 601);
    rig.set_field(field::SND_MAX_RAW, 601);
    rig.expect(&[]);
    rig.host.sent.clear();
    rig.go_live(LIVE);
    rig.expect(&[
        // NON_OFFLOAD, TX_QUIESCE, CORE_FIN.
        "iq5 SET_TCB_RPL tid 0 cookie 0x21 status 0 old 0x1004002",
        "> FIN|ACK seq 5596 ack 36864 len 600 win 15000 ts 805307321 777",
    ]);
    let expected: Vec<u8> =
        (1600..2100).map(|at| byte_at(ARENA + at)).chain(core::iter::repeat_n(7, 100)).collect();
    assert_eq!(payload_of(&rig.host.sent[0]), expected);
    // The stream has ended.
    rig.post_inline(Tid(0), b"late");
    assert_eq!(rig.tp.counters().tx_drop_not_open, 1);
    // What the old owner sent is lost after all: a probe, and then the timeout.
    rig.wait(Nanos::from_millis(5));
    rig.expect(&["> FIN|ACK seq 5596 ack 36864 len 600 win 15000 ts 805307324 777"]);
    rig.wait(Nanos::from_millis(200));
    rig.expect(&["> ACK seq 4096 ack 36864 len 1448 win 15000 ts 805307516 777"]);
    rig.seg(peer(ACK, RCV, SND + 2101).ts(778, 1));
    rig.expect(&[
        "acked 0 una 6196 bytes 2100",
        "iq5 CLOSE_CON_RPL tid 0 snd_nxt 6197 rcv_nxt 36864",
    ]);
}

#[test]
fn payload_of_an_adapter_that_died_is_sent_again() {
    let mut rig = Rig::filtered();
    rig.post_sgl(Tid(0), &[(0, 2000)]);
    // Nobody knows what was sent: any ACK up to the end is good, and all is sent again.
    rig.set_field(field::SND_MAX_RAW, 0);
    rig.set_field(field::SND_NXT_RAW, 2000);
    rig.go_live(LIVE);
    rig.expect(&[
        "iq5 SET_TCB_RPL tid 0 cookie 0x21 status 0 old 0xa00002",
        "> ACK seq 4096 ack 36864 len 1448 win 15000 ts 805307321 777",
        "> ACK seq 5544 ack 36864 len 552 win 15000 ts 805307321 777",
    ]);
    rig.seg(peer(ACK, RCV, SND + 2000).ts(778, 1));
    rig.expect(&["acked 0 una 6096 bytes 2000"]);
}

#[test]
fn an_image_that_is_no_connection_stays_an_image() {
    let refused = |change: fn(&mut Rig)| {
        let mut rig = Rig::filtered();
        change(&mut rig);
        let before = rig.image(Tid(0));
        rig.go_live(LIVE);
        rig.expect(&[&format!(
            "iq5 SET_TCB_RPL tid 0 cookie 0x21 status 99 old {:#x}",
            before.flags().0
        )]);
        assert_eq!((rig.tp.counters().tcb_write_refused, rig.tp.offloaded()), (1, 0));
        assert_eq!(rig.image(Tid(0)), before);
        assert!(matches!(rig.seg(peer(ACK, RCV, SND)), Disposition::Act(_)));
    };
    refused(|rig| rig.set_field(field::T_STATE, 0));
    refused(|rig| rig.set_field(field::T_STATE, 10));
    refused(|rig| rig.set_field(field::SND_UNA_RAW, 1));
    refused(|rig| rig.set_field(field::RX_HDR_OFFSET, 1));
    refused(|rig| rig.set_field(field::RX_FRAG0_LEN, 1));
    refused(|rig| rig.set_field(field::SND_SCALE, 15));
    // Payload was posted, and then the host says that none is outstanding.
    refused(|rig| {
        rig.post_inline(Tid(0), b"x");
        rig.set_field(field::SND_UNA_RAW, 0);
        rig.set_field(field::SND_NXT_RAW, 0);
        rig.set_field(field::SND_MAX_RAW, 0);
    });
}

/// Bits that are filter actions on an image and TCP settings on a connection change meaning in one write.
#[test]
fn ambiguous_flags_travel_in_the_last_write() {
    let mut rig = Rig::filtered();
    let settings =
        TFlags(LIVE).with_nagle(true).with_cctrl_sel(3).with_cctrl_ecn(true).with_cctrl_cwr(true);
    rig.go_live(settings.0);
    rig.skip();
    rig.seg(peer(ACK, RCV, SND).len(1).ts(778, 1));
    rig.expect(&[
        "iq5 RX_DATA tid 0 seq 36864 len 1",
        "> ACK seq 4096 ack 36865 win 14999 ts 805307321 778",
    ]);
    let flags = rig.image(Tid(0)).flags();
    assert_eq!(
        (flags.nagle(), flags.cctrl_sel(), flags.cctrl_ecn(), flags.cctrl_cwr()),
        (true, 3, true, true)
    );
}

#[test]
fn l2t_and_smac_and_queue_are_switched_while_it_lives() {
    let mut rig = Rig::uploaded();
    rig.set_field(field::L2T_IX, 18);
    rig.set_field(field::SMAC_SEL, 4);
    rig.set_field(field::RSS_INFO, 7);
    rig.seg(peer(ACK, RCV, SND).len(1).ts(778, 1));
    rig.expect(&[
        "iq7 RX_DATA tid 0 seq 36864 len 1",
        "via 18 4 > ACK seq 4096 ack 36865 win 14999 ts 805307321 778",
    ]);
    let image = rig.image(Tid(0));
    assert_eq!((image.l2t_idx(), image.get(field::SMAC_SEL), image.iq_id().0), (L2tIdx(18), 4, 7));
}

#[test]
fn tx_quiesce_stops_payload_and_nothing_else() {
    let mut rig = Rig::uploaded();
    rig.set(1, TFlags::TX_QUIESCE_MASK, TFlags::TX_QUIESCE_MASK);
    rig.post_inline(Tid(0), b"held back");
    rig.seg(peer(ACK, RCV, SND).len(1).ts(778, 1));
    rig.expect(&[
        "iq5 RX_DATA tid 0 seq 36864 len 1",
        "> ACK seq 4096 ack 36865 win 14999 ts 805307321 778",
    ]);
    rig.set(1, TFlags::TX_QUIESCE_MASK, 0);
    rig.expect(&["> ACK seq 4096 ack 36865 len 9 win 14999 ts 805307321 778"]);
}

#[test]
fn clearing_the_timer_bits_is_a_kick() {
    let mut rig = Rig::uploaded();
    // Nothing outstanding: nothing to kick.
    rig.set(5, 0x3fff_f800, 0);
    rig.expect(&[]);
    rig.post_inline(Tid(0), b"lost on a dead wire");
    rig.skip();
    assert!(rig.image(Tid(0)).get(field::TIMESTAMP) != 0, "the timer runs");
    rig.set(5, 0x3fff_f800, 0);
    rig.expect(&["> ACK seq 4096 ack 36864 len 19 win 15000 ts 805307321 777"]);
    // Other bits of the word are nobody's, some of the timer's are no kick, and neither are ones.
    rig.set(5, 0x7ff, 0);
    rig.set(5, 0x3fff_f000, 0);
    rig.set(5, 0x3fff_f800, 0x800);
    rig.expect(&[]);
}

#[test]
fn an_empty_mask_reads() {
    let mut rig = Rig::uploaded();
    rig.post_inline(Tid(0), b"12345");
    rig.skip();
    // TX_MAX in the upper half of words 8 and 9.
    rig.cpl(&set_field(0, TO_5, 0x48, 0, u64::MAX));
    // SRTT 10 and RTTVAR 5 ticks below it.
    rig.expect(&["iq5 SET_TCB_RPL tid 0 cookie 0x48 status 0 old 0x10050005000a"]);
    rig.cpl(&set_field(0, TO_5, 0x0a, 0, 0));
    rig.expect(&["iq5 SET_TCB_RPL tid 0 cookie 0xa status 0 old 0x5"]);
}

#[test]
fn the_engines_fields_can_be_written_while_it_lives() {
    let mut rig = Rig::uploaded();
    rig.set_field(field::SND_CWND, 1448);
    rig.set_field(field::T_RTSEQ_RECENT, 900);
    rig.post_sgl(Tid(0), &[(0, 3000)]);
    rig.expect(&["> ACK seq 4096 ack 36864 len 1448 win 15000 ts 805307321 900"]);
    // What is outstanding is tied to the payload that TP holds.
    rig.cpl(&set_field(0, TO_5, 0x0a, 0x0fff_ffff, 0));
    let log = rig.log();
    assert!(log.len() == 1 && log[0].contains("status 99"), "{log:?}");
    // A live connection does not become a filter again.
    rig.cpl(&set_field(0, TO_5, 0x01, TFlags::NON_OFFLOAD_MASK, TFlags::NON_OFFLOAD_MASK));
    let log = rig.log();
    assert!(log.len() == 1 && log[0].contains("status 99"), "{log:?}");
    rig.seg(peer(ACK, RCV, SND + 1448).ts(901, 1));
    let log = rig.log();
    assert!(log[0].contains("acked 0 una 5544 bytes 1448"), "{log:?}");
    assert!(log[1].contains("seq 5544") && log[1].contains("len 1448"), "{log:?}");
}

#[test]
fn get_tcb_shows_a_connection_in_the_middle_of_everything() {
    let opt2 = opt2().with_wnd_scale_en(true).with_tstamps_en(true).with_sack_en(true);
    let (mut rig, tid) = Rig::opened_with(opt0().with_wnd_scale(1), opt2, |syn_ack| {
        syn_ack.wscale(7).sackok().ts(70, 953)
    });
    rig.post_sgl(tid, &[(0, 4000)]);
    rig.rx(&[
        peer(ACK, IRS + 1, ISS + 1 + 1448).win(700).ts(71, 953).len(100).frame(),
        peer(ACK, IRS + 201, ISS + 1 + 1448).win(700).ts(71, 953).len(50).frame(),
    ]);
    let image = rig.image(tid);
    for (field, value) in [
        (field::L2T_IX, 17),
        (field::SMAC_SEL, 3),
        (field::RSS_INFO, 5),
        (field::T_STATE, 4),
        (field::T_MAXSEG, 8),
        (field::SND_SCALE, 1),
        (field::RCV_SCALE, 7),
        (field::RCV_ADV, 700),
        (field::T_RTSEQ_RECENT, 71),
        (field::TX_MAX, u64::from(ISS) + 1 + 4000),
        (field::SND_UNA_RAW, 4000 - 1448),
        (field::SND_NXT_RAW, 0),
        (field::SND_MAX_RAW, 0),
        (field::RCV_NXT, u64::from(IRS) + 101),
        (field::RCV_WND, (63 << 10) - 100),
        (field::RX_HDR_OFFSET, 0),
        (field::TS_LAST_ACK_SENT_RAW, 0),
        (field::RX_FRAG0_START_IDX_RAW, 100),
        (field::RX_FRAG0_LEN, 50),
        (field::RX_FRAG1_LEN, 0),
    ] {
        assert_eq!(image.get(field), value, "{}", field.name);
    }
    let flags = image.flags();
    assert!(flags.active_open() && flags.recv_scale() && flags.recv_tstmp() && flags.recv_sack());
    assert!(!flags.non_offload() && !flags.peer_fin() && !flags.core_fin() && flags.timer());
}
