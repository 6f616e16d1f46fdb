//! An adapter dies: its connections go on by the host's own record. Nobody loses one, since the cards commit to nothing
//! that they have not told.

use super::*;

/// Adapters are looked at often.
const SETUP: Setup = Setup {
    protect: true,
    primary: None,
    reselect: mafo::PrimaryReselect::Always,
    updelay: Nanos::ZERO,
    downdelay: Nanos::ZERO,
    arp_interval: Nanos::ZERO,
    arp_validate: mafo::ArpValidate::None,
    heartbeat: us(300),
};

fn dies(at: Nanos, which: Which, how: Death, time: Nanos) -> Fault {
    super::at(at, Breakage::Dies(which, how, time))
}

/// All are vouched for.
fn nobody_is_lost(outcomes: &[Outcome]) {
    let lost: Vec<u64> = outcomes.iter().map(|outcome| outcome.bond.connections_lost).collect();
    assert_eq!(lost.iter().sum::<u64>(), 0, "{lost:?}");
}

/// No link has failed before.
#[test]
fn out_of_the_blue() {
    for how in [Death::Now, Death::After(20), Death::OffTheBus, Death::Hangs] {
        let (_, outcomes) = runs(|seed| Plan {
            setup: SETUP,
            faults: vec![dies(CUT, Which::Active, how, ms(40))],
            ..plan(seed)
        });
        assert!(outcomes.iter().all(|outcome| outcome.bond.adapters_lost == 1), "{how:?}");
        assert!(outcomes.iter().any(|outcome| outcome.bond.rebuilt > 0), "{how:?}");
        nobody_is_lost(&outcomes);
    }
}

/// At each of many points of what others see of it.
#[test]
fn after_any_word() {
    for effects in 1..80 {
        let seed = effects;
        let plan = Plan {
            setup: SETUP,
            faults: vec![dies(ms(8), Which::Active, Death::After(effects), ms(10))],
            ..plan(seed)
        };
        match run::run_plan(&plan) {
            Ok(outcome) => nobody_is_lost(&[outcome]),
            Err(failure) => panic!("after {effects}: {failure}"),
        }
    }
}

/// It took over, and dies; the first one's link is back by then, or not.
#[test]
fn the_second_after_it_took_over() {
    for first_is_back in [ms(10), ms(300)] {
        let (_, outcomes) = runs(|seed| Plan {
            setup: SETUP,
            faults: vec![cut(CUT, first_is_back), dies(ms(40), Which::Active, Death::Now, ms(60))],
            ..plan(seed)
        });
        assert!(outcomes.iter().all(|outcome| outcome.bond.adapters_lost == 1));
        assert!(outcomes.iter().any(|outcome| outcome.bond.moved > outcome.bond.rebuilt));
        nobody_is_lost(&outcomes);
    }
}

/// Reset and probed anew it is a backup, and has everything back when the other one dies.
#[test]
fn the_one_and_then_the_other() {
    let end = End { write_pause: Some((4_000, ms(8))), ..TALKS };
    let (_, outcomes) = runs(|seed| Plan {
        setup: SETUP,
        connections: (0..4).map(|n| connection(Side::Near, us(50 * n), end)).collect(),
        faults: (0..4).map(|n| dies(ms(10 + 50 * n), Which::Active, Death::Now, ms(5))).collect(),
        ..plan(seed)
    });
    let lost = outcomes.iter().map(|outcome| outcome.bond.adapters_lost).sum::<u64>();
    assert!(lost >= 40, "{lost}");
    nobody_is_lost(&outcomes);
}

/// Nobody is there for a while.
#[test]
fn both_at_once() {
    for times in [[ms(5), ms(300)], [ms(300), ms(5)], [ms(20), ms(20)]] {
        let (_, outcomes) = runs(|seed| Plan {
            setup: SETUP,
            faults: vec![
                dies(CUT, Which::Active, Death::Now, times[0]),
                dies(CUT, Which::Other, Death::Now, times[1]),
            ],
            ..plan(seed)
        });
        assert!(outcomes.iter().all(|outcome| outcome.bond.adapters_lost == 2), "{times:?}");
        nobody_is_lost(&outcomes);
    }
}

