//! What registers say, as the card works by it: read anew when one was written.

use mafo_mem::Nanos;
use mafo_t4::regs::sge;
use mafo_t4::regs::tp::{self, MTU_COUNT, TP_TIMER_RESOLUTION};

use crate::bar::{BarShared, Indirect};
use crate::clock::Clock;
use crate::sge::SgeSettings;

/// TP's tables and registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TpSettings {
    /// The MTU table.
    pub mtus: [u16; MTU_COUNT],
    /// How long TP's ticks are.
    pub resolution: TP_TIMER_RESOLUTION,
    /// Smallest retransmission timeout.
    pub rxt_min: Nanos,
    /// Largest retransmission timeout.
    pub rxt_max: Nanos,
    /// Idle time before the first keepalive.
    pub keep_idle: Nanos,
    /// Distance of keepalives.
    pub keep_intvl: Nanos,
    /// Retransmission timeout before there is a measurement.
    pub init_srtt: Nanos,
    /// Delayed ACK.
    pub dack: Nanos,
    /// How often things are repeated.
    pub shift_cnt: tp::TP_SHIFT_CNT,
    /// Initial congestion window, segments.
    pub initcwnd: u32,
    /// Time to live of what is sent.
    pub ttl: u8,
    /// Most bytes of one CPL_RX_DATA.
    pub max_rx_data: usize,
}

impl TpSettings {
    /// The settings that registers hold.
    pub(crate) fn read(shared: &BarShared, indirect: &Indirect, clock: &Clock) -> Self {
        let register = |offset| shared.register(offset);
        let resolution = TP_TIMER_RESOLUTION(register(TP_TIMER_RESOLUTION::OFFSET));
        let timer =
            |offset: u32| clock.duration(u64::from(register(offset)), resolution.timerresolution());
        let dack = u64::from(register(tp::TP_DACK_TIMER::OFFSET));
        let para2 = tp::TP_PARA_REG2(register(tp::TP_PARA_REG2::OFFSET));
        Self {
            mtus: indirect.mtus(),
            resolution,
            rxt_min: timer(tp::TP_RXT_MIN::OFFSET),
            rxt_max: timer(tp::TP_RXT_MAX::OFFSET),
            keep_idle: timer(tp::TP_KEEP_IDLE::OFFSET),
            keep_intvl: timer(tp::TP_KEEP_INTVL::OFFSET),
            init_srtt: timer(tp::TP_INIT_SRTT::OFFSET),
            dack: clock.duration(dack, resolution.delayedackresolution()),
            shift_cnt: tp::TP_SHIFT_CNT(register(tp::TP_SHIFT_CNT::OFFSET)),
            initcwnd: tp::TP_PARA_REG0(register(tp::TP_PARA_REG0::OFFSET)).initcwnd(),
            ttl: tp::TP_GLOBAL_CONFIG(register(tp::TP_GLOBAL_CONFIG::OFFSET)).ipttl() as u8,
            max_rx_data: para2.maxrxdata() as usize,
        }
    }
}

impl SgeSettings {
    /// The settings that registers hold.
    pub(crate) fn read(shared: &BarShared) -> Self {
        let control = sge::SGE_CONTROL(shared.register(sge::SGE_CONTROL::OFFSET));
        Self {
            pkt_shift: control.pktshift() as usize,
            status_page: control.status_page_size(),
            buffer_sizes: core::array::from_fn(|i| {
                shared.register(sge::SGE_FL_BUFFER_SIZE::offset(i as u32))
            }),
        }
    }
}
