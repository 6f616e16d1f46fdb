//! What came of it: the verdict, as text and as JSON.

use std::fmt::Write;

use mafo::Nanos;
use mafo::failover::{Distribution, Report};

use super::idle::Rest;
use super::options::RigOptions;
use super::world::Peer;

/// Something on the timeline.
#[derive(Clone, Debug)]
pub(crate) struct TimelineEvent {
    pub(crate) at: Nanos,
    pub(crate) kind: EventKind,
    pub(crate) what: String,
}

/// What an event belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventKind {
    /// A fault, or a wish: a failover begins.
    Fault,
    /// A step of the failover.
    Step,
    /// What else there is.
    Other,
}

/// What came of it. Counts are of connections unless they say otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    pub(crate) peer: &'static str,
    pub(crate) peer_why: String,
    /// Whether frames have to have gone through the tunnel: out, and in if anything came.
    pub(crate) needs_tunnel: bool,
    /// Whether the peer said anything by the new way before connections moved. All that it sent last may have gone into
    /// the dead one, and it waits for its timers then.
    pub(crate) was_answered: bool,
    pub(crate) seed: u64,
    pub(crate) lcores: u8,
    /// They share the adapters.
    pub(crate) one_card: bool,
    pub(crate) connections: usize,
    /// The least at any fault; `None` before the first.
    pub(crate) offloaded: Option<usize>,
    /// The same.
    pub(crate) in_flight_at_cut: Option<usize>,
    pub(crate) handed_over: usize,
    /// Times that a connection moved to another adapter with bytes under way, measured or not.
    pub(crate) undrained: u64,
    pub(crate) survived: usize,
    /// Those whose adapter died with what it had acknowledged: their application was told.
    pub(crate) lost: usize,
    /// Whether that may be.
    pub(crate) may_lose: bool,
    /// But of those that are lost.
    pub(crate) resets: u64,
    /// So many connections may be lost, and so many resets be seen.
    pub(crate) resets_allowed: u64,
    pub(crate) bytes_verified: u64,
    pub(crate) bytes_corrupt: u64,
    pub(crate) tunnelled_out: u64,
    pub(crate) tunnelled_in: u64,
    pub(crate) left_over: usize,
    /// What that is, and where.
    pub(crate) left_behind: Vec<String>,
    /// Over all faults.
    pub(crate) times: Report,
    /// How lcores slept.
    pub(crate) rest: Rest,
    pub(crate) events: Vec<TimelineEvent>,
    /// Why it did not come to its end, if so.
    pub(crate) gave_up: Option<String>,
    /// What else is not as it has to be.
    pub(crate) reasons: Vec<String>,
}

impl Verdict {
    /// Nothing has come of it yet.
    pub(crate) fn new(peer: &Peer, options: &RigOptions) -> Self {
        Self {
            peer: peer.name,
            peer_why: peer.why.clone(),
            needs_tunnel: false,
            was_answered: false,
            seed: options.seed,
            lcores: options.lcores,
            one_card: options.one_card,
            connections: options.connections as usize,
            offloaded: None,
            in_flight_at_cut: None,
            handed_over: 0,
            undrained: 0,
            survived: 0,
            lost: 0,
            may_lose: false,
            resets: 0,
            resets_allowed: 0,
            bytes_verified: 0,
            bytes_corrupt: 0,
            tunnelled_out: 0,
            tunnelled_in: 0,
            left_over: 0,
            left_behind: Vec::new(),
            times: Report::default(),
            rest: Rest::new(options.idle),
            events: Vec::new(),
            gave_up: None,
            reasons: Vec::new(),
        }
    }

    /// Another fault comes, with so many connections offloaded and busy.
    pub(crate) fn at_fault(&mut self, offloaded: usize, in_flight: usize) {
        self.offloaded = Some(self.offloaded.map_or(offloaded, |least| least.min(offloaded)));
        let least = self.in_flight_at_cut;
        self.in_flight_at_cut = Some(least.map_or(in_flight, |least| least.min(in_flight)));
    }

