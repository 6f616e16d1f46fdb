//! A connection of the host with the bond with itself: no wire and no adapter ever has it, and no fault is one for it.

use mafo::{FailOverMac, Mode, XmitHashPolicy};
use mafo_sim::plan::{Aim, Own};

use super::*;

/// Talks through all of these faults.
const OWN: Own = Own { at: us(100), nagle: false, ends: [TALKS; 2] };

/// It has read all before the faults, which last until `mended`, are over.
fn lives_on(mended: Nanos, what: Breakage, plan: impl Fn(Plan) -> Plan) {
    let (coverage, outcomes) = runs(|seed| {
        let setup = Setup { heartbeat: us(300), ..Setup::default() };
        let faults = vec![at(CUT, what)];
        plan(Plan { own: Some(OWN), setup, faults, ..super::plan(seed) })
    });
    let hit = coverage.faults_in(what.name(), "with itself");
    assert_eq!(hit, 12, "{what:?}");
    for own in outcomes.iter().map(|outcome| outcome.own.expect("one")) {
        assert_eq!(own.read, [TALKS.bytes; 2], "{what:?}");
        assert!(own.over_at.is_some_and(|over_at| over_at < mended), "{what:?}: {own:?}");
    }
}

#[test]
fn a_link_fails() {
    lives_on(ms(300), Breakage::Active(ms(300)), |plan| plan);
}

#[test]
fn an_adapter_dies() {
    for how in [Death::Now, Death::OffTheBus, Death::Hangs] {
        lives_on(ms(300), Breakage::Dies(Which::Active, how, ms(300)), |plan| plan);
    }
}

#[test]
fn both_adapters_die() {
    lives_on(ms(300), Breakage::Dies(Which::Active, Death::Now, ms(300)), |mut plan| {
        plan.faults.push(at(CUT + us(100), Breakage::Dies(Which::Other, Death::Now, ms(300))));
        plan
    });
}

#[test]
fn all_links_are_down() {
    lives_on(ms(300), Breakage::All(ms(300)), |plan| plan);
}

#[test]
fn the_active_link_swallows_all() {
    lives_on(ms(300), Breakage::Hole(Which::Active, [true; 2], ms(300)), |plan| plan);
}

/// Of all, and of itself alone, which is refused.
#[test]
fn a_move_by_wish() {
    lives_on(ms(300), Breakage::Move(0), |plan| plan);
    for aim in [Aim::Host, Aim::Link(0), Aim::Link(1)] {
        lives_on(ms(300), Breakage::MoveOne(aim), |plan| plan);
    }
}

/// Others move, whatever the bond does with links and addresses.
#[test]
fn a_link_fails_in_every_kind_of_bond() {
    let kinds: [fn(&mut Plan); 5] = [
        |plan| (plan.mode, plan.policy) = (Mode::BalanceXor, XmitHashPolicy::Layer34),
        |plan| plan.fail_over_mac = FailOverMac::Active,
        |plan| plan.fail_over_mac = FailOverMac::Follow,
        |plan| plan.plain = [true, false],
        |plan| plan.plain = [true; 2],
    ];
    for kind in kinds {
        lives_on(ms(300), Breakage::Active(ms(300)), |mut plan| {
            kind(&mut plan);
            plan
        });
    }
}

/// SYN, SYN-ACK and ACK need no link either.
#[test]
fn it_is_opened_while_all_links_are_down() {
    let (_, outcomes) = runs(|seed| Plan {
        own: Some(Own { at: CUT + ms(10), ..OWN }),
        faults: vec![at(CUT, Breakage::All(ms(300)))],
        ..plan(seed)
    });
    let over = |outcome: &Outcome| outcome.own.and_then(|own| own.over_at);
    assert!(outcomes.iter().all(|outcome| over(outcome).is_some_and(|at| at < ms(300))));
}
