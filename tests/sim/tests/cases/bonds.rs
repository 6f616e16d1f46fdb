//! What a bond does by wish and by its settings: moves without a failure, a primary link, delays, ways that are dead
//! though their links are up.

use mafo::{ArpValidate, CongestionControl, PrimaryReselect};

use super::*;

in_each_stage! {
    /// To where it was going from, or, of three links, elsewhere.
    somebody_wants_it_elsewhere: Breakage::Move(0);
}

/// Back and forth, and nothing is lost on the way: what a failure would have swallowed is there.
#[test]
fn moves_by_wish() {
    for handover in [Handover::Auto, Handover::Drained, Handover::Instant] {
        let (_, outcomes) = runs(|seed| Plan {
            handover,
            faults: (0..4).map(|n| at(ms(6 + 9 * n), Breakage::Move(0))).collect(),
            ..plan(seed)
        });
        assert!(outcomes.iter().all(|outcome| outcome.bond.failures == 0));
        let moved: Vec<u64> = outcomes.iter().map(|outcome| outcome.bond.moved).collect();
        assert!(moved.iter().sum::<u64>() >= 12, "{handover:?}: {moved:?}");
    }
}

/// Each connection by its own policy.
#[test]
fn each_in_its_own_way() {
    let kinds = [Some(Handover::Instant), Some(Handover::Drained), Some(Handover::Auto), None];
    let (_, outcomes) = runs(|seed| {
        let mut plan = Plan { faults: vec![cut(CUT, ms(300))], ..plan(seed) };
        for (connection, handover) in plan.connections.iter_mut().zip(kinds.iter().cycle()) {
            (connection.opener, connection.handover) = (Side::Near, *handover);
        }
        plan
    });
    assert!(outcomes.iter().any(|outcome| outcome.bond.moved_undrained > 0));
    let drained = |outcome: &Outcome| outcome.bond.moved > outcome.bond.moved_undrained;
    assert!(outcomes.iter().any(drained));
}

/// The first link is the primary one, and back after a while.
fn primary(reselect: PrimaryReselect) -> u64 {
    let setup = Setup { primary: Some(0), reselect, ..Setup::default() };
    let (_, outcomes) = runs(|seed| Plan {
        setup,
        faults: vec![cut(CUT, ms(25))],
        late_polls: [2, 3],
        ..plan(seed)
    });
    let back = |outcome: &&Outcome| outcome.active == Some(0);
    outcomes.iter().filter(back).count() as u64
}

#[test]
fn a_primary_link_takes_over_when_it_is_back() {
    assert_eq!(primary(PrimaryReselect::Always), 12);
}

/// Both are equally fast.
#[test]
fn a_primary_link_that_is_no_better_does_not() {
    assert_eq!(primary(PrimaryReselect::Better), 0);
}

#[test]
fn a_primary_link_that_waits_for_a_failure_does_not() {
    assert_eq!(primary(PrimaryReselect::Failure), 0);
}

/// A link that goes and comes within `downdelay` has not gone.
#[test]
fn a_flap_that_is_too_short_to_count() {
    let setup = Setup { downdelay: ms(30), updelay: ms(5), ..Setup::default() };
    let (_, outcomes) = runs(|seed| Plan {
        setup,
        late_polls: [2, 3],
        faults: (0..3).map(|n| cut(ms(8 + 8 * n), ms(1))).collect(),
        ..plan(seed)
    });
    assert!(outcomes.iter().all(|outcome| outcome.bond.failures == 0));
}

/// The carrier stays, and nothing passes: only probes find out.
#[test]
fn the_active_way_is_dead() {
    for validate in [ArpValidate::None, ArpValidate::Active, ArpValidate::Backup, ArpValidate::All]
    {
        for ways in [[true, false], [false, true], [true, true]] {
            let setup = Setup { arp_interval: ms(5), arp_validate: validate, ..Setup::default() };
            let plan = Plan {
                setup,
                late_polls: [2, 3],
                faults: vec![at(CUT, Breakage::Hole(Which::Active, ways, ms(150)))],
                ..plan(3)
            };
            // What the peer says proves a link, though it hears nothing, unless only answers count there.
            let proved = !ways[1] && matches!(validate, ArpValidate::None | ArpValidate::Backup);
            match run::run_plan(&plan) {
                Ok(outcome) => assert_eq!(
                    outcome.bond.failures > 0,
                    !proved,
                    "{validate:?} {ways:?}: {:?}",
                    outcome.bond
                ),
                Err(failure) => panic!("{validate:?} {ways:?}: {failure}"),
            }
        }
    }
}

/// Nobody takes over, and nobody finds out; when it lives again, all go on.
#[test]
fn a_dead_way_that_nobody_looks_for() {
    let (_, outcomes) = runs(|seed| Plan {
        faults: vec![at(CUT, Breakage::Hole(Which::Active, [true; 2], ms(300)))],
        ..plan(seed)
    });
    assert!(outcomes.iter().all(|outcome| outcome.bond.failures == 0));
}

/// Flag bits are actions of a filter until the entry is made the connection: what a connection has of them comes last.
#[test]
fn high_speed_ecn_and_nagle() {
    let (_, outcomes) = runs(|seed| {
        let mut plan =
            Plan { ecn: true, faults: vec![cut(CUT, ms(30)), cut(ms(60), ms(300))], ..plan(seed) };
        for connection in &mut plan.connections {
            connection.opener = Side::Near;
            connection.nagle = true;
            connection.congestion = Some(CongestionControl::HighSpeed);
        }
        plan
    });
    assert!(outcomes.iter().all(|outcome| outcome.bond.moved > 0));
}
