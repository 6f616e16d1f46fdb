//! The upload of a connection: which bits of the new card's TCB are written, in which order.
//!
//! Everything that the new owner will know of the connection is in these writes. The connection's
//! image comes from the old card; the promises that the peer has been made come from the forwarder.
//!
//! The distances of a TCB count payload that the card holds, and where it holds it is private to the card. So a
//! connection with bytes that the peer has not acknowledged is first written as if there were none, then given these
//! bytes by ordinary work requests, and only then told how many of them have been sent before ([`Upload::live`]).

use mafo_stack::tom::window_behind;
use mafo_stack::{Defect, Defects};
use mafo_t4::PortId;
use mafo_t4::tcb::{Field, State, TFlags, Tcb, field};
use mafo_tcp::SeqNum;

use crate::snoop::LetOut;

/// Writes that fit one work request (48 bytes each in 512).
pub const WRITES_PER_WR: usize = 10;

/// One SET_TCB_FIELD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write {
    /// First of the 64 bits, in words.
    pub word: u8,
    /// Which bits are written.
    pub mask: u64,
    /// Their values.
    pub value: u64,
}

/// A card's clocks, as far as a TCB depends on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardClock {
    /// Core clock in kHz.
    pub khz: u32,
    /// A timer tick is `1 << timer_shift` core ticks (TP_TIMER_RESOLUTION).
    pub timer_shift: u8,
    /// The timestamp clock now, without any connection's offset.
    pub ts_now: u32,
}

/// The card that takes the connection over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its clocks.
    pub clock: CardClock,
    /// The port that the connection will use, and so its channel.
    pub port: PortId,
    /// Mistakes that are made on purpose.
    pub defects: Defects,
}

/// Why a connection cannot be uploaded as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotNow {
    /// Payload or FIN is not acknowledged, and nobody said that it may be posted again.
    NotDrained,
    /// In-order bytes are still in the card.
    Undelivered,
    /// Bytes beyond a gap are in the card, and the host does not have them.
    Fragments,
    /// The state does not move: the handshake, or the end, comes first.
    State(State),
    /// A card does not say what its clock shows: it has died.
    NoClock,
    /// Another jump of the timestamp could make the peer take ours for old ones (RFC 7323, 5.2): it has
    /// to prove first that it took the last.
    TimestampBudget,
}

/// Where our side of the stream stands, in sequence numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The oldest byte that the peer has not acknowledged.
    pub una: SeqNum,
    /// Where sending goes on.
    pub nxt: SeqNum,
    /// Behind the last byte, or the FIN, that the peer may have seen.
    pub max: SeqNum,
    /// Behind the last byte, or the FIN, that an owner has been given.
    pub end: SeqNum,
}

impl Sent {
    /// All up to `end` is acknowledged.
    #[must_use]
    pub fn all(end: SeqNum) -> Self {
        Self { una: end, nxt: end, max: end, end }
    }

    /// Whether the peer has acknowledged everything.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.una == self.end
    }
}

/// What is written, and by how much the peer will see our timestamps jump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Writes of the image, in order.
    pub image: Vec<Write>,
    /// Writes behind the payload that is posted again. The last one makes the connection live.
    pub live: Vec<Write>,
    /// Where our side of the stream stands.
    pub sent: Sent,
    /// TIMESTAMP_OFFSET of the new TCB.
    pub ts_offset: u8,
    /// Forward jump of TSval, in ticks of the peer's view; with earlier jumps that it has not proved to
    /// have taken.
    pub ts_jump: u32,
}

/// The sum of jumps that a peer must be able to take without a proof in between: below 2^31, where
/// PAWS turns round, by a margin for the clock's own progress.
pub const TS_JUMP_BUDGET: u32 = (1 << 31) - (1 << 29);

/// Whether a peer that may not have seen the last jumps, `jumped` together, takes another one.
pub fn within_budget(jumped: u32, jump: u32) -> bool {
    jumped.saturating_add(jump) < TS_JUMP_BUDGET
}

/// Fragments that the card may hold: where they begin and how long they are.
const FRAGMENTS: [(Field, Field); 4] = [
    (field::RX_FRAG0_START_IDX_RAW, field::RX_FRAG0_LEN),
    (field::RX_FRAG1_START_IDX_OFFSET, field::RX_FRAG1_LEN),
    (field::RX_FRAG2_START, field::RX_FRAG2_LEN),
    (field::RX_FRAG3_START, field::RX_FRAG3_LEN),
];

