//! Members of the bond that are Ethernet ports alone: what happens to connections on their way from an adapter to such a port,
//! and from one to an adapter.

use super::*;

/// What may happen on the way.
const WHATS: [Breakage; 13] = [
    Breakage::Mend,
    Breakage::Active(ms(30)),
    Breakage::All(ms(20)),
    Breakage::Move(0),
    Breakage::Dies(Which::Active, Death::Now, ms(50)),
    Breakage::Dies(Which::Other, Death::Now, ms(50)),
    Breakage::Silence(ms(600)),
    Breakage::Does(Side::Near, Act::Finish),
    Breakage::Does(Side::Near, Act::Close),
    Breakage::Does(Side::Near, Act::Abort),
    Breakage::Does(Side::Peer, Act::Finish),
    Breakage::Does(Side::Peer, Act::Abort),
    Breakage::Does(Side::Peer, Act::Rest(ms(600))),
];

/// The first link is the one that fails, and the other takes over.
fn pair(seed: u64, plain: [bool; 2], faults: Vec<Fault>) -> Plan {
    let setup = Setup { primary: Some(0), heartbeat: us(300), ..Setup::default() };
    Plan { plain, setup, faults, ..plan(seed) }
}

fn on_the_way(plain: [bool; 2], stages: &[Stage]) {
    for what in WHATS {
        for &stage in stages {
            let when = Trigger::In(stage, ms(250));
            let faults = vec![cut(CUT, ms(300)), Fault { when, what }];
            let (coverage, _) = runs(|seed| pair(seed, plain, faults.clone()));
            let hit = coverage.faults_in(what.name(), name(stage));
            assert!(hit > 0, "{} never came in {stage:?}:\n{coverage}", what.name());
        }
    }
}

#[test]
fn from_an_adapter_to_a_port() {
    use Stage::{Fenced, Gated, Held, Suspended, Tunnelled};
    on_the_way([false, true], &[Tunnelled, Suspended, Held, Gated, Fenced]);
}

#[test]
fn from_a_port_to_an_adapter() {
    on_the_way([true, false], &[Stage::Sheltered, Stage::Fenced, Stage::Uploading]);
}

/// There and back, by failures and by wishes, and by devices that are taken away.
#[test]
fn there_and_back() {
    let cuts = (0..4).map(|n| cut(ms(6 + 12 * n), ms(4))).collect();
    let moves = (0..4).map(|n| at(ms(6 + 9 * n), Breakage::Move(0))).collect();
    let dies = |n: u64| at(ms(6 + 12 * n), Breakage::Dies(Which::Active, Death::Now, ms(4)));
    let deaths = (0..4).map(dies).collect();
    for plain in [[false, true], [true, false], [true, true]] {
        for faults in [&cuts, &moves, &deaths] {
            let (_, outcomes) = runs(|seed| Plan {
                setup: Setup { heartbeat: us(100), ..Setup::default() },
                ..pair(seed, plain, Vec::clone(faults))
            });
            let count = |of: fn(&Outcome) -> u64| outcomes.iter().map(of).sum::<u64>();
            let moved = count(|outcome| outcome.bond.moved);
            let here = count(|outcome| outcome.bond.sheltered);
            let switched = count(|outcome| outcome.bond.switched);
            if plain == [true, true] {
                assert_eq!((moved, here), (0, 0), "no adapter");
                assert!(switched > 24, "{switched}");
            } else {
                assert!(moved > 24 && here > 12, "{plain:?} {faults:?}: {moved} {here}");
            }
        }
    }
}

/// By the switch's hash some frames come in by the port, and others by the adapter.
#[test]
fn all_links_carry() {
    for plain in [[false, true], [true, false], [true, true]] {
        let (_, outcomes) = runs(|seed| Plan {
            mode: mafo::Mode::BalanceXor,
            policy: mafo::XmitHashPolicy::Layer34,
            setup: Setup::default(),
            ..pair(seed, plain, vec![cut(CUT, ms(30)), at(ms(60), Breakage::Backup(ms(30)))])
        });
        let count = |of: fn(&Outcome) -> u64| outcomes.iter().map(of).sum::<u64>();
        let followed = count(|outcome| outcome.bond.followed);
        let here = count(|outcome| outcome.bond.sheltered);
        let has_adapter = plain != [true, true];
        assert_eq!((followed > 0, here > 0), (has_adapter, has_adapter), "{plain:?}");
    }
}
