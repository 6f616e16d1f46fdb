//! A connection of the host with the bond with itself.

use mafo_mem::Nanos;

use super::{End, Plan, Trigger, end};
use crate::draw::Draw;

/// One whose both ends are on that host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Own {
    /// When it is opened, after the start.
    pub at: Nanos,
    /// Nagle's algorithm, where it is opened.
    pub nagle: bool,
    /// The two applications: the one that opens it, and the one that listens.
    pub ends: [End; 2],
}

/// What the ninth edition decides beside all that others did: one plan in ten has such a connection, which talks for a while
/// from before the first fault on.
pub(super) fn draw_own(draw: &mut Draw, plan: &mut Plan) {
    if !draw.chance(0.1) {
        return;
    }
    let first = plan.faults.first().map_or(Nanos::from_millis(1), |fault| match fault.when {
        Trigger::At(at) | Trigger::In(_, at) => at,
    });
    let mut talks = || {
        let end = end(draw);
        let drip = draw.log_time(Nanos::from_millis(1), Nanos::from_millis(100));
        End { write_pause: end.write_pause.or(Some((end.bytes / 16 + 1, drip))), ..end }
    };
    let ends = [talks(), talks()];
    plan.own = Some(Own { at: Nanos(draw.below(first.0.max(1))), nagle: draw.chance(0.5), ends });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_plan_in_ten_has_one_and_is_the_same_without_it() {
        let mut count = 0;
        for seed in 0..1000 {
            let plan = Plan::draw(seed);
            count += usize::from(plan.own.is_some());
            assert_eq!(Plan { own: None, ..plan }, Plan::eighth_edition(seed));
        }
        assert!((70..130).contains(&count), "{count}");
    }
}
