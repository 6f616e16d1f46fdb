//! How patient a card's TCP is, and how far its packets go: registers of TP, one value for all connections.

use mafo_mem::Nanos;
use mafo_t4::regs::tp::{
    TP_DACK_TIMER, TP_GLOBAL_CONFIG, TP_INIT_SRTT, TP_KEEP_IDLE, TP_KEEP_INTVL, TP_PARA_REG0,
    TP_RXT_MAX, TP_RXT_MIN, TP_SHIFT_CNT, TP_TIMER_RESOLUTION,
};

use super::config::BadConfig;

/// What TP is told when it is brought up; only the master writes it. Times are rounded up to ticks of the card's
/// (16 µs to 1 ms by its resolution). `None`: as the card comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpSettings {
    /// Retransmission timeout before there is a measurement (`TP_INIT_SRTT`).
    pub rto_initial: Option<Nanos>,
    /// Least retransmission timeout (`TP_RXT_MIN`).
    pub rto_min: Option<Nanos>,
    /// Greatest one (`TP_RXT_MAX`).
    pub rto_max: Option<Nanos>,
    /// How long an ACK may be delayed (`TP_DACK_TIMER`).
    pub delayed_ack: Option<Nanos>,
    /// Silence before the first keepalive probe (`TP_KEEP_IDLE`).
    pub keepalive_idle: Option<Nanos>,
    /// Time between probes (`TP_KEEP_INTVL`).
    pub keepalive_interval: Option<Nanos>,
    /// Unanswered probes after which the card says that the peer does not answer; 0: never, at most 15
    /// (`TP_SHIFT_CNT.KEEPALIVEMAXR1`).
    pub keepalive_advice: Option<u8>,
    /// Unanswered probes before a connection is given up, at most 15 (`TP_SHIFT_CNT.KEEPALIVEMAXR2`).
    pub keepalive_probes: Option<u8>,
    /// Retransmissions of a SYN before an open is given up (`TP_SHIFT_CNT.SYNSHIFTMAX`).
    pub syn_retransmits: Option<u8>,
    /// Retransmissions of the same bytes, or unanswered window probes, after which the card says that the peer does
    /// not answer; 0: never, at most 15 (`TP_SHIFT_CNT.RXTSHIFTMAXR1`).
    pub retransmits_advice: Option<u8>,
    /// Retransmissions of the same bytes before a connection is given up, at most 15 (`TP_SHIFT_CNT.RXTSHIFTMAXR2`).
    pub retransmits: Option<u8>,
    /// Initial congestion window in segments, at most 7 (`TP_PARA_REG0.INITCWND`).
    pub initial_window: Option<u8>,
    /// Time to live of the packets that the card makes, not 0 (`TP_GLOBAL_CONFIG.IPTTL`). Like that of the stack, or
    /// connections that move between the two are seen to.
    pub ttl: Option<u8>,
}

/// What four bits hold.
const COUNT_MAX: u8 = 15;
/// What three bits hold.
const INITIAL_WINDOW_MAX: u8 = 7;

impl TcpSettings {
    pub(super) fn check(&self) -> Result<(), BadConfig> {
        let counts = [
            ("tcp.keepalive_advice", self.keepalive_advice),
            ("tcp.keepalive_probes", self.keepalive_probes),
            ("tcp.retransmits_advice", self.retransmits_advice),
            ("tcp.retransmits", self.retransmits),
        ];
        for (what, count) in counts {
            if let Some(count) = count.filter(|&count| count > COUNT_MAX) {
                return Err(BadConfig { what, value: count.into(), must: "must be at most 15" });
            }
        }
        if self.ttl == Some(0) {
            return Err(BadConfig { what: "tcp.ttl", value: 0, must: "must be at least 1" });
        }
        match self.initial_window.filter(|&segments| segments > INITIAL_WINDOW_MAX) {
            Some(segments) => Err(BadConfig {
                what: "tcp.initial_window",
                value: segments.into(),
                must: "must be at most 7",
            }),
            None => Ok(()),
        }
    }