/// Whether the image can be moved at all.
pub fn check(image: &Tcb) -> Result<(), NotNow> {
    let state = image.state();
    let moves = matches!(
        state,
        State::Established
            | State::CloseWait
            | State::FinWait1
            | State::FinWait2
            | State::Closing
            | State::LastAck
    );
    if !moves {
        return Err(NotNow::State(state));
    }
    if image.get(field::RX_HDR_OFFSET) != 0 {
        return Err(NotNow::Undelivered);
    }
    Ok(())
}

/// The ranges that the card holds beyond a gap. They are not moved: the peer has been told that they are here, so
/// somebody else has to have them too.
#[must_use]
pub fn fragments(image: &Tcb) -> Vec<(SeqNum, SeqNum)> {
    let rcv_nxt = SeqNum(image.rcv_nxt());
    let first = rcv_nxt + image.get(field::RX_FRAG0_START_IDX_RAW) as u32;
    let mut held = Vec::new();
    for (n, (start, len)) in FRAGMENTS.into_iter().enumerate() {
        let len = image.get(len) as u32;
        if len != 0 {
            // The second counts from the first, the others from RCV_NXT.
            let start = if n == 1 { first } else { rcv_nxt } + image.get(start) as u32;
            held.push((start, start + len));
        }
    }
    held
}

