//! The course of the drills: connect, then break, wait, compare and heal again and again, close, count.

use mafo::Nanos;

use super::control::Control;
use super::options::{DrillOptions, Kind};
use super::report::Report;
use crate::rig::{Contents, Injected, Page, RigError, Run, Verdict, say};

/// How long a moment is waited for in which every connection has bytes under way.
const IN_FLIGHT_PATIENCE: Nanos = Nanos::from_millis(250);
/// What a drill is guessed to take beside its interval: each, and for each connection. A guess that is
/// wrong makes only the two halves of the control phase unlike.
const GUESS: Nanos = Nanos::from_millis(200);
const GUESS_SHARE: Nanos = Nanos::from_micros(500);

/// Runs the drills to their report.
pub(super) fn run(options: &DrillOptions) -> Result<Report, RigError> {
    let page = options.rig.page("drill")?;
    let run = Run::start(&options.rig, options.fault, options.handover.into(), [true, true])?;
    let mut verdict = Verdict::new(&run.world.peer, &options.rig);
    verdict.may_lose = !run.is_protected();
    let mut drills = Drills { options, run, report: Report::new(verdict) };
    let course = drills.run.stop_in_order().and_then(|()| drills.course());
    match course {
        Ok(()) => {}
        Err(RigError::CannotRun(why)) => return Err(RigError::CannotRun(why)),
        Err(RigError::Failed(why)) => drills.report.verdict.gave_up = Some(why),
        Err(RigError::Stopped) => drills.stop(),
    }
    drills.finish(page)
}

/// Drills under way.
struct Drills<'a> {
    options: &'a DrillOptions,
    run: Run,
    report: Report,
}

impl Drills<'_> {
    fn course(&mut self) -> Result<(), RigError> {
        self.run.connect(0)?;
        self.run.deliver(1, "before the first drill")?;
        // On loaded machines probes may have moved the bond already.
        self.run.until("before the first drill", Run::is_settled)?;
        #[cfg(debug_assertions)]
        self.run.spoil()?;
        let interval = Nanos(self.options.interval.as_nanos() as u64);
        let each =
            interval + GUESS + Nanos(GUESS_SHARE.0 * u64::from(self.options.rig.connections));
        let control =
            Control::before(&mut self.run, Nanos(each.0 * u64::from(self.options.count) / 2))?;

        let counted = self.run.peer_timeouts()?;
        let start = self.run.clock.now();
        for n in 1..=self.options.count {
            self.drill(n)?;
            self.run.settle(interval)?;
        }
        let took = self.run.clock.now() - start;
        if let (Some(control), Some(before)) = (control, counted) {
            self.report.peer_timeouts = self.run.peer_timeouts()?.map(|after| after - before);
            self.report.peer_timeouts_control = Some(control.after(&mut self.run, took)?);
        }
        self.run.close()
    }

    /// One failure, from the fault to a bond that is as before.
    fn drill(&mut self, n: u32) -> Result<(), RigError> {
        let before = self.run.peer_timeouts()?;
        let in_flight = self.run.await_in_flight(IN_FLIGHT_PATIENCE)?;
        self.report.verdict.at_fault(self.run.offloaded() + self.run.failed(), in_flight);
        let fault = Injected::begin(self.options.fault, &mut self.run)?;
        // What moves at once may have nothing to say before it has moved.
        let may_say_nothing = self.options.handover == Kind::Instant;
        self.report.verdict.needs_tunnel |= fault.needs_tunnel() && !may_say_nothing;
        let what = fault.what(&self.run);
        self.run.fault_event(format!("drill {n}: {what}"));
        let came = self.watch(n, &fault);
        if came.is_err() {
            // What there is: it has ended for another reason.
            let _ = self.run.gather_times();
        }
        self.report.measured(&self.run.times, &self.run.moved);
        let stalls = came?;
        fault.heal(&mut self.run)?;
        self.run.until("while the bond recovers", |run| fault.is_healed(run))?;
        let swallowed = fault.swallowed(&self.run);
        for (_, stall) in stalls.iter().filter(|(id, _)| !swallowed.contains(id)) {
            self.report.stall_clean.record(*stall);
        }
        self.report.swallowed += swallowed.len() as u64;
        self.report.count += 1;
        let timeouts = self.run.peer_timeouts()?.zip(before).map(|(after, before)| after - before);
        let counts = (swallowed.len(), timeouts);
        say(format_args!("{}", self.report.line(n, &what, &self.run.times, counts)));
        Ok(())
    }

    /// Until every connection has moved and both ends have heard from each other again; how long each stalled.
    fn watch(&mut self, n: u32, fault: &Injected) -> Result<Vec<(u32, Nanos)>, RigError> {
        self.run.await_handovers(|run| fault.is_over(run))?;
        fault.measure(&mut self.run)?;
        self.run.deliver_anew("after the handovers")?;
        for cost in self.run.costs()? {
            self.report.handover_cpu.record(cost);
        }
        let all = self.options.rig.connections as usize;
        let moved = self.run.moved.len();
        if self.run.unmoved() > 0 {
            self.report.verdict.reasons.push(format!("drill {n}: {moved} of {all} handed over"));
        }
        let stalls = self.run.gather_stalls()?;
        for &(_, stall) in &stalls {
            self.run.times.stall(stall);
        }
        Ok(stalls)
    }

    /// Somebody has asked for the end: what is open is closed in order.
    fn stop(&mut self) {
        let (done, asked) = (self.report.count, self.options.count);
        let mut why = format!("ended by a signal after {done} of {asked} drills");
        if let Err(RigError::Failed(closing)) = self.run.close() {
            why += "; ";
            why += &closing;
        }
        self.report.verdict.gave_up = Some(why);
    }

    fn finish(self, page: Option<Page>) -> Result<Report, RigError> {
        let Self { options, run, mut report } = self;
        let samples = run.finish(&mut report.verdict)?;
        report.judge(options);
        if let (Some(page), Some((samples, lines))) = (page, samples) {
            page.write(&Contents {
                verdict: &report.verdict,
                samples: &samples,
                lines: &lines,
                further: vec![
                    ("stall, clean", &report.stall_clean),
                    ("processor time of a handover", &report.handover_cpu),
                ],
                summary: report.counts(),
            })?;
        }
        Ok(report)
    }
}
