//! SYN cookies (RFC 4987 3.6): a handshake whose first half is nowhere kept but in our SYN,ACK's own numbers.
//!
//! ```text
//!  initial sequence number = hash(addresses) + peer's ISN + minute << 24
//!                          + ( hash(addresses, peer's ISN, minute) + MSS index ) mod 2^24
//!  TSval, if the peer sends timestamps = the clock with its six low bits replaced by: ECN, SACK, window shift
//! ```
//!
//! Functions of their arguments alone. Who calls them decides when: a cookie costs the peer options (without
//! timestamps all but a coarse MSS), and one of 2^27 forged ACKs opens a connection, so only when there is no room.

use core::net::SocketAddr;

use mafo_mem::Nanos;

use crate::connection::{MSS_DEFAULT, MSS_MIN};
use crate::ecn::EcnFlags;
use crate::isn::{Purpose, Secret, hash, hash_at};
use crate::{
    CongestionControl, Ecn, EcnMode, Flags, Opened, Options, Segment, SeqNum, Timestamps, TsClock,
};

/// Segment sizes that a cookie can tell, in three bits; the peer's own is rounded down. The last ones are those of
/// tunnels, PPPoE and Ethernet.
//= rfc9293#3.7.1 MUST-16
const MSS_TABLE: [u16; 8] = [MSS_MIN, 256, 536, 900, 1220, 1400, 1440, 1460];

/// Bits of the sequence number that hold hash and MSS index; above them the minute.
const DATA_BITS: u32 = 24;
const DATA_MASK: u32 = (1 << DATA_BITS) - 1;

/// A cookie is good in the minute of its making and so many after it. Old secrets are of no use to anybody then.
const MINUTES_MAX: u32 = 2;
const MINUTE: Nanos = Nanos::from_secs(60);

/// How long after the last cookie an ACK may still answer one.
pub const LIFETIME: Nanos = Nanos::from_secs(60 * (MINUTES_MAX as u64 + 1));

/// In the low bits of TSval: the window shift, or [`NO_SCALE`]; SACK; and ECN. As Linux has them.
const TS_BITS: u32 = 6;
const TS_MASK: u32 = (1 << TS_BITS) - 1;
const SCALE_MASK: u32 = 0xf;
const NO_SCALE: u32 = 0xf;
const SACK: u32 = 0x10;
const ECN: u32 = 0x20;

/// What a SYN,ACK of ours offers.
#[derive(Clone, Copy, Debug)]
pub struct Offer {
    /// The window, not scaled.
    pub window: u16,
    /// MSS, window scale, SACK, and TSval by the clock. TSecr is not looked at.
    pub options: Options,
    /// When ECN is agreed to.
    pub ecn: EcnMode,
    /// Congestion control of the connection, which may need ECN.
    pub congestion: CongestionControl,
}

fn minute(now: Nanos) -> u32 {
    (now.0 / MINUTE.0) as u32
}

/// What the hash of a minute is made with beside the addresses.
fn salt(minute: u32, irs: SeqNum) -> u64 {
    u64::from(minute) << 32 | u64::from(irs.0)
}

/// The initial sequence number of the SYN,ACK that answers `syn`.
///
//= rfc4987#3.6
#[must_use]
pub fn make(
    secret: &Secret,
    local: SocketAddr,
    remote: SocketAddr,
    now: Nanos,
    syn: &Segment,
) -> SeqNum {
    //= rfc9293#3.7.1 MUST-15
    let mss = syn.options.mss.unwrap_or(MSS_DEFAULT);
    let index = MSS_TABLE.iter().rposition(|entry| *entry <= mss).unwrap_or(0) as u32;
    let minute = minute(now);
    let salt = salt(minute, syn.seq);
    let data = hash_at(secret, Purpose::CookieData, local, remote, salt).wrapping_add(index);
    let base = hash(secret, Purpose::CookieBase, local, remote).wrapping_add(syn.seq.0);
    SeqNum(base.wrapping_add(minute << DATA_BITS).wrapping_add(data & DATA_MASK))
}

