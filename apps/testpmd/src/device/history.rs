//! What a bond went through: its failovers, each with what made it, who took over and how long its parts took.

use std::collections::VecDeque;

use mafo::failover::{Distribution, Report};
use mafo::{BondEvent, LinkId, MemberId, Nanos};

/// Failovers that are kept.
const KEPT: usize = 64;

/// Why a bond left a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Its link went down, or its path.
    Link(LinkId),
    /// Its adapter died.
    Adapter(MemberId),
    /// It was told to.
    Told,
}

/// A failover.
#[derive(Clone, Debug)]
pub(crate) struct Failover {
    pub(crate) began: Nanos,
    pub(crate) cause: Cause,
    pub(crate) from: Option<LinkId>,
    pub(crate) to: Option<LinkId>,
    /// When no connection lived elsewhere any more.
    pub(crate) ended: Option<Nanos>,
    pub(crate) report: Report,
}

impl Failover {
    /// From the word of the failure to the first frame by the new way.
    pub(crate) fn tunnel_up(&self) -> Option<Nanos> {
        let times = &self.report.tunnel_up;
        (times.count() > 0).then(|| times.max())
    }

    /// How long connections were held.
    pub(crate) fn handovers(&self) -> &Distribution {
        &self.report.handover
    }
}

/// The last of them.
#[derive(Debug, Default)]
pub(crate) struct History {
    active: Option<LinkId>,
    /// The one that was active before.
    before: Option<LinkId>,
    failovers: VecDeque<Failover>,
}

impl History {
    /// Notes what the bond said of the instant `at`.
    pub(crate) fn note(&mut self, at: Nanos, event: &BondEvent) {
        match *event {
            BondEvent::Link(link, false) if self.active == Some(link) => {
                self.begin(at, Cause::Link(link));
            }
            BondEvent::AdapterLost(member)
                if self.active.is_some_and(|active| active.member == member) =>
            {
                self.begin(at, Cause::Adapter(member));
            }
            // A first link is no failover; another one is by wish, unless something has just failed.
            BondEvent::Active(link) => {
                let left = self.active.filter(|&active| active != link);
                let is_over = self.failovers.back().is_none_or(|f| f.to.is_some());
                if left.is_some() && is_over {
                    self.begin(at, Cause::Told);
                }
            }
            _ => {}
        }
        if let Some(present) = self.failovers.back_mut() {
            present.report.note(at, event);
            match *event {
                BondEvent::Active(link) if present.to.is_none() => present.to = Some(link),
                BondEvent::AllMoved if present.ended.is_none() => present.ended = Some(at),
                _ => {}
            }
        }
        if let BondEvent::Active(link) = *event {
            let left = self.active.replace(link).filter(|&left| left != link);
            self.before = left.or(self.before);
        }
    }

    fn begin(&mut self, began: Nanos, cause: Cause) {
        if self.failovers.len() == KEPT {
            self.failovers.pop_front();
        }
        let (from, report) = (self.active, Report::new(self.active));
        self.failovers.push_back(Failover { began, cause, from, to: None, ended: None, report });
    }

    /// All that are kept, the oldest first.
    pub(crate) fn failovers(&self) -> Vec<Failover> {
        self.failovers.iter().cloned().collect()
    }

    /// The link that was active before the present one.
    pub(crate) fn before(&self) -> Option<LinkId> {
        self.before
    }
}

#[cfg(test)]
mod tests {
    use mafo::PortId;

    use super::*;

    const A: LinkId = LinkId { member: MemberId(0), port: PortId(0) };
    const B: LinkId = LinkId { member: MemberId(1), port: PortId(0) };

    fn history(events: &[BondEvent]) -> History {
        let mut history = History::default();
        for (n, event) in (1..).zip(events) {
            history.note(Nanos::from_micros(n), event);
        }
        history
    }

    #[test]
    fn a_failover_lasts_from_the_failure_until_all_have_moved() {
        use BondEvent::{Active, AllMoved, FirstTunnelled, Link};
        let all = [
            Link(A, true),
            Active(A),
            Link(B, true),
            Link(A, false),
            Active(B),
            FirstTunnelled,
            AllMoved,
        ];
        let told = history(&all).failovers();
        let [failover] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!(
            (failover.cause, failover.from, failover.to),
            (Cause::Link(A), Some(A), Some(B))
        );
        let us = Nanos::from_micros;
        assert_eq!(
            (failover.began, failover.ended, failover.tunnel_up()),
            (us(4), Some(us(7)), Some(us(2)))
        );
        assert_eq!(history(&all).before(), Some(A));
    }

    #[test]
    fn what_the_bond_is_told_is_a_failover_and_a_standby_that_fails_is_none() {
        use BondEvent::{Active, AdapterLost, Link};
        let told =
            history(&[Active(A), Link(B, false), AdapterLost(B.member), Active(B), Active(B)])
                .failovers();
        assert_eq!(
            told.iter().map(|f| (f.cause, f.from, f.to)).collect::<Vec<_>>(),
            [(Cause::Told, Some(A), Some(B))]
        );
        let told = history(&[Active(A), AdapterLost(A.member), Active(B)]).failovers();
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].cause, told[0].to), (Cause::Adapter(A.member), Some(B)));
    }

    #[test]
    fn only_the_last_are_kept() {
        let both = [BondEvent::Active(A), BondEvent::Active(B)];
        let events: Vec<BondEvent> = both.iter().copied().cycle().take(2 * KEPT + 2).collect();
        let told = history(&events).failovers();
        assert_eq!(told.len(), KEPT);
        assert!(told.is_sorted_by_key(|f| f.began));
    }
}