/// The writes that make the NON_OFFLOAD TCB on `target` the connection of `image`.
///
/// `old` is the clock of the card that `image` comes from, read when it could no longer speak.
/// `jumped` is the sum of earlier jumps that the peer has not proved to have taken. Of our side of the stream only
/// `sent` counts, not what the image says.
pub fn plan(
    image: &Tcb,
    sent: Sent,
    told: &LetOut,
    old: CardClock,
    target: &Target,
    jumped: u32,
) -> Result<Upload, NotNow> {
    check(image)?;
    let rcv_nxt = SeqNum(image.rcv_nxt());
    if told.ack.is_some_and(|ack| ack.after(rcv_nxt)) {
        return Err(NotNow::Undelivered);
    }
    let flags = image.flags();
    let (ts_offset, ts_jump) = if flags.recv_tstmp() {
        let last = last_stamp(image, told, old);
        let (offset, jump) = timestamp_offset(target.clock.ts_now, last);
        let ignored = target.defects.has(Defect::JumpBudgetIgnored);
        if !within_budget(jumped, jump) && !ignored {
            return Err(NotNow::TimestampBudget);
        }
        (offset, jump)
    } else {
        (0, 0)
    };
    let defects = target.defects;
    let ts_offset = if defects.has(Defect::TimestampBaseForgotten) { 0 } else { ts_offset };
    let ticks = |field| convert(image.get(field), old, target.clock);
    let rcv_wnd = u64::from(right_edge(image, told).since(rcv_nxt)).min(field::RCV_WND.max());
    let unit = 1 << image.get(field::SND_SCALE);
    let rcv_wnd =
        if defects.has(Defect::RightEdgeLeft) { rcv_wnd.saturating_sub(unit) } else { rcv_wnd };
    let last_ack = told.ack.map_or_else(|| image.last_ack_sent(), |ack| ack.0);
    let owed = u64::from(rcv_nxt.0.wrapping_sub(last_ack)).min(field::TS_LAST_ACK_SENT_RAW.max());
    let copy = |f: Field| (f, image.get(f));
    let swapped = defects.has(Defect::ScalesSwapped);
    let (snd, rcv) = (field::SND_SCALE, field::RCV_SCALE);
    let scale = |f: Field, other: Field| (f, image.get(if swapped { other } else { f }));
    let recent = image.get(field::T_RTSEQ_RECENT);
    let recent = if defects.has(Defect::RecentForgotten) { 0 } else { recent };
    // Behind what an owner that repairs losses has in flight comes a window of what it took the path to carry.
    let repairing = !sent.is_drained() && flags.fast_recovery();
    let cwnd = image.get(if repairing { field::SND_SSTHRESH } else { field::SND_CWND });
    let groups: [(u8, &[(Field, u64)]); 15] = [
        (
            3,
            &[
                copy(field::TOS),
                copy(field::T_STATE),
                copy(field::MAX_RT),
                scale(snd, rcv),
                scale(rcv, snd),
                (field::T_RXTSHIFT, 0),
                (field::T_DUPACKS, 0),
                (field::TIMESTAMP_OFFSET, u64::from(ts_offset)),
                (field::RCV_ADV, window_behind(image, sent.una).into()),
            ],
        ),
        (6, &[(field::T_RTT_TS_RECENT_AGE, 0), (field::T_RTSEQ_RECENT, recent)]),
        (
            8,
            &[
                (field::T_SRTT, ticks(field::T_SRTT)),
                (field::T_RTTVAR, ticks(field::T_RTTVAR)),
                (field::TX_MAX, u64::from(sent.una.0)),
            ],
        ),
        (10, &[(field::SND_UNA_RAW, 0), (field::SND_NXT_RAW, 0)]),
        (11, &[(field::SND_MAX_RAW, 0)]),
        (12, &[(field::SND_REC_RAW, 0)]),
        (13, &[(field::SND_CWND, cwnd)]),
        (14, &[copy(field::SND_SSTHRESH)]),
        (16, &[copy(field::RCV_NXT)]),
        (17, &[(field::RCV_WND, rcv_wnd)]),
        (18, &[(field::RX_HDR_OFFSET, 0)]),
        (19, &[(field::TS_LAST_ACK_SENT_RAW, owed), (field::RX_FRAG0_START_IDX_RAW, 0)]),
        (20, &[(field::RX_FRAG1_START_IDX_OFFSET, 0)]),
        (21, &[(field::RX_FRAG0_LEN, 0)]),
        (22, &[(field::RX_FRAG1_LEN, 0)]),
    ];
    let mut image: Vec<Write> = groups.iter().map(|(word, fields)| write(*word, fields)).collect();
    let mut live = Vec::new();
    if !sent.is_drained() {
        let quiesce = TFlags::TX_QUIESCE_MASK;
        image.push(Write { word: field::T_FLAGS.word, mask: quiesce, value: quiesce });
        let back = |seq: SeqNum| u64::from(sent.end.since(seq));
        live.push(write(10, &[(field::SND_NXT_RAW, back(sent.nxt))]));
        live.push(write(11, &[(field::SND_MAX_RAW, back(sent.max))]));
    }
    let flags = live_flags(flags, target.port);
    live.push(Write { word: field::T_FLAGS.word, mask: TFlags::TRAVELLING, value: flags.0 });
    Ok(Upload { image, live, sent, ts_offset, ts_jump })
}

impl Upload {
    /// The first timestamp that the peer sends is taken, whatever it is: the one of the image is nobody's. A
    /// timestamp is no longer believed after 24 days (RFC 7323 5.5), and a stamp shows up to 2^31 ticks, 26 days, ago;
    /// a day less here, since the card's clock goes on before the stamp gets there.
    pub fn forget_recent(&mut self, target: &Target) {
        let age = field::T_RTT_TS_RECENT_AGE;
        let long_ago = target.clock.ts_now.wrapping_sub(i32::MAX as u32 - (1 << 26));
        for write in self.image.iter_mut().filter(|write| write.word == age.word) {
            write.value = write.value & !age.mask() | age.place(u64::from(long_ago));
        }
    }
}

/// Up to where the peer may send: what it was told is kept, whatever the card's own record says.
pub fn right_edge(image: &Tcb, told: &LetOut) -> SeqNum {
    let rcv_nxt = SeqNum(image.rcv_nxt());
    let told = told.right_edge.map_or(0, |edge| edge.since(rcv_nxt) as i32).max(0) as u32;
    rcv_nxt + told.max(image.get(field::RCV_WND) as u32)
}

/// The latest timestamp that the peer may have been shown.
pub fn last_stamp(image: &Tcb, told: &LetOut, old: CardClock) -> u32 {
    let last = old.ts_now.wrapping_add((image.get(field::TIMESTAMP_OFFSET) as u32) << 28);
    told.ts_val.filter(|&out| (out.wrapping_sub(last) as i32) > 0).unwrap_or(last)
}