    /// Writes what is set, on a card with a core clock of `cclk_khz`.
    pub(super) fn write(&self, bar: &(dyn mafo_t4::Bar + Send + Sync), cclk_khz: u32) {
        if *self == Self::default() {
            return;
        }
        let resolution = TP_TIMER_RESOLUTION::read(bar);
        let ticks = |time: Nanos, resolution: u32| {
            let core = u128::from(time.0) * u128::from(cclk_khz);
            let ticks = core.div_ceil(1_000_000_u128 << resolution.min(31));
            u32::try_from(ticks).unwrap_or(u32::MAX)
        };
        let timer = resolution.timerresolution();
        let times = [
            (TP_INIT_SRTT::OFFSET, self.rto_initial, timer),
            (TP_RXT_MIN::OFFSET, self.rto_min, timer),
            (TP_RXT_MAX::OFFSET, self.rto_max, timer),
            (TP_KEEP_IDLE::OFFSET, self.keepalive_idle, timer),
            (TP_KEEP_INTVL::OFFSET, self.keepalive_interval, timer),
            (TP_DACK_TIMER::OFFSET, self.delayed_ack, resolution.delayedackresolution()),
        ];
        for (register, time, resolution) in times {
            if let Some(time) = time {
                bar.write32(register, ticks(time, resolution));
            }
        }
        let mut counts = TP_SHIFT_CNT::read(bar);
        if let Some(count) = self.syn_retransmits {
            counts = counts.with_synshiftmax(count.into());
        }
        if let Some(count) = self.retransmits_advice {
            counts = counts.with_rxtshiftmaxr1(count.into());
        }
        if let Some(count) = self.retransmits {
            counts = counts.with_rxtshiftmaxr2(count.into());
        }
        if let Some(count) = self.keepalive_advice {
            counts = counts.with_keepalivemaxr1(count.into());
        }
        if let Some(count) = self.keepalive_probes {
            counts = counts.with_keepalivemaxr2(count.into());
        }
        counts.write(bar);
        if let Some(segments) = self.initial_window {
            TP_PARA_REG0::read(bar).with_initcwnd(segments.into()).write(bar);
        }
        //= rfc9293#3.9.2 MUST-49
        if let Some(ttl) = self.ttl {
            TP_GLOBAL_CONFIG::read(bar).with_ipttl(ttl.into()).write(bar);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::bar::{Access, ScriptedBar};

    const MS: u64 = 1_000_000;

    /// On a core clock of 250 MHz with ticks of 2^14 cycles: 65,536 ns.
    //= rfc9293#3.9.2 MUST-49
    #[test]
    fn what_is_set_is_written_in_ticks_rounded_up() {
        let settings = TcpSettings {
            rto_min: Some(Nanos(200 * MS)),
            keepalive_idle: Some(Nanos(65_536)),
            delayed_ack: Some(Nanos(40 * MS)),
            syn_retransmits: Some(7),
            retransmits_advice: Some(4),
            retransmits: Some(3),
            keepalive_advice: Some(2),
            keepalive_probes: Some(5),
            initial_window: Some(4),
            ttl: Some(200),
            ..TcpSettings::default()
        };
        let bar = ScriptedBar::new();
        bar.expect([
            Access::Read { offset: 0x7d90, value: 0x000e_120d },
            Access::Write { offset: 0x7d98, value: 3052 },
            Access::Write { offset: 0x7da8, value: 1 },
            // Ticks of 2^13 cycles.
            Access::Write { offset: 0x7db4, value: 1221 },
            // SYNSHIFTMAX (31:24), RXTSHIFTMAXR1 (23:20), RXTSHIFTMAXR2 (19:16), KEEPALIVEMAXR1 (7:4),
            // KEEPALIVEMAXR2 (3:0).
            Access::Read { offset: 0x7dc0, value: 0x0e2f_8849 },
            Access::Write { offset: 0x7dc0, value: 0x0743_8825 },
            // INITCWND (26:24).
            Access::Read { offset: 0x7d60, value: 0x8600_0001 },
            Access::Write { offset: 0x7d60, value: 0x8400_0001 },
            // IPTTL (7:0).
            Access::Read { offset: 0x7d08, value: 0x8000_0840 },
            Access::Write { offset: 0x7d08, value: 0x8000_08c8 },
        ]);
        settings.write(&*bar, 250_000);
        bar.done();
        TcpSettings::default().write(&*bar, 250_000);
    }

    #[test]
    fn counts_have_as_many_bits_as_their_fields() {
        let fine = TcpSettings {
            keepalive_advice: Some(15),
            keepalive_probes: Some(15),
            retransmits_advice: Some(15),
            retransmits: Some(15),
            initial_window: Some(7),
            syn_retransmits: Some(255),
            ttl: Some(1),
            ..TcpSettings::default()
        };
        assert_eq!(fine.check(), Ok(()));
        for (bad, what) in [
            (TcpSettings { keepalive_advice: Some(16), ..fine }, "tcp.keepalive_advice"),
            (TcpSettings { keepalive_probes: Some(16), ..fine }, "tcp.keepalive_probes"),
            (TcpSettings { retransmits_advice: Some(16), ..fine }, "tcp.retransmits_advice"),
            (TcpSettings { retransmits: Some(16), ..fine }, "tcp.retransmits"),
            (TcpSettings { initial_window: Some(8), ..fine }, "tcp.initial_window"),
            (TcpSettings { ttl: Some(0), ..fine }, "tcp.ttl"),
        ] {
            assert_eq!(bad.check().map_err(|bad| bad.what), Err(what));
        }
    }
}
