//! What came of a demo: the verdict, as text and as JSON.

use std::fmt::Write;

use mafo::Nanos;

use super::options::Fault;

/// A few times, to be told by percentiles. Microseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Times(pub(super) Vec<u64>);

impl Times {
    pub(super) fn push(&mut self, time: Nanos) {
        self.0.push(time.as_micros());
    }

    /// The value that `part` of all do not exceed; 0 of none.
    fn percentile(&self, part: f64) -> u64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (part * sorted.len() as f64).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
    }

    fn p50_p99_max(&self) -> [u64; 3] {
        [self.percentile(0.5), self.percentile(0.99), self.percentile(1.0)]
    }
}

/// Something on the timeline.
#[derive(Clone, Debug)]
pub(super) struct TimelineEvent {
    pub(super) at: Nanos,
    pub(super) what: String,
}

/// What came of it. Counts are of connections unless they say otherwise.
#[derive(Clone, Debug)]
pub(super) struct Report {
    pub(super) peer: &'static str,
    pub(super) peer_why: String,
    pub(super) fault: Fault,
    pub(super) seed: u64,
    pub(super) connections: usize,
    pub(super) offloaded: usize,
    pub(super) in_flight_at_cut: usize,
    pub(super) handed_over: usize,
    pub(super) survived: usize,
    pub(super) resets: u64,
    pub(super) bytes_verified: u64,
    pub(super) bytes_corrupt: u64,
    pub(super) tunnelled_out: u64,
    pub(super) tunnelled_in: u64,
    pub(super) left_over: usize,
    pub(super) detect: Times,
    pub(super) tunnel_up: Times,
    pub(super) handover: Times,
    pub(super) stall: Times,
    pub(super) events: Vec<TimelineEvent>,
    /// Why it did not come to its end, if so.
    pub(super) gave_up: Option<String>,
}

impl Report {
    /// Everything that is not as it has to be.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults: Vec<String> = self.gave_up.iter().cloned().collect();
        let all = self.connections;
        let of = [
            ("offloaded", self.offloaded),
            ("in flight at the cut", self.in_flight_at_cut),
            ("handed over", self.handed_over),
            ("survived", self.survived),
        ];
        for (what, count) in of.into_iter().filter(|&(_, count)| count != all) {
            faults.push(format!("{count} of {all} {what}"));
        }
        if self.resets > 0 {
            faults.push(format!("{} resets", self.resets));
        }
        if self.bytes_corrupt > 0 {
            faults.push(format!("{} bytes corrupt", self.bytes_corrupt));
        }
        if self.left_over > 0 {
            faults.push(format!("{} things not given back to the adapters", self.left_over));
        }
        if self.fault == Fault::Link && (self.tunnelled_out == 0 || self.tunnelled_in == 0) {
            faults.push("nothing went through the tunnel one way or the other".to_owned());
        }
        faults
    }

    pub(super) fn is_ok(&self) -> bool {
        self.faults().is_empty()
    }

    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "\n   time (ms)  event");
        for event in &self.events {
            let ms = event.at.0 as f64 / 1e6;
            let _ = writeln!(out, "{ms:>12.3}  {}", event.what);
        }
        let _ = writeln!(out, "\n              {:>10} {:>10} {:>10}", "p50", "p99", "max");
        let rows = [
            ("detect", &self.detect),
            ("tunnel up", &self.tunnel_up),
            ("handover", &self.handover),
            ("stall", &self.stall),
        ];
        for (what, times) in rows {
            let [p50, p99, max] = times.p50_p99_max();
            let _ = writeln!(out, "{what:<12} {p50:>8} µs {p99:>7} µs {max:>7} µs");
        }
        let n = self.connections;
        let _ = writeln!(
            out,
            "\n{} of {n} survived, {} handed over, {} in flight at the cut; {:.1} MiB verified, \
             {} bytes corrupt, {} resets",
            self.survived,
            self.handed_over,
            self.in_flight_at_cut,
            self.bytes_verified as f64 / (1 << 20) as f64,
            self.bytes_corrupt,
            self.resets,
        );
        let _ = writeln!(
            out,
            "tunnel: {} frames out, {} in; left over: {}; peer: {} ({})",
            self.tunnelled_out, self.tunnelled_in, self.left_over, self.peer, self.peer_why
        );
        match self.faults() {
            faults if faults.is_empty() => out += "ok",
            faults => {
                let _ = write!(out, "FAILED: {}", faults.join("; "));
            }
        }
        out
    }

    pub(super) fn json(&self) -> String {
        let times = |times: &Times| {
            let [p50, p99, max] = times.p50_p99_max();
            format!("{{\"p50\":{p50},\"p99\":{p99},\"max\":{max}}}")
        };
        let events: Vec<String> = self
            .events
            .iter()
            .map(|e| format!("{{\"t_us\":{},\"event\":{}}}", e.at.as_micros(), quoted(&e.what)))
            .collect();
        let faults: Vec<String> = self.faults().iter().map(|fault| quoted(fault)).collect();
        format!(
            "{{\"peer\":{},\"peer_why\":{},\"connections\":{},\"offloaded\":{},\
             \"in_flight_at_cut\":{},\"handed_over\":{},\"survived\":{},\"resets\":{},\
             \"bytes_verified\":{},\"bytes_corrupt\":{},\
             \"frames_tunnelled\":{{\"out\":{},\"in\":{}}},\"left_over\":{},\
             \"detect_us\":{},\"tunnel_up_us\":{},\"handover_us\":{},\"stall_us\":{},\
             \"events\":[{}],\"seed\":{},\"reasons\":[{}],\"ok\":{}}}",
            quoted(self.peer),
            quoted(&self.peer_why),
            self.connections,
            self.offloaded,
            self.in_flight_at_cut,
            self.handed_over,
            self.survived,
            self.resets,
            self.bytes_verified,
            self.bytes_corrupt,
            self.tunnelled_out,
            self.tunnelled_in,
            self.left_over,
            times(&self.detect),
            times(&self.tunnel_up),
            times(&self.handover),
            times(&self.stall),
            events.join(","),
            self.seed,
            faults.join(","),
            self.is_ok(),
        )
    }
}