/// The peer's MSS, rounded down, if `ack` acknowledges a SYN,ACK that [`make`] has numbered not long ago.
//= rfc4987#3.6 RFC4987-3.6-2
#[must_use]
pub fn check(
    secret: &Secret,
    local: SocketAddr,
    remote: SocketAddr,
    now: Nanos,
    ack: &Segment,
) -> Option<u16> {
    let (cookie, irs) = ((ack.ack - 1).0, (ack.seq - 1).0);
    let base = hash(secret, Purpose::CookieBase, local, remote).wrapping_add(irs);
    let rest = cookie.wrapping_sub(base);
    let age = minute(now).wrapping_sub(rest >> DATA_BITS) & (u32::MAX >> DATA_BITS);
    if age > MINUTES_MAX {
        return None;
    }
    let made = minute(now).wrapping_sub(age);
    let salt = salt(made, SeqNum(irs));
    let hash = hash_at(secret, Purpose::CookieData, local, remote, salt);
    MSS_TABLE.get((rest.wrapping_sub(hash) & DATA_MASK) as usize).copied()
}

/// The SYN,ACK that answers `syn`, numbered `cookie`.
//= rfc4987#3.6 RFC4987-3.6-3
#[must_use]
pub fn syn_ack(syn: &Segment, cookie: SeqNum, offer: &Offer) -> Segment {
    let Offer { window, options: offer, ecn, congestion } = offer;
    let mut reply = Segment {
        src_port: syn.dst_port,
        dst_port: syn.src_port,
        seq: cookie,
        ack: syn.seq + 1,
        flags: Flags::SYN | Flags::ACK,
        window: *window,
        ..Segment::default()
    };
    reply.options.mss = offer.mss;
    // What the peer agrees to is remembered by its clock's echo, or not at all.
    if let (Some(ours), Some(theirs)) = (offer.timestamps, syn.options.timestamps) {
        let scale = syn.options.window_scale.filter(|_| offer.window_scale.is_some());
        let sack = offer.sack_permitted && syn.options.sack_permitted;
        reply.options.window_scale = offer.window_scale.filter(|_| scale.is_some());
        reply.options.sack_permitted = sack;
        let mut marks = EcnFlags::new(*ecn, *congestion, Opened::Passively);
        marks.on_syn(syn, *congestion);
        reply.flags |= marks.syn_ack_flags();
        let mut bits = scale.map_or(NO_SCALE, |scale| u32::from(scale.min(14)));
        bits |= if sack { SACK } else { 0 };
        bits |= if marks.echoes { ECN } else { 0 };
        reply.options.timestamps = Some(Timestamps { val: stamp(ours.val, bits), ecr: theirs.val });
    }
    reply
}

/// The last reading of the clock, not after `val`, whose low bits are `bits`.
fn stamp(val: u32, bits: u32) -> u32 {
    let stamp = val & !TS_MASK | bits;
    if SeqNum(stamp).after(SeqNum(val)) { stamp.wrapping_sub(1 << TS_BITS) } else { stamp }
}

