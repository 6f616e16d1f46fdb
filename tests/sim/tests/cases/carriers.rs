//! All links carry, or one with its own address; and single connections that are to live elsewhere.

use mafo::{FailOverMac, Mode, XmitHashPolicy};
use mafo_sim::plan::Aim;

use super::*;

fn one(at: Nanos, aim: Aim) -> Fault {
    super::at(at, Breakage::MoveOne(aim))
}

in_each_stage! {
    /// One that moves already stays as it is, or goes to the host path.
    one_is_wanted_at_home: Breakage::MoveOne(Aim::Host);
}

/// A link fails and is back, then all do: connections go where their peers' frames come in.
#[test]
fn all_links_carry() {
    for policy in [XmitHashPolicy::Layer2, XmitHashPolicy::Layer34] {
        for faults in [
            vec![cut(CUT, ms(40))],
            vec![at(CUT, Breakage::Backup(ms(40)))],
            vec![cut(CUT, ms(30)), at(ms(50), Breakage::All(ms(5)))],
        ] {
            let (_, outcomes) = runs(|seed| Plan {
                mode: Mode::BalanceXor,
                policy,
                faults: faults.clone(),
                ..plan(seed)
            });
            assert!(outcomes.iter().all(|outcome| outcome.bond.failures > 0));
            assert!(outcomes.iter().any(|outcome| outcome.bond.moved > 0), "{policy:?}");
        }
    }
}

/// An adapter dies of which half of the connections live.
#[test]
fn one_of_two_that_carry_dies() {
    let setup = Setup { heartbeat: us(300), ..Setup::default() };
    let dies = Breakage::Dies(Which::Active, Death::Now, ms(40));
    let (_, outcomes) = runs(|seed| Plan {
        mode: Mode::BalanceXor,
        policy: XmitHashPolicy::Layer34,
        setup,
        faults: vec![at(CUT, dies)],
        ..plan(seed)
    });
    assert!(outcomes.iter().all(|outcome| outcome.bond.adapters_lost == 1));
    assert!(outcomes.iter().any(|outcome| outcome.bond.rebuilt > 0));
    assert!(outcomes.iter().all(|outcome| outcome.bond.connections_lost == 0));
}

/// What probes find silent is not used any more; what comes in by it is heard all the same, since the switch goes on.
#[test]
fn a_link_that_probes_find_silent_is_heard() {
    let setup =
        Setup { arp_interval: ms(10), arp_validate: mafo::ArpValidate::All, ..Setup::default() };
    let end = End { write_pause: Some((10_000, ms(40))), ..TALKS };
    let (_, outcomes) = runs(|seed| Plan {
        mode: Mode::BalanceXor,
        policy: XmitHashPolicy::Layer34,
        setup,
        connections: (0..6).map(|n| connection(Side::Peer, us(50 * n), end)).collect(),
        ..plan(seed)
    });
    // The answers all come by one link.
    assert!(outcomes.iter().all(|outcome| outcome.bond.failures > 0));
    assert!(outcomes.iter().any(|outcome| outcome.bond.tunnelled_in > 0));
}

/// To another adapter, where all carry, and back.
#[test]
fn one_goes_to_the_other_adapter() {
    let (_, outcomes) = runs(|seed| Plan {
        mode: Mode::BalanceXor,
        policy: XmitHashPolicy::Layer34,
        faults: (0..6).map(|n| one(ms(6 + 5 * n), Aim::Link((n % 2) as u8))).collect(),
        ..plan(seed)
    });
    assert!(outcomes.iter().any(|outcome| outcome.bond.moved > 0));
    assert!(outcomes.iter().all(|outcome| outcome.bond.failures == 0));
}

/// To the host path and back, where one link is active.
#[test]
fn one_goes_home_and_back() {
    let (_, outcomes) = runs(|seed| Plan {
        late_polls: [2, 3],
        faults: (0..6)
            .map(|n| one(ms(6 + 6 * n), [Aim::Host, Aim::Link(0)][n as usize % 2]))
            .collect(),
        ..plan(seed)
    });
    let sheltered: u64 = outcomes.iter().map(|outcome| outcome.bond.sheltered).sum();
    let moved: u64 = outcomes.iter().map(|outcome| outcome.bond.moved).sum();
    assert!(sheltered >= 12 && moved > 0, "{sheltered} home, {moved} back");
}

/// The same with one that says nothing, again and again: by what its peer is made to say it is known that it took the
/// timestamps, which jump with each clock.
#[test]
fn one_that_is_idle_goes_home_and_back() {
    const TIMES: u64 = 24;
    let idle = End { bytes: 100, write_pause: None, linger: ms(1_000), ..TALKS };
    let (_, outcomes) = runs(|seed| Plan {
        mode: Mode::BalanceXor,
        late_polls: [2, 3],
        connections: vec![connection(Side::Near, us(100), idle)],
        faults: (0..2 * TIMES)
            .map(|n| {
                let aims = [Aim::Host, Aim::Link(1), Aim::Host, Aim::Link(0)];
                one(ms(6 + 15 * n), aims[n as usize % 4])
            })
            .collect(),
        ..plan(seed)
    });
    let moved: Vec<u64> = outcomes.iter().map(|outcome| outcome.bond.moved).collect();
    // The first wish may come while the connection is being opened.
    let home: Vec<u64> = outcomes.iter().map(|outcome| outcome.bond.sheltered).collect();
    assert!(moved.iter().all(|&times| times + 1 >= TIMES), "{moved:?} {home:?}");
}

/// The bond's address goes from card to card, or every card keeps its own.
#[test]
fn whose_address_it_is() {
    for fail_over_mac in [FailOverMac::Active, FailOverMac::Follow] {
        let (_, outcomes) = runs(|seed| Plan {
            fail_over_mac,
            faults: vec![cut(CUT, ms(25)), cut(ms(50), ms(300))],
            ..plan(seed)
        });
        assert!(outcomes.iter().all(|outcome| outcome.bond.failures == 2), "{fail_over_mac:?}");
        assert!(outcomes.iter().any(|outcome| outcome.bond.moved > 0), "{fail_over_mac:?}");
    }
}
