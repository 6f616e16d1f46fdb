//! The demo's course: come up, connect, transfer, cut, wait for the handovers, close, count.

#[cfg(debug_assertions)]
mod flood;

use std::collections::BTreeSet;

use mafo::{Handover, Nanos};

use super::options::DemoOptions;
use crate::rig::{Contents, Injected, Page, RigError, Run, Verdict};

/// A demo under way.
struct Demo<'a> {
    options: &'a DemoOptions,
    run: Run,
    verdict: Verdict,
    /// A cut's handovers have not been counted yet.
    round_open: bool,
    /// Connections that moved in every round so far.
    moved_always: BTreeSet<usize>,
}

/// How long a moment is waited for in which every connection has bytes under way.
const IN_FLIGHT_PATIENCE: Nanos = Nanos::from_secs(3);

/// Runs the demo to its verdict.
pub(super) fn run(options: &DemoOptions) -> Result<Verdict, RigError> {
    let page = options.rig.page("demo")?;
    let sends = [options.direction.peer_sends(), options.direction.we_send()];
    let run = Run::start(&options.rig, options.fault, Handover::default(), sends)?;
    let count = options.rig.connections;
    let mut verdict = Verdict::new(&run.world.peer, &options.rig);
    verdict.may_lose = !run.is_protected();
    let moved_always = (0..count as usize).collect();
    let mut demo = Demo { options, run, verdict, round_open: false, moved_always };
    match demo.course() {
        Err(RigError::Failed(why)) => demo.verdict.gave_up = Some(why),
        course => course?,
    }
    demo.finish(page)
}

impl Demo<'_> {
    fn course(&mut self) -> Result<(), RigError> {
        self.run.connect(self.options.bytes)?;
        let quarter = self.options.bytes / 4;
        for round in 1..=self.options.rounds {
            self.run.deliver(quarter, "before the cut")?;
            #[cfg(debug_assertions)]
            self.run.be_flooded("before the cut")?;
            #[cfg(debug_assertions)]
            self.run.spoil()?;
            let fault = self.cut(round)?;
            #[cfg(debug_assertions)]
            self.run.unspoil()?;
            self.run.deliver(quarter, "after the cut")?;
            self.await_handovers(&fault)?;
            for (_, stall) in self.run.gather_stalls()? {
                self.run.times.stall(stall);
            }
            self.verdict.times.add(&self.run.times);
            self.round_open = false;
            #[cfg(debug_assertions)]
            self.run.be_flooded("after the handovers")?;
            if round < self.options.rounds {
                fault.heal(&mut self.run)?;
                self.run.settle(Nanos::from_millis(50))?;
            }
        }
        self.run.deliver_all(self.options.bytes)?;
        self.run.close()
    }

    /// Brings the fault about while every connection has bytes under way.
    fn cut(&mut self, round: u32) -> Result<Injected, RigError> {
        let in_flight = self.run.await_in_flight(IN_FLIGHT_PATIENCE)?;
        self.verdict.at_fault(self.run.offloaded() + self.run.failed(), in_flight);
        self.round_open = true;
        let fault = Injected::begin(self.options.fault, &mut self.run)?;
        self.verdict.needs_tunnel |= fault.needs_tunnel();
        let what = fault.what(&self.run);
        self.run.fault_event(format!("round {round}: {what}"));
        Ok(fault)
    }

    fn await_handovers(&mut self, fault: &Injected) -> Result<(), RigError> {
        self.run.await_handovers(|run| fault.is_over(run))?;
        fault.measure(&mut self.run)?;
        let Run { moved, concerned, near, .. } = &self.run;
        let is_lost = |n: &usize| near[*n].is_lost;
        self.moved_always.retain(|n| moved.contains(n) || is_lost(n) || !concerned.contains(n));
        Ok(())
    }

    fn finish(mut self, page: Option<Page>) -> Result<Verdict, RigError> {
        if self.round_open {
            // What there is: it has ended for another reason.
            let _ = self.run.gather_times();
            self.verdict.times.add(&self.run.times);
            // It ended in the middle of a round: only who moved in it counts.
            self.moved_always.retain(|n| self.run.moved.contains(n));
        }
        let verdict = &mut self.verdict;
        let began = verdict.offloaded.is_some();
        verdict.handed_over = if began { self.moved_always.len() } else { 0 };
        verdict.demand_all(verdict.in_flight_at_cut.unwrap_or(0), "in flight at the cut");
        verdict.demand_all(verdict.handed_over, "handed over");
        let samples = self.run.finish(verdict)?;
        if let (Some(page), Some((samples, lines))) = (page, samples) {
            page.write(&Contents {
                summary: verdict.counts(),
                verdict,
                samples: &samples,
                lines: &lines,
                further: Vec::new(),
            })?;
        }
        Ok(self.verdict)
    }
}