/// The other one has no link.
#[test]
fn with_no_link_at_the_other() {
    let (_, outcomes) = runs(|seed| Plan {
        setup: SETUP,
        faults: vec![
            at(ms(8), Breakage::Backup(ms(80))),
            dies(CUT, Which::Active, Death::Now, ms(200)),
        ],
        ..plan(seed)
    });
    assert!(outcomes.iter().any(|outcome| outcome.bond.rebuilt > 0));
    nobody_is_lost(&outcomes);
}

/// The other one has no room: the host path goes on with them, and gives them back.
#[test]
fn with_no_room_at_the_other() {
    let (coverage, outcomes) = runs(|seed| Plan {
        setup: SETUP,
        faults: vec![
            at(ms(11), Breakage::RefuseOpens(60)),
            dies(CUT, Which::Active, Death::Now, ms(100)),
            Fault { when: Trigger::In(Stage::Sheltered, ms(60)), what: Breakage::Mend },
        ],
        ..plan(seed)
    });
    assert!(outcomes.iter().any(|outcome| outcome.bond.sheltered > 0), "{coverage}");
    nobody_is_lost(&outcomes);
}

/// An adapter dies while a connection is in a certain state of TCP: at `first`, and a little later with each seed.
fn in_state(state: &'static str, opener: Side, faults: &[Fault], (first, later): (Nanos, Nanos)) {
    let (coverage, outcomes) = runs(|seed| Plan {
        setup: SETUP,
        connections: vec![connection(opener, us(100), LINGERS)],
        impairments: Impairments { delay: ms(1), ..Impairments::NONE },
        late_polls: [seed as u32 % 3, seed as u32 % 2],
        faults: faults
            .iter()
            .copied()
            .chain([dies(first + Nanos(later.0 * seed), Which::Active, Death::Now, ms(30))])
            .collect(),
        ..plan(seed)
    });
    let hit = coverage.faults_in("active adapter dies", state);
    assert!(hit > 0, "never in {state}:\n{coverage}");
    nobody_is_lost(&outcomes);
}

#[test]
fn opening() {
    in_state("Opening", Side::Near, &[], (us(200), us(250)));
}

#[test]
fn accepting() {
    in_state("Accepting", Side::Peer, &[], (us(400), us(300)));
}

#[test]
fn established_and_idle() {
    in_state("Established", Side::Near, &[], (ms(40), ms(1)));
}

#[test]
fn close_wait() {
    in_state("CloseWait", Side::Peer, &[at(ms(40), PEER_FINISHES)], (ms(42), us(200)));
}

#[test]
fn fin_wait_1() {
    in_state("FinWait1", Side::Near, &[at(ms(40), NEAR_FINISHES)], (us(40_100), us(200)));
}

#[test]
fn fin_wait_2() {
    in_state("FinWait2", Side::Near, &[at(ms(40), NEAR_FINISHES)], (ms(44), ms(1)));
}

#[test]
fn closing() {
    let finish = [at(ms(40), NEAR_FINISHES), at(us(40_200), PEER_FINISHES)];
    in_state("Closing", Side::Near, &finish, (us(41_200), us(100)));
}

#[test]
fn last_ack() {
    let finish = [at(ms(40), PEER_FINISHES), at(ms(44), NEAR_FINISHES)];
    in_state("LastAck", Side::Peer, &finish, (us(44_100), us(200)));
}

/// The host keeps TIME_WAIT, whatever becomes of the adapter.
#[test]
fn time_wait() {
    let (_, outcomes) = runs(|seed| Plan {
        setup: SETUP,
        connections: vec![connection(Side::Near, us(100), LINGERS)],
        impairments: Impairments { delay: ms(1), ..Impairments::NONE },
        faults: vec![
            at(ms(40), NEAR_FINISHES),
            at(ms(50), PEER_FINISHES),
            // The FIN has been answered, and the answer has not arrived.
            at(us(52_500), Breakage::All(us(600))),
            dies(us(52_600), Which::Active, Death::Now, ms(30)),
        ],
        ..plan(seed)
    });
    nobody_is_lost(&outcomes);
}