    /// `count` connections are `what`: a fault unless all are.
    pub(crate) fn demand_all(&mut self, count: usize, what: &str) {
        if count != self.connections {
            self.reasons.push(format!("{count} of {} {what}", self.connections));
        }
    }

    /// Everything that is not as it has to be.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults: Vec<String> = self.gave_up.iter().cloned().collect();
        let all = self.connections;
        let may_be_lost = if self.may_lose { self.lost } else { 0 };
        let gone = all.saturating_sub(self.survived + may_be_lost) as u64;
        for (what, count, wrong) in [
            ("offloaded", self.offloaded.unwrap_or(0), self.offloaded != Some(all)),
            ("survived", self.survived, gone > self.resets_allowed),
        ] {
            if wrong {
                faults.push(format!("{count} of {all} {what}"));
            }
        }
        if self.resets > self.resets_allowed {
            faults.push(format!("{} resets", self.resets));
        }
        if self.bytes_corrupt > 0 {
            faults.push(format!("{} bytes corrupt", self.bytes_corrupt));
        }
        if self.left_over > 0 {
            let (count, what) = (self.left_over, self.left_behind.join(", "));
            faults.push(format!("{count} things not given back to the adapters ({what})"));
        }
        let lacks_answers = self.was_answered && self.tunnelled_in == 0;
        if self.needs_tunnel && (self.tunnelled_out == 0 || lacks_answers) {
            faults.push("nothing went through the tunnel one way or the other".to_owned());
        }
        faults.extend(self.reasons.iter().cloned());
        faults
    }

    pub(crate) fn is_ok(&self) -> bool {
        self.faults().is_empty()
    }

    /// The four times, by name.
    pub(crate) fn distributions(&self) -> [(&'static str, &Distribution); 4] {
        let Report { detection, tunnel_up, handover, stall, .. } = &self.times;
        [("detect", detection), ("tunnel up", tunnel_up), ("handover", handover), ("stall", stall)]
    }

    /// The timeline, a line each.
    pub(crate) fn timeline(&self) -> String {
        let mut out = "\n   time (ms)  event\n".to_owned();
        for event in &self.events {
            let ms = event.at.0 as f64 / 1e6;
            let _ = writeln!(out, "{ms:>12.3}  {}", event.what);
        }
        out
    }

    /// The times and the counts, without a verdict.
    pub(crate) fn figures(&self) -> String {
        let heads = ["p50", "p99", "p99.9", "max"].map(|head| format!("{head:>10} "));
        let mut out = format!("\n             {}\n", heads.concat().trim_end());
        for (what, times) in self.distributions() {
            let columns = quantiles(times).map(|time| format!("{:>8} µs", time.as_micros()));
            let _ = writeln!(out, "{what:<12} {}", columns.join(""));
        }
        out + "\n" + &self.counts()
    }

    /// The counts alone, a line each.
    pub(crate) fn counts(&self) -> String {
        let mut out = String::new();
        let n = self.connections;
        let _ = writeln!(
            out,
            "{} of {n} survived, {} lost, {} handed over, {} in flight at the cut; {:.1} MiB verified, \
             {} bytes corrupt, {} resets",
            self.survived,
            self.lost,
            self.handed_over,
            self.in_flight_at_cut.unwrap_or(0),
            self.bytes_verified as f64 / (1 << 20) as f64,
            self.bytes_corrupt,
            self.resets,
        );
        let _ = writeln!(
            out,
            "tunnel: {} frames out, {} in; left over: {}; peer: {} ({})",
            self.tunnelled_out, self.tunnelled_in, self.left_over, self.peer, self.peer_why
        );
        out + &self.rest.text()
    }

    /// `ok`, or why not.
    pub(crate) fn judgement(&self) -> String {
        match self.faults() {
            faults if faults.is_empty() => "ok".to_owned(),
            faults => format!("FAILED: {}", faults.join("; ")),
        }
    }

    /// One JSON object; `further` are pairs of a key and a value that is JSON already.
    pub(crate) fn json(&self, further: &[(&str, String)]) -> String {
        let list = |items: Vec<String>| format!("[{}]", items.join(","));
        let event = |e: &TimelineEvent| {
            format!("{{\"t_us\":{},\"event\":{}}}", e.at.as_micros(), quoted(&e.what))
        };
        let mut pairs = vec![
            ("peer", quoted(self.peer)),
            ("peer_why", quoted(&self.peer_why)),
            ("lcores", self.lcores.to_string()),
            ("one_card", self.one_card.to_string()),
            ("connections", self.connections.to_string()),
            ("offloaded", self.offloaded.unwrap_or(0).to_string()),
            ("in_flight_at_cut", self.in_flight_at_cut.unwrap_or(0).to_string()),
            ("handed_over", self.handed_over.to_string()),
            ("survived", self.survived.to_string()),
            ("lost", self.lost.to_string()),
            ("resets", self.resets.to_string()),
            ("bytes_verified", self.bytes_verified.to_string()),
            ("bytes_corrupt", self.bytes_corrupt.to_string()),
            (
                "frames_tunnelled",
                format!("{{\"out\":{},\"in\":{}}}", self.tunnelled_out, self.tunnelled_in),
            ),
            ("left_over", self.left_over.to_string()),
            ("detect_us", micros_json(&self.times.detection)),
            ("tunnel_up_us", micros_json(&self.times.tunnel_up)),
            ("handover_us", micros_json(&self.times.handover)),
            ("stall_us", micros_json(&self.times.stall)),
            ("idle", self.rest.json()),
            ("events", list(self.events.iter().map(event).collect())),
            ("seed", self.seed.to_string()),
        ];
        pairs.extend(further.iter().cloned());
        pairs.push(("reasons", list(self.faults().iter().map(|fault| quoted(fault)).collect())));
        pairs.push(("ok", self.is_ok().to_string()));
        let pairs: Vec<String> =
            pairs.iter().map(|(key, value)| format!("{}:{value}", quoted(key))).collect();
        format!("{{{}}}", pairs.join(","))
    }
}