/// A JSON string (RFC 8259, section 7).
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if u32::from(c) < 0x20 => out += &format!("\\u{:04x}", u32::from(c)),
            c => out.push(c),
        }
    }
    out + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Report {
        Report {
            peer: "kernel",
            peer_why: "asked \"for\"".to_owned(),
            fault: Fault::Link,
            seed: 1,
            connections: 2,
            offloaded: 2,
            in_flight_at_cut: 2,
            handed_over: 2,
            survived: 2,
            resets: 0,
            bytes_verified: 10,
            bytes_corrupt: 0,
            tunnelled_out: 1,
            tunnelled_in: 1,
            left_over: 0,
            detect: Times(vec![3, 1, 2]),
            tunnel_up: Times::default(),
            handover: Times::default(),
            stall: Times::default(),
            events: Vec::new(),
            gave_up: None,
        }
    }

    #[test]
    fn each_condition_alone_fails_the_verdict() {
        assert!(good().is_ok());
        let bad: [fn(&mut Report); 10] = [
            |r| r.offloaded = 1,
            |r| r.in_flight_at_cut = 1,
            |r| r.handed_over = 1,
            |r| r.survived = 1,
            |r| r.resets = 1,
            |r| r.bytes_corrupt = 1,
            |r| r.left_over = 1,
            |r| r.tunnelled_out = 0,
            |r| r.tunnelled_in = 0,
            |r| r.gave_up = Some("late".to_owned()),
        ];
        for (n, spoil) in bad.iter().enumerate() {
            let mut report = good();
            spoil(&mut report);
            assert_eq!(report.faults().len(), 1, "condition {n}");
        }
        let mut report = good();
        (report.fault, report.tunnelled_out) = (Fault::Port, 0);
        assert!(report.is_ok(), "a port's neighbour needs no tunnel");
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        assert_eq!(good().detect.p50_p99_max(), [2, 3, 3]);
        assert_eq!(Times::default().p50_p99_max(), [0, 0, 0]);
        assert_eq!(Times((1..=100).collect()).p50_p99_max(), [50, 99, 100]);
    }

    #[test]
    fn json_quotes_what_must_be_quoted() {
        assert_eq!(quoted("a\"b\\c\n"), r#""a\"b\\c\u000a""#);
        assert!(good().json().contains(r#""peer_why":"asked \"for\"""#));
    }
}
