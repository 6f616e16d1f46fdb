//! What is told of a seed that went wrong.

use std::fmt;

use crate::check::Passed;
use crate::header::{self, Tcp};
use crate::plan::Plan;

/// A plan without its connections.
pub(crate) struct PlanOf<'a>(pub(crate) &'a Plan);

impl fmt::Debug for PlanOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { ports_of_a, connections, faults, impairments, .. } = self.0;
        f.debug_struct("Plan")
            .field("ports_of_a", ports_of_a)
            .field("plain", &format_args!("{:?}", self.0.plain))
            .field("connections", &connections.len())
            .field("faults", &format_args!("{faults:?}"))
            .field("impairments", &format_args!("{impairments:?}"))
            .field("late_polls", &format_args!("{:?}", self.0.late_polls))
            .field("tick", &self.0.tick)
            .field("recv_buffer", &format_args!("{:?}", self.0.recv_buffer))
            .field("send_buffer", &format_args!("{:?}", self.0.send_buffer))
            .field("recv_buffer_max", &format_args!("{:?}", self.0.recv_buffer_max))
            .field("handover", &self.0.handover)
            .field("setup", &format_args!("{:?}", self.0.setup))
            .field("stamps_wrap", &self.0.stamps_wrap)
            .field("numbers_wrap", &format_args!("{:?}", self.0.numbers_wrap))
            .field("numbers_at", &self.0.numbers_at)
            .field("mode", &format_args!("{:?} by {:?}", self.0.mode, self.0.policy))
            .field("fail_over_mac", &self.0.fail_over_mac)
            .field("late_ethernet", &format_args!("{:?}", self.0.late_ethernet))
            .field("room", &self.0.room)
            .field("own", &format_args!("{:?}", self.0.own))
            .field("mishaps", &format_args!("{:?}", self.0.mishaps))
            .finish()
    }
}

/// A frame in a line.
pub(crate) fn describe(passed: &Passed) -> String {
    let arrow = if passed.sent { "sends" } else { "gets " };
    let at = passed.at.as_secs_f64();
    let place = format!("{:?}", passed.place);
    let Some(tcp) = Tcp::parse_head(&passed.head) else {
        return format!("{at:.6} {place:8} {arrow} {} bytes", passed.len);
    };
    let flags: String =
        [(header::SYN, 'S'), (header::FIN, 'F'), (header::RST, 'R'), (header::ACK, '.')]
            .into_iter()
            .filter(|(flag, _)| tcp.has(*flag))
            .map(|(_, c)| c)
            .collect();
    let Tcp { ports, seq, ack, window, timestamps, .. } = tcp;
    let len = tcp.len;
    let sacks = tcp.sacks();
    format!(
        "{at:.6} {place:8} {arrow} {}>{} {flags} {seq}+{len} ack {ack} win {window} ts {timestamps:?} {sacks:?}",
        ports.0, ports.1
    )
}