/// The flags of the live connection: those that travel, on the channel of its new port.
fn live_flags(flags: TFlags, port: PortId) -> TFlags {
    let channel = u64::from(port.0);
    TFlags(flags.0 & TFlags::TRAVELLING)
        .with_non_offload(false)
        .with_tx_quiesce(false)
        .with_tx_channel(channel)
        .with_rx_channel(channel & 1 != 0)
        .with_tx_queue(channel)
}

/// One SET_TCB_FIELD at `word` for neighbours that lie in its 64 bits.
fn write(word: u8, fields: &[(Field, u64)]) -> Write {
    let mut write = Write { word, mask: 0, value: 0 };
    for (field, value) in fields {
        let Some(seen) = field.seen_from(word) else {
            panic!("{} does not lie in the 64 bits at word {word}", field.name)
        };
        write.mask |= seen.mask();
        write.value |= seen.place(*value);
    }
    write
}

/// The smallest offset, in steps of 2^28, that makes a clock at `now` show no less than `last`; and the
/// jump that the peer sees.
pub fn timestamp_offset(now: u32, last: u32) -> (u8, u32) {
    // Forward distance from the bare clock to the last stamp, rounded up to a step.
    let behind = last.wrapping_sub(now);
    let step = 1u32 << 28;
    let offset = behind.div_ceil(step) % 16;
    let jump = now.wrapping_add(offset.wrapping_mul(step)).wrapping_sub(last);
    (offset as u8, jump)
}

