//! `struct tcp_info` of Linux, as bytes.

use mafo::{Activity, Info, Nanos, Recovery, State};

/// Length of the structure as of Linux 6.x.
pub const LEN: usize = 280;

/// TCP_LISTEN and TCP_CLOSE, of which the engine has none.
const LISTEN: u8 = 10;
const CLOSE: u8 = 7;

/// TCP_MSS_DEFAULT.
const MSS_DEFAULT: u32 = 536;
/// TCP_INFINITE_SSTHRESH.
const SSTHRESH_INFINITE: u32 = 0x7fff_ffff;

fn state_number(state: State) -> u8 {
    match state {
        State::Established => 1,
        State::SynSent => 2,
        State::SynRcvd => 3,
        State::FinWait1 => 4,
        State::FinWait2 => 5,
        State::TimeWait => 6,
        State::Closed => CLOSE,
        State::CloseWait => 8,
        State::LastAck => 9,
        State::Closing => 11,
    }
}

/// TCP_CA_Open, _Disorder, _CWR, _Recovery, _Loss.
fn congestion_state(info: &Info) -> u8 {
    match info.recovery {
        Recovery::Open if info.sacked > 0 => 1,
        Recovery::Open => 0,
        Recovery::Fast => 3,
        Recovery::Loss => 4,
    }
}

/// Writes fields at their places.
struct Writer([u8; LEN]);

impl Writer {
    fn byte(&mut self, at: usize, value: u8) {
        self.0[at] = value;
    }

    fn long(&mut self, at: usize, value: u64) {
        self.0[at..at + 8].copy_from_slice(&value.to_ne_bytes());
    }

    fn word(&mut self, at: usize, value: u32) {
        self.0[at..at + 4].copy_from_slice(&value.to_ne_bytes());
    }
}

/// The structure for a connection that stands as `info` says, for a listener, or for neither.
#[must_use]
pub fn encode(
    listening: bool,
    info: Option<&Info>,
    activity: &Activity,
    mtu: u16,
    now: Nanos,
) -> Vec<u8> {
    let mut w = Writer([0; LEN]);
    let Some(info) = info else {
        w.byte(0, if listening { LISTEN } else { CLOSE });
        return w.0.to_vec();
    };
    let micros = |time: Nanos| time.as_micros().min(u32::MAX.into()) as u32;
    w.byte(0, state_number(info.state));
    w.byte(1, congestion_state(info));
    w.byte(2, info.timeouts);
    w.byte(3, info.probes);
    w.byte(4, info.backoff);
    // TCPI_OPT_TIMESTAMPS, _SACK, _WSCALE.
    let bits = [info.timestamps, info.sack, info.window_scale.is_some()];
    w.byte(5, (0..).zip(bits).map(|(bit, on)| u8::from(on) << bit).sum());
    w.byte(6, info.window_scale.map_or(0, |scale| scale.snd | scale.rcv << 4));
    w.word(8, micros(info.rto));
    w.word(16, info.payload_max);
    // What Linux guesses before it has seen one.
    let received = u32::from(info.largest_received);
    w.word(20, if received == 0 { MSS_DEFAULT } else { received });
    w.word(24, info.in_flight);
    w.word(28, info.sacked);
    // Linux counts what was lost whether it has been sent again or not.
    let repaired = if info.recovery == Recovery::Open { 0 } else { info.retransmitted };
    w.word(32, info.lost + repaired);
    w.word(36, info.retransmitted);
    w.word(52, (now - activity.heard_at).as_millis().min(u32::MAX.into()) as u32);
    w.word(60, mtu.into());
    w.word(68, micros(info.srtt.unwrap_or_default()));
    w.word(72, micros(info.rttvar.unwrap_or_default()));
    let ssthresh = info.ssthresh / info.payload_max;
    let unknown = info.ssthresh >= Info::SSTHRESH_UNKNOWN;
    w.word(76, if unknown { SSTHRESH_INFINITE } else { ssthresh });
    w.word(80, info.cwnd / info.payload_max);
    w.word(84, info.mss_announced.into());
    w.word(88, info.reordering.into());
    w.word(220, info.reorderings.into());
    w.word(144, info.unsent_bytes);
    w.long(168, activity.busy.as_micros());
    w.long(176, activity.window_limited.as_micros());
    w.word(228, info.snd_wnd);
    w.word(232, info.rcv_wnd);
    w.0.to_vec()
}
