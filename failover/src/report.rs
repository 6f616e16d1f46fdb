//! How long failovers take: distributions made of what a bond tells.
//!
//! An application gives every event of [`Bond::poll_event`](crate::Bond::poll_event) to [`Report::note`].
//! What no bond can know is told by who does: [`Report::fault_at`], when something broke, by who broke
//! it; [`Report::stall`], how long an application waited for payload, by that application.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use mafo_mem::Nanos;
use mafo_stack::SocketId;

use crate::bond::{BondEvent, LinkId};

/// Significant decimal digits that a [`Distribution`] keeps of a value.
const DIGITS: u8 = 3;
/// The longest time that a [`Distribution`] tells from longer ones.
const LONGEST: Nanos = Nanos::from_secs(3600);

/// Times, to be told by quantiles; each is known to three digits, the longest exactly.
#[derive(Clone, Debug)]
pub struct Distribution {
    /// Nanoseconds.
    histogram: Histogram<u64>,
    max: Nanos,
}

impl Default for Distribution {
    fn default() -> Self {
        let Ok(mut histogram) = Histogram::new(DIGITS) else {
            unreachable!("{DIGITS} digits are between 0 and 5");
        };
        histogram.auto(true);
        Self { histogram, max: Nanos::ZERO }
    }
}

impl Distribution {
    /// Adds a time.
    pub fn record(&mut self, time: Nanos) {
        self.record_many(time, 1);
    }

    /// Adds a time as often as `count` says.
    pub fn record_many(&mut self, time: Nanos, count: u64) {
        self.max = self.max.max(time);
        let recorded = self.histogram.record_n(time.min(LONGEST).0, count);
        debug_assert!(recorded.is_ok(), "a distribution that resizes takes every time");
    }

    /// Adds all times of another.
    pub fn add(&mut self, other: &Self) {
        self.max = self.max.max(other.max);
        let added = self.histogram.add(&other.histogram);
        debug_assert!(added.is_ok(), "a distribution that resizes takes every other");
    }

    /// How many times there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// The time that a `part` (0.0 to 1.0) of all do not exceed; zero of none.
    #[must_use]
    pub fn quantile(&self, part: f64) -> Nanos {
        if self.histogram.is_empty() {
            return Nanos::ZERO;
        }
        Nanos(self.histogram.value_at_quantile(part)).min(self.max)
    }

    /// The longest time, exactly; zero of none.
    #[must_use]
    pub fn max(&self) -> Nanos {
        self.max
    }

    /// For each distinct time, in rising order and to three digits: the part of all that do not exceed it.
    pub fn cumulative(&self) -> impl Iterator<Item = (Nanos, f64)> + '_ {
        self.histogram
            .iter_recorded()
            .map(|step| (Nanos(step.value_iterated_to()).min(self.max), step.quantile()))
    }
}

/// How long the failovers of a bond took, and their parts.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// From the fault to the driver having handled the firmware's message; only of faults that
    /// [`Report::fault_at`] was told of.
    pub detection: Distribution,
    /// From there, or from the wish that another link be active, to the first frame of a connection of the
    /// one adapter out of the other.
    pub tunnel_up: Distribution,
    /// Of each connection that moved: from the suspension of its new payload to the new owner's word
    /// that it lives there.
    pub handover: Distribution,
    /// Of each connection: the longest time that an application waited for payload around the fault.
    pub stall: Distribution,
    /// Times that the active link went down, or its adapter died.
    pub failures: u64,
    /// Connections that moved, each time that they did.
    pub moved: u64,
    active: Option<LinkId>,
    fault: Option<Nanos>,
    failed: Option<Nanos>,
    /// The same, until a frame has gone through the tunnel.
    untunnelled: Option<Nanos>,
    suspended: BTreeMap<SocketId, Nanos>,
}

impl Report {
    /// A report of a bond on whose link `active` (if any) frames leave at present.
    #[must_use]
    pub fn new(active: Option<LinkId>) -> Self {
        Self { active, ..Self::default() }
    }

    /// Something broke at `at`: the bond will notice.
    pub fn fault_at(&mut self, at: Nanos) {
        self.fault = Some(at);
    }

    /// An application waited `time` for payload of a connection.
    pub fn stall(&mut self, time: Nanos) {
        self.stall.record(time);
    }

    /// When the last failure of an active link had been handled.
    #[must_use]
    pub fn failed_at(&self) -> Option<Nanos> {
        self.failed
    }

    /// Notes what the bond said of the instant `at`.
    pub fn note(&mut self, at: Nanos, event: &BondEvent) {
        match *event {
            BondEvent::Link(link, false) if self.active == Some(link) => {
                self.failures += 1;
                self.failed = Some(at);
                self.untunnelled = Some(at);
                if let Some(fault) = self.fault.take() {
                    self.detection.record(at - fault);
                }
            }
            BondEvent::AdapterLost(member)
                if self.active.is_some_and(|active| active.member == member) =>
            {
                // Nothing is left that could be tunnelled.
                (self.active, self.untunnelled) = (None, None);
                self.failures += 1;
                self.failed = Some(at);
                if let Some(fault) = self.fault.take() {
                    self.detection.record(at - fault);
                }
            }
            BondEvent::Link(..)
            | BondEvent::AllMoved
            | BondEvent::AdapterLost(_)
            | BondEvent::AdapterBack(_) => {}
            BondEvent::Active(link) => {
                let before = self.active.replace(link);
                if before.is_some_and(|before| before != link) && self.untunnelled.is_none() {
                    // By wish: the tunnel is needed from here on.
                    self.untunnelled = Some(at);
                }
            }
            BondEvent::FirstTunnelled => {
                if let Some(failed) = self.untunnelled.take() {
                    self.tunnel_up.record(at - failed);
                }
            }
            BondEvent::Suspended(id) => {
                // After an attempt that was undone its payload went on: the last one counts.
                self.suspended.insert(id, at);
            }
            BondEvent::Moved(id) | BondEvent::Sheltered(id) => {
                self.moved += 1;
                if let Some(since) = self.suspended.remove(&id) {
                    self.handover.record(at - since);
                }
            }
        }
    }

