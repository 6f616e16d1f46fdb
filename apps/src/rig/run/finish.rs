//! The end of a run: what is counted then.

use super::super::samples::Samples;
use super::super::sniff::Ends;
use super::super::verdict::Verdict;
use super::{RigError, Run};
use crate::peer::Endpoints;

impl Run {
    /// Ends everything and counts. What went over which cable, if that was to be looked at.
    pub(crate) fn finish(
        mut self,
        verdict: &mut Verdict,
    ) -> Result<Option<(Samples, Vec<String>)>, RigError> {
        let counted = self.refresh().and_then(|()| self.count(verdict));
        if let Err(RigError::Failed(why)) = counted {
            verdict.reasons.push(why);
        }
        for (ours, far) in self.near.iter().zip(&self.far) {
            verdict.bytes_corrupt += ours.corrupt + far.corrupt;
            verdict.bytes_verified += ours.received + far.received - ours.corrupt - far.corrupt;
            let whole = ours.received == far.sent && far.received == ours.sent;
            let right =
                ours.corrupt == 0 && far.corrupt == 0 && ours.error.is_none() && !far.failed;
            if whole && right && ours.closed && far.closed {
                verdict.survived += 1;
            }
            if ours.is_lost {
                verdict.lost += 1;
            } else {
                verdict.resets += u64::from(ours.error.is_some() || far.failed);
            }
        }
        // Who loses a connection tells its peer.
        let plan = &self.world.plan;
        let lost = |(from, to): Ends| {
            let ends = [Endpoints { peer: from, ours: to }, Endpoints { peer: to, ours: from }];
            let mut ids = ends.into_iter().filter_map(|ends| plan.identify(ends));
            ids.any(|(id, _)| self.near.get(id as usize).is_some_and(|near| near.is_lost))
        };
        verdict.resets += self.world.lines.iter().map(|line| line.seen.resets(lost)).sum::<u64>();
        verdict.left_over = self.left_over();
        self.events.sort_by_key(|event| event.at);
        verdict.events = self.events;
        let (names, failures) = self.world.end()?;
        verdict.reasons.extend(failures);
        Ok(self.samples.map(|samples| (samples, names)))
    }

    /// What the bonds have counted, and how lcores have slept.
    fn count(&mut self, verdict: &mut Verdict) -> Result<(), RigError> {
        let speaks = verdict.gave_up.is_some() && !self.options.json;
        let behind = self.each(|_, node| node.left_behind())?;
        let names = behind.iter().enumerate().map(|(lcore, behind)| match self.bonds.len() {
            1 => behind.clone(),
            _ => behind.iter().map(|what| format!("lcore {lcore} {what}")).collect(),
        });
        verdict.left_behind = names.collect::<Vec<_>>().concat();
        let counted = self.each(move |_, node| {
            let bond = node.host.bond()?;
            let counters = bond.counters();
            let text =
                speaks.then(|| format!("{counters:?}\n{:?}", node.host.sockets().counters()));
            Some((counters, text))
        })?;
        for naps in self.each(|_, node| node.naps())? {
            verdict.rest.add(naps);
        }
        for (counters, text) in counted.into_iter().flatten() {
            verdict.undrained += counters.moved_undrained;
            verdict.tunnelled_out += counters.tunnelled_out;
            verdict.tunnelled_in += counters.tunnelled_in;
            text.iter().for_each(|text| eprintln!("{text}"));
        }
        verdict.was_answered = self.was_answered;
        Ok(())
    }
}