/// A time in ticks of one card's timer in ticks of another's, rounded up: a round-trip time of a
/// fraction of a tick is not none.
fn convert(ticks: u64, old: CardClock, new: CardClock) -> u64 {
    let numerator = (u128::from(ticks) * u128::from(new.khz)) << old.timer_shift;
    let denominator = u128::from(old.khz.max(1)) << new.timer_shift;
    u64::try_from(numerator.div_ceil(denominator)).unwrap_or(u64::MAX).min(field::T_SRTT.max())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: CardClock = CardClock { khz: 250_000, timer_shift: 14, ts_now: 1000 };
    const NEW: Target = Target {
        clock: CardClock { khz: 200_000, timer_shift: 13, ts_now: 5 },
        port: PortId(2),
        defects: Defects::NONE,
    };

    /// All that the image's owner was given is acknowledged.
    const DRAINED: SeqNum = SeqNum(0xffff_fff0);

    fn plan_of(image: &Tcb, told: &LetOut, jumped: u32) -> Result<Upload, NotNow> {
        plan(image, Sent::all(DRAINED), told, OLD, &NEW, jumped)
    }

    fn image() -> Tcb {
        let flags = TFlags(0)
            .with_recv_scale(true)
            .with_recv_tstmp(true)
            .with_recv_sack(true)
            .with_nagle(true)
            .with_cctrl_sel(2)
            .with_core_push(true)
            .with_tx_channel(1)
            .with_tx_queue(1)
            .with_timer(true);
        let mut tcb = Tcb::default()
            .with(field::SND_SCALE, 9)
            .with(field::RCV_SCALE, 2)
            .with(field::TIMESTAMP_OFFSET, 3)
            .with(field::RCV_ADV, 0xabcd)
            .with(field::T_RTSEQ_RECENT, 0x8000_0001)
            .with(field::T_SRTT, 100)
            .with(field::T_RTTVAR, 7)
            .with(field::TX_MAX, 0xffff_fff0)
            .with(field::SND_CWND, 20_000)
            .with(field::SND_SSTHRESH, 0x0fff_ffff)
            .with(field::RCV_NXT, 0x10)
            .with(field::RCV_WND, 4000)
            .with(field::TS_LAST_ACK_SENT_RAW, 0)
            .with(field::MAX_RT, 15);
        tcb.set_state(State::CloseWait);
        tcb.set_flags(flags.with_peer_fin(true));
        tcb
    }

    /// The TCB after the writes, on one that an open left with its own flags and garbage.
    fn written(upload: &Upload) -> Tcb {
        let mut tcb = Tcb([0xff; 128]);
        for write in upload.image.iter().chain(&upload.live) {
            tcb.set_field(write.word, write.mask, write.value);
        }
        tcb
    }

    #[test]
    fn the_new_tcb_is_the_old_connection() {
        let told = LetOut {
            seq_end: Some(SeqNum(0xffff_fff0)),
            ack: Some(SeqNum(0x0c)),
            right_edge: Some(SeqNum(0x10 + 5000)),
            ts_val: None,
            ts_ecr: None,
        };
        let upload = plan_of(&image(), &told, 0).expect("movable");
        let tcb = written(&upload);
        assert_eq!(tcb.state(), State::CloseWait);
        // Scales keep their odd names: SND_SCALE is that of our window.
        assert_eq!((tcb.get(field::SND_SCALE), tcb.get(field::RCV_SCALE)), (9, 2));
        assert_eq!(
            (tcb.snd_una(), tcb.snd_nxt(), tcb.snd_max()),
            (0xffff_fff0, 0xffff_fff0, 0xffff_fff0)
        );
        assert_eq!(tcb.rcv_nxt(), 0x10);
        assert_eq!(tcb.get(field::RCV_WND), 5000, "the edge that was let out, not the smaller one");
        assert_eq!(tcb.last_ack_sent(), 0x0c, "four bytes are owed an ACK");
        assert_eq!(tcb.get(field::T_RTSEQ_RECENT), 0x8000_0001);
        assert_eq!(tcb.get(field::RCV_ADV), 0xabcd);
        assert_eq!((tcb.get(field::SND_CWND), tcb.get(field::SND_SSTHRESH)), (20_000, 0x0fff_ffff));
        // 100 ticks of 65.536 µs are 6.5536 ms: 160 ticks of 40.96 µs. 7: 11.2, rounded up.
        assert_eq!((tcb.get(field::T_SRTT), tcb.get(field::T_RTTVAR)), (160, 12));
        assert_eq!((tcb.get(field::T_RXTSHIFT), tcb.get(field::T_DUPACKS)), (0, 0));
        assert_eq!((tcb.get(field::RX_HDR_OFFSET), tcb.get(field::RX_FRAG0_LEN)), (0, 0));
        let flags = tcb.flags();
        assert_eq!(
            (flags.non_offload(), flags.tx_quiesce(), flags.peer_fin()),
            (false, false, true)
        );
        assert_eq!((flags.recv_scale(), flags.recv_tstmp(), flags.recv_sack()), (true, true, true));
        assert_eq!((flags.nagle(), flags.cctrl_sel()), (true, 2));
        assert_eq!((flags.tx_channel(), flags.tx_queue()), (2, 2), "the new port's channel");
    }

    /// By hand: 0xabcd units of 4 bytes behind 0xffff_fff0 end at 0x2af24, and begin at 0x10 now.
    #[test]
    fn the_window_ends_where_it_did_when_more_is_acknowledged_than_the_card_knew() {
        let sent = Sent::all(SeqNum(0x10));
        let upload = plan(&image(), sent, &LetOut::default(), OLD, &NEW, 0).expect("movable");
        assert_eq!(written(&upload).get(field::RCV_ADV), 0xabcd - 0x20 / 4);
    }

    /// By hand: una 0xffff_fff0, 40 bytes and a FIN behind it, 25 bytes of which the peer may have seen.
    #[test]
    fn bytes_that_are_not_acknowledged_come_between_image_and_life() {
        let sent = Sent { una: DRAINED, nxt: DRAINED + 5, max: SeqNum(9), end: SeqNum(0x19) };
        let mut old = image();
        old.set_flags(old.flags().with_fast_recovery(true));
        let old = old.with(field::SND_SSTHRESH, 5000);
        let upload = plan(&old, sent, &LetOut::default(), OLD, &NEW, 0).expect("movable");
        let mut tcb = Tcb([0xff; 128]);
        for write in &upload.image {
            tcb.set_field(write.word, write.mask, write.value);
        }
        assert_eq!((tcb.tx_max(), tcb.snd_una(), tcb.snd_max()), (DRAINED.0, DRAINED.0, DRAINED.0));
        assert_eq!(tcb.get(field::SND_CWND), 5000, "repair ends with the move");
        // The card takes payload and FIN: TX_MAX and all distances grow.
        tcb.set(field::TX_MAX, 0x19);
        for raw in [field::SND_UNA_RAW, field::SND_NXT_RAW, field::SND_MAX_RAW] {
            tcb.set(raw, 41);
        }
        for write in &upload.live {
            tcb.set_field(write.word, write.mask, write.value);
        }
        assert_eq!((tcb.snd_una(), tcb.snd_nxt(), tcb.snd_max()), (DRAINED.0, 0xffff_fff5, 9));
        assert!(!tcb.flags().non_offload());
        let flags = upload.image.iter().filter(|w| w.word == 1 || w.word == 2);
        let early: Vec<u64> = flags.map(|w| w.mask).collect();
        assert_eq!(early, [TFlags::TX_QUIESCE_MASK], "others would be filter actions");
    }

    #[test]
    fn it_fits_two_work_requests_and_goes_live_last() {
        let upload = plan_of(&image(), &LetOut::default(), 0).expect("movable");
        let writes = [upload.image, upload.live].concat();
        assert!(writes.len() <= 2 * WRITES_PER_WR);
        let (last, before) = writes.split_last().expect("writes");
        assert_eq!(last.word, 1);
        assert_ne!(last.mask & TFlags::NON_OFFLOAD_MASK, 0);
        assert_eq!(
            last.mask & (TFlags::CORE_FIN_MASK | TFlags::TIMER_MASK | TFlags::PEND_CTL_MASK),
            0
        );
        assert!(before.iter().all(|w| w.word != 1 && w.word != 2), "flags would be filter actions");
    }

    #[test]
    fn timestamps_never_go_back_and_jump_less_than_a_step() {
        for now in [0, 5, (1 << 28) - 1, 1 << 31, u32::MAX - 3] {
            for last in [0, 7, 1 << 28, (1 << 31) + 9, u32::MAX] {
                let (offset, jump) = timestamp_offset(now, last);
                let shown = now.wrapping_add(u32::from(offset) << 28);
                assert_eq!(shown.wrapping_sub(last), jump, "{now:#x} {last:#x}");
                assert!(jump < 1 << 28, "{now:#x} {last:#x}: {jump:#x}");
                assert!(offset < 16);
            }
        }
    }

    /// By hand, with RCV_NXT 0x10: 100 bytes 50 beyond it, 10 bytes 200 beyond the first one's start, 7 bytes 1000
    /// beyond RCV_NXT.
    #[test]
    fn fragments_are_where_the_datasheet_says() {
        let image = image()
            .with(field::RX_FRAG0_START_IDX_RAW, 50)
            .with(field::RX_FRAG0_LEN, 100)
            .with(field::RX_FRAG1_START_IDX_OFFSET, 200)
            .with(field::RX_FRAG1_LEN, 10)
            .with(field::RX_FRAG3_START, 1000)
            .with(field::RX_FRAG3_LEN, 7);
        let expected = [(66, 166), (266, 276), (1016, 1023)];
        assert_eq!(fragments(&image), expected.map(|(a, b)| (SeqNum(a), SeqNum(b))));
        assert_eq!(fragments(&self::image()), []);
    }

    #[test]
    fn jumps_are_budgeted() {
        let upload = plan_of(&image(), &LetOut::default(), 0).expect("movable");
        let spent = TS_JUMP_BUDGET - upload.ts_jump;
        let refused = plan_of(&image(), &LetOut::default(), spent);
        assert_eq!(refused, Err(NotNow::TimestampBudget));
        assert!(plan_of(&image(), &LetOut::default(), spent - 1).is_ok());
    }

    #[test]
    fn what_cannot_move_says_why() {
        let refused = |tcb: Tcb| plan_of(&tcb, &LetOut::default(), 0).map(|_| ());
        assert_eq!(refused(image().with(field::RX_HDR_OFFSET, 1)), Err(NotNow::Undelivered));
        let beyond = LetOut { ack: Some(SeqNum(0x11)), ..LetOut::default() };
        let acked_more = plan_of(&image(), &beyond, 0).map(|_| ());
        assert_eq!(acked_more, Err(NotNow::Undelivered), "the peer was promised a byte more");
        let mut opening = image();
        opening.set_state(State::SynRcvd);
        assert_eq!(refused(opening), Err(NotNow::State(State::SynRcvd)));
    }
}