    /// Adds what another report has measured.
    pub fn add(&mut self, other: &Self) {
        self.detection.add(&other.detection);
        self.tunnel_up.add(&other.tunnel_up);
        self.handover.add(&other.handover);
        self.stall.add(&other.stall);
        self.failures += other.failures;
        self.moved += other.moved;
    }
}

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;

    use mafo_pmd::eal::dma::Arena;
    use mafo_stack::{MemberId, Options, PathChoice, Stack, StackConfig};
    use mafo_t4::PortId;

    use super::*;

    const A: LinkId = LinkId { member: MemberId(0), port: PortId(0) };
    const B: LinkId = LinkId { member: MemberId(1), port: PortId(0) };

    fn us(n: u64) -> Nanos {
        Nanos::from_micros(n)
    }

    fn sockets() -> [SocketId; 2] {
        let config = StackConfig::new(Ipv4Addr::new(10, 0, 0, 2), 24, [2, 0, 0, 0, 0, 2]);
        let memory = Arena::new(1 << 20).expect("memory");
        let mut stack = Stack::new(StackConfig { sockets_max: 2, ..config }, memory);
        [1, 2].map(|port| {
            let to = (Ipv4Addr::new(10, 0, 0, 1), port).into();
            let options = Options::on(PathChoice::Host);
            stack.core_mut().connect(Nanos::ZERO, to, None, options).expect("room for two")
        })
    }

    #[test]
    fn a_distribution_keeps_three_digits_and_the_longest_exactly() {
        let mut times = Distribution::default();
        assert_eq!((times.quantile(0.5), times.max(), times.count()), (us(0), us(0), 0));
        for n in 1..=1000 {
            times.record(us(n));
        }
        for (part, exact) in [(0.5, 500_000), (0.99, 990_000), (0.999, 999_000)] {
            let Nanos(told) = times.quantile(part);
            assert!(told.abs_diff(exact) * 1000 <= exact, "{part}: {told}");
        }
        times.record(Nanos(123_456_789));
        assert_eq!((times.quantile(1.0), times.max()), (Nanos(123_456_789), Nanos(123_456_789)));
        let mut sum = Distribution::default();
        sum.record(Nanos(1));
        sum.add(&times);
        assert_eq!((sum.count(), sum.max(), sum.quantile(0.0)), (1002, times.max(), Nanos(1)));
        let steps: Vec<_> = sum.cumulative().collect();
        assert!(steps.is_sorted_by(|a, b| a.0 < b.0 && a.1 < b.1), "{steps:?}");
        assert_eq!(steps.last(), Some(&(times.max(), 1.0)));
        sum.record(Nanos(u64::MAX));
        assert_eq!(sum.max(), Nanos(u64::MAX));
    }

    #[test]
    fn a_failover_is_told_by_its_events() {
        let [first, second] = sockets();
        let mut report = Report::new(Some(A));
        report.fault_at(us(10));
        let events = [
            // The backup's link says nothing about the fault.
            (11, BondEvent::Link(B, false)),
            (12, BondEvent::Link(B, true)),
            (40, BondEvent::Link(A, false)),
            (41, BondEvent::Active(B)),
            (47, BondEvent::FirstTunnelled),
            (50, BondEvent::Suspended(first)),
            (60, BondEvent::Suspended(second)),
            (90, BondEvent::Moved(second)),
            // The first attempt was undone.
            (100, BondEvent::Suspended(first)),
            (115, BondEvent::Moved(first)),
            (115, BondEvent::AllMoved),
            (200, BondEvent::Link(A, true)),
        ];
        for (at, event) in events {
            report.note(us(at), &event);
        }
        let one = |times: &Distribution| (times.count(), times.max());
        assert_eq!(one(&report.detection), (1, us(30)));
        assert_eq!(one(&report.tunnel_up), (1, us(7)));
        assert_eq!(one(&report.handover), (2, us(30)));
        assert_eq!((report.failures, report.moved, report.failed_at()), (1, 2, Some(us(40))));

        // Back again, by a fault that nobody told of.
        for (at, event) in [(300, BondEvent::Link(B, false)), (301, BondEvent::Active(A))] {
            report.note(us(at), &event);
        }
        report.note(us(302), &BondEvent::FirstTunnelled);
        assert_eq!((report.detection.count(), report.tunnel_up.count()), (1, 2));
        // And by wish.
        report.note(us(400), &BondEvent::Active(B));
        report.note(us(409), &BondEvent::FirstTunnelled);
        assert_eq!((report.failures, one(&report.tunnel_up)), (2, (3, us(9))));
        let mut sum = Report::new(None);
        sum.stall(us(3));
        sum.add(&report);
        assert_eq!((sum.failures, sum.moved, sum.stall.count()), (2, 2, 1));
        assert_eq!((one(&sum.tunnel_up), one(&sum.handover)), ((3, us(9)), (2, us(30))));
    }
}
