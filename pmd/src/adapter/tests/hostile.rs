//! Firmware that lies: an adapter comes up or says why not; it never panics, and forgets no memory.

use proptest::prelude::*;

use super::fake::Rig;
use super::*;
use crate::sge::ENTRY;

fn config() -> AdapterConfig {
    AdapterConfig { command_timeout: Nanos(1), lcores: 2, ..AdapterConfig::small() }
}

/// What is done to a reply.
#[derive(Clone, Debug)]
enum Lie {
    Silence,
    Bytes(Vec<u8>),
    Word(usize, u32),
}

fn lies() -> impl Strategy<Value = (usize, Lie)> {
    let word = prop_oneof![any::<u32>(), Just(0), Just(u32::MAX), 0_u32..4096];
    let lie = prop_oneof![
        1 => Just(Lie::Silence),
        2 => prop::collection::vec(any::<u8>(), 64).prop_map(Lie::Bytes),
        // The first two words are opcode and result: those are told in one of the other ways.
        8 => (2_usize..16, word).prop_map(|(at, value)| Lie::Word(at, value)),
    ];
    (0_usize..64, lie)
}

proptest! {
    #[test]
    fn a_lying_firmware_is_survived(lies in prop::collection::vec(lies(), 1..6)) {
        let mut rig = Rig::new(config());
        // Another master is waited for half a minute.
        rig.step = Nanos::from_millis(100);
        rig.card.answers(move |number, mut honest| {
            for (_, lie) in lies.iter().filter(|(at, _)| *at == number) {
                match lie {
                    Lie::Silence => return None,
                    Lie::Bytes(bytes) => honest.clone_from(bytes),
                    Lie::Word(at, value) => {
                        honest.resize(64, 0);
                        honest[4 * at..4 * at + 4].copy_from_slice(&value.to_be_bytes());
                    }
                }
            }
            Some(honest)
        });
        let up = rig.start();
        let domain = rig.adapter.domain().clone();
        if up.is_ok() {
            rig.card.answers(|_, honest| Some(honest));
            rig.adapter.close();
            rig.settle();
            prop_assert_eq!(rig.adapter.state(), &State::Closed);
            prop_assert_eq!(rig.arena.free(), rig.arena.len());
        }
        let arena = rig.arena.clone();
        drop(rig);
        prop_assert!(up.is_ok() || domain.is_revoked() || arena.free() == arena.len());
        prop_assert_eq!(arena.free(), arena.len());
    }

    #[test]
    fn hostile_events_are_counted(
        entries in prop::collection::vec((any::<[u8; 32]>(), any::<[u8; 32]>(), any::<bool>()), 0..200),
    ) {
        let mut rig = Rig::up(config());
        let total = entries.len() as u64;
        for (a, b, about_a_port) in entries {
            let mut entry: [u8; ENTRY] = [a, b].concat().try_into().expect("64 bytes");
            if about_a_port {
                // A CPL_FW6_MSG of type 0 with FW_PORT_CMD GET_PORT_INFO, of any port and state.
                entry[0] = 0xe0;
                entry[8..10].copy_from_slice(&[0xe0, 0]);
                entry[16] = 0x1b;
                entry[20..22].copy_from_slice(&[0, 3]);
                entry[ENTRY - 8] = 0x10;
            }
            rig.raw_event(&entry);
            rig.poll();
            rig.events();
        }
        let counted = rig.adapter.counters();
        // A message about a port that is not there is counted as both.
        let seen = counted.link_messages + counted.other_messages + counted.bad_messages;
        prop_assert!(seen >= total && seen <= 2 * total);
        prop_assert!(counted.link_changes <= counted.link_messages);
        prop_assert_eq!(counted.events_dropped, 0);
    }
}