/// The peer's SYN as far as `ack`, which has passed [`check`] with `mss`, tells of it by what it echoes of `clock`, the
/// one that showed TSval in [`Offer`].
#[must_use]
pub fn syn_of(ack: &Segment, mss: u16, clock: &TsClock, now: Nanos) -> Segment {
    let mut options = Options { mss: Some(mss), ..Options::default() };
    let mut flags = Flags::SYN;
    let oldest = (LIFETIME.0 / clock.tick.0) as u32 + (1 << TS_BITS);
    //= rfc7323#3.2 RFC7323-3.2-6
    // A peer that was not given a stamp echoes nothing that this clock has shown lately.
    let is_ours = |ts: &Timestamps| clock.ticks(now).wrapping_sub(ts.ecr) <= oldest;
    if let Some(Timestamps { val, ecr }) = ack.options.timestamps.filter(is_ours) {
        options.timestamps = Some(Timestamps { val, ecr: 0 });
        options.sack_permitted = ecr & SACK != 0;
        if ecr & ECN != 0 {
            flags |= Flags::ECE | Flags::CWR;
        }
        options.window_scale = Some(ecr & SCALE_MASK).filter(|s| *s != NO_SCALE).map(|s| s as u8);
    }
    let (seq, ecn) = (ack.seq - 1, Ecn::NotEct);
    Segment { seq, ack: SeqNum(0), flags, options, payload_len: 0, ecn, ..*ack }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: Secret = Secret([3; 16]);
    const T: Nanos = Nanos::from_secs(1_000_000);

    fn addresses() -> (SocketAddr, SocketAddr) {
        (([10, 0, 0, 1], 80).into(), ([10, 9, 9, 9], 40_000).into())
    }

    fn syn(options: Options) -> Segment {
        Segment {
            seq: SeqNum(0xffff_fff0),
            flags: Flags::SYN,
            window: 9000,
            options,
            ..Segment::default()
        }
    }

    fn ack(cookie: SeqNum) -> Segment {
        let seq = SeqNum(0xffff_fff1);
        Segment { seq, ack: cookie + 1, flags: Flags::ACK, window: 9000, ..Segment::default() }
    }

    fn with(options: Options) -> Offer {
        let (ecn, congestion) = (EcnMode::OnRequest, CongestionControl::default());
        Offer { window: 1000, options, ecn, congestion }
    }

    fn made(mss: Option<u16>) -> SeqNum {
        let (local, remote) = addresses();
        make(&SECRET, local, remote, T, &syn(Options { mss, ..Options::default() }))
    }

    fn checked(later: u64, ack: &Segment) -> Option<u16> {
        let (local, remote) = addresses();
        check(&SECRET, local, remote, T + Nanos::from_secs(later), ack)
    }

    #[test]
    fn the_mss_comes_back_rounded_down() {
        for (mss, told) in [
            (None, 536),
            (Some(0), 48),
            (Some(255), 48),
            (Some(535), 256),
            (Some(899), 536),
            (Some(1219), 900),
            (Some(1459), 1440),
            (Some(1460), 1460),
            (Some(9000), 1460),
        ] {
            assert_eq!(checked(0, &ack(made(mss))), Some(told), "{mss:?}");
        }
    }

    //= rfc4987#3.6 RFC4987-3.6-2
    #[test]
    fn a_cookie_is_good_for_its_minute_and_two_more_and_then_for_ever_not() {
        let answer = ack(made(Some(1460)));
        // T is 40 s into its minute.
        for later in [0, 19, 20, 79, 139] {
            assert_eq!(checked(later, &answer), Some(1460), "{later} s");
        }
        for later in [140, 200, 3600, 256 * 60 - 60] {
            assert_eq!(checked(later, &answer), None, "{later} s");
        }
    }

    //= rfc4987#3.6 RFC4987-3.6-2
    #[test]
    fn nothing_else_is_one() {
        let answer = ack(made(Some(1460)));
        let (local, remote) = addresses();
        let other = SocketAddr::from(([10, 9, 9, 9], 40_001));
        assert_eq!(check(&SECRET, local, other, T, &answer), None);
        assert_eq!(check(&SECRET, remote, local, T, &answer), None);
        assert_eq!(check(&Secret([4; 16]), local, remote, T, &answer), None);
        assert_eq!(checked(0, &Segment { seq: answer.seq + 1, ..answer }), None);
        // Of 2^24 numbers in a minute eight are right, and none of the neighbours but those with other MSS.
        let near = (1..=4096).filter(|n| checked(0, &ack(made(Some(48)) + *n)).is_some()).count();
        assert_eq!(near, 7);
    }

    #[test]
    fn timestamps_carry_scale_and_sack() {
        let offer = Options {
            mss: Some(1460),
            window_scale: Some(5),
            sack_permitted: true,
            timestamps: Some(Timestamps { val: 0x1234_5678, ecr: 0 }),
            ..Options::default()
        };
        for (window_scale, sack_permitted) in
            [(Some(9), true), (Some(14), false), (Some(0), true), (None, true)]
        {
            let timestamps = Some(Timestamps { val: 77, ecr: 0 });
            let asked = Options {
                mss: Some(1460),
                window_scale,
                sack_permitted,
                timestamps,
                ..Options::default()
            };
            let reply = syn_ack(&syn(asked), SeqNum(1), &with(offer));
            assert_eq!(reply.options.window_scale, window_scale.map(|_| 5));
            assert_eq!(reply.options.sack_permitted, sack_permitted);
            let stamp = reply.options.timestamps.expect("agreed");
            assert_eq!(stamp.ecr, 77);
            assert!(stamp.val <= 0x1234_5678 && 0x1234_5678 - stamp.val < 64, "{stamp:x?}");
            let mut answer = ack(SeqNum(1));
            answer.options.timestamps = Some(Timestamps { val: 78, ecr: stamp.val });
            let at = |millis: u64| {
                syn_of(&answer, 1460, &TsClock::default(), Nanos::from_millis(millis)).options
            };
            let told = at(0x1234_5678 + 179_999);
            assert_eq!((told.window_scale, told.sack_permitted), (window_scale, sack_permitted));
            assert_eq!(told.timestamps, Some(Timestamps { val: 78, ecr: 0 }));
            let stray = [at(0x1234_5678 + 181_000), at(0x1234_5600)];
            assert_eq!(stray, [Options { mss: Some(1460), ..Options::default() }; 2], "not ours");
        }
    }

    #[test]
    fn without_timestamps_nothing_is_offered_that_would_be_forgotten() {
        let offer = Options {
            mss: Some(1460),
            window_scale: Some(5),
            sack_permitted: true,
            timestamps: Some(Timestamps { val: 5, ecr: 0 }),
            ..Options::default()
        };
        let asked = Options {
            mss: Some(1000),
            window_scale: Some(7),
            sack_permitted: true,
            ..Options::default()
        };
        let reply = syn_ack(&syn(asked), SeqNum(9), &with(offer));
        assert_eq!(reply.options, Options { mss: Some(1460), ..Options::default() });
        assert_eq!((reply.seq, reply.ack, reply.window), (SeqNum(9), SeqNum(0xffff_fff1), 1000));
        let told = syn_of(&ack(SeqNum(9)), 900, &TsClock::default(), T);
        assert_eq!(told.options, Options { mss: Some(900), ..Options::default() });
        assert_eq!((told.seq, told.flags), (SeqNum(0xffff_fff0), Flags::SYN));
    }

    #[test]
    fn ecn_comes_back_where_it_was_agreed_to() {
        let stamp = Some(Timestamps { val: 5, ecr: 0 });
        let options = Options { timestamps: stamp, ..Options::default() };
        let asks = Flags::SYN | Flags::ECE | Flags::CWR;
        for (flags, ecn, timestamps, agreed) in [
            (asks, EcnMode::OnRequest, stamp, true),
            (asks, EcnMode::Off, stamp, false),
            (asks, EcnMode::OnRequest, None, false),
            (Flags::SYN, EcnMode::On, stamp, false),
        ] {
            let asked = Segment { flags, ..syn(Options { timestamps, ..Options::default() }) };
            let reply = syn_ack(&asked, SeqNum(1), &Offer { ecn, ..with(options) });
            assert_eq!(reply.flags.contains(Flags::ECE), agreed, "{flags:?} {ecn:?}");
            assert!(!reply.flags.contains(Flags::CWR));
            let mut answer = ack(SeqNum(1));
            answer.options.timestamps =
                reply.options.timestamps.map(|ts| Timestamps { val: 6, ecr: ts.val });
            let now = Nanos::from_millis(70);
            let told = syn_of(&answer, 1460, &TsClock::default(), now).flags;
            assert_eq!(told, if agreed { asks } else { Flags::SYN }, "{flags:?} {ecn:?}");
        }
    }
}