/// What is told of times: half, 99 and 99.9 of a hundred do not exceed it; the longest.
pub(crate) fn quantiles(times: &Distribution) -> [Nanos; 4] {
    [times.quantile(0.5), times.quantile(0.99), times.quantile(0.999), times.max()]
}

/// The same as a JSON object, in whole microseconds.
pub(crate) fn micros_json(times: &Distribution) -> String {
    let [p50, p99, p999, max] = quantiles(times).map(Nanos::as_micros);
    format!("{{\"p50\":{p50},\"p99\":{p99},\"p999\":{p999},\"max\":{max}}}")
}

/// Microseconds to the nanosecond: what is told of is a few of them.
pub(crate) fn fine_micros_json(times: &Distribution) -> String {
    let [p50, p99, _, max] = quantiles(times).map(|time| time.0 as f64 / 1e3);
    format!("{{\"p50\":{p50:.3},\"p99\":{p99:.3},\"max\":{max:.3}}}")
}

/// A JSON string (RFC 8259, section 7).
pub(crate) fn quoted(text: &str) -> String {
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
    use super::super::idle::Idle;
    use super::*;

    fn good() -> Verdict {
        Verdict {
            peer: "kernel",
            peer_why: "asked \"for\"".to_owned(),
            needs_tunnel: true,
            was_answered: true,
            seed: 1,
            lcores: 1,
            one_card: false,
            connections: 2,
            offloaded: Some(2),
            in_flight_at_cut: Some(2),
            handed_over: 2,
            undrained: 0,
            survived: 2,
            lost: 0,
            may_lose: false,
            resets: 0,
            resets_allowed: 0,
            bytes_verified: 10,
            bytes_corrupt: 0,
            tunnelled_out: 1,
            tunnelled_in: 1,
            left_over: 0,
            left_behind: Vec::new(),
            times: Report::default(),
            rest: Rest::new(Idle::Poll),
            events: Vec::new(),
            gave_up: None,
            reasons: Vec::new(),
        }
    }

    #[test]
    fn each_condition_alone_fails_the_verdict() {
        assert!(good().is_ok());
        let bad: [fn(&mut Verdict); 11] = [
            |v| v.offloaded = Some(1),
            |v| v.offloaded = None,
            |v| v.survived = 1,
            |v| v.resets = 1,
            |v| v.bytes_corrupt = 1,
            |v| v.left_over = 1,
            |v| v.tunnelled_out = 0,
            |v| v.tunnelled_in = 0,
            |v| v.gave_up = Some("late".to_owned()),
            |v| v.demand_all(1, "handed over"),
            |v| v.at_fault(1, 2),
        ];
        for (n, spoil) in bad.iter().enumerate() {
            let mut verdict = good();
            spoil(&mut verdict);
            assert_eq!(verdict.faults().len(), 1, "condition {n}");
            assert!(verdict.judgement().starts_with("FAILED"), "condition {n}");
            assert!(verdict.json(&[]).ends_with(",\"ok\":false}"), "condition {n}");
        }
        let lost = Verdict { survived: 1, resets: 1, resets_allowed: 1, ..good() };
        assert!(lost.is_ok(), "one may be lost");
        let lost = Verdict { survived: 1, lost: 1, ..good() };
        assert_eq!(lost.judgement(), "FAILED: 1 of 2 survived", "protected, none may");
        let lost = Verdict { may_lose: true, ..lost };
        assert!(
            lost.is_ok() && lost.json(&[]).contains(r#""survived":1,"lost":1,"#),
            "it was told"
        );
        assert!(!Verdict { lost: 0, ..lost }.is_ok(), "nobody was told");
        let mut verdict = good();
        (verdict.needs_tunnel, verdict.tunnelled_out) = (false, 0);
        assert!(verdict.is_ok(), "a port's neighbour needs no tunnel");
        let silent = Verdict { was_answered: false, tunnelled_in: 0, ..good() };
        assert!(silent.is_ok(), "nothing came that could go in");
        assert!(!Verdict { tunnelled_out: 0, ..silent }.is_ok(), "but what we say goes out");
    }

    #[test]
    fn what_is_left_is_named() {
        let left_behind = ["A: 1 opens", "B: 2 next hops"].map(str::to_owned).to_vec();
        let verdict = Verdict { left_over: 3, left_behind, ..good() };
        let told = "FAILED: 3 things not given back to the adapters (A: 1 opens, B: 2 next hops)";
        assert_eq!(verdict.judgement(), told);
    }

    #[test]
    fn the_least_of_all_faults_is_told() {
        let mut verdict = Verdict { offloaded: None, in_flight_at_cut: None, ..good() };
        for (offloaded, in_flight) in [(2, 1), (2, 2), (1, 2)] {
            verdict.at_fault(offloaded, in_flight);
        }
        assert_eq!((verdict.offloaded, verdict.in_flight_at_cut), (Some(1), Some(1)));
    }

    #[test]
    fn json_quotes_what_must_be_quoted() {
        assert_eq!(quoted("a\"b\\c\n"), r#""a\"b\\c\u000a""#);
        let json = good().json(&[("count", "3".to_owned())]);
        assert!(json.contains(r#""peer_why":"asked \"for\"""#), "{json}");
        assert!(json.contains(r#","count":3,"#), "{json}");
        let mut verdict = good();
        verdict.times.stall(Nanos::from_micros(1500));
        let stall = r#""stall_us":{"p50":1500,"p99":1500,"p999":1500,"max":1500}"#;
        assert!(verdict.json(&[]).contains(stall), "{}", verdict.json(&[]));
    }
}
