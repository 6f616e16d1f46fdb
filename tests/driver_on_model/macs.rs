//! Whose station address a bond has, and who is told of it.

use std::sync::{Arc, Mutex};

use mafo::wire::{SwitchConfig, Wire};
use mafo::{BondConfig, FailOverMac, Frame, Handover, LinkId, Nanos, PortId, StackConfig};

use crate::failover::{Traffic, describe, settle};
use crate::hosts::{ADDRESSES, Net};
use crate::tampered::Tampered;

/// What a cable was given to carry: when, source, destination, type.
type Sent = Arc<Mutex<Vec<(Nanos, [u8; 6], [u8; 6], u16)>>>;

const ARP: u16 = 0x0806;
const EVERYBODY: [u8; 6] = [0xff; 6];
const BOND: [u8; 6] = [2, 0, 0, 0xff, 0, 0];

fn link(adapter: usize, port: u8) -> LinkId {
    (adapter, PortId(port)).into()
}

fn noted(
    shape: [&[usize]; 2],
    configure: impl Fn(&mut StackConfig, &mut BondConfig),
) -> (Net, Vec<Sent>) {
    let sent: Vec<Sent> =
        (0..shape.iter().flat_map(|s| s.iter()).sum()).map(|_| Sent::default()).collect();
    let plug = |n: usize, cable| -> Box<dyn Wire> {
        let sent = Arc::clone(&sent[n]);
        Tampered::sending(cable, move |now, frames| {
            for frame in frames.iter().map(Frame::as_slice) {
                let mac = |at: usize| frame[at..at + 6].try_into().expect("six bytes");
                let ethertype = u16::from_be_bytes([frame[12], frame[13]]);
                sent.lock().expect("alive").push((now, mac(6), mac(0), ethertype));
            }
        })
    };
    (Net::up_shaped(shape, plug, configure), sent)
}

/// The sources of what each cable of the first host was given since the last time.
fn sources(sent: &[Sent]) -> Vec<Vec<[u8; 6]>> {
    let of = |sent: &Sent| {
        let mut macs: Vec<_> = std::mem::take(&mut *sent.lock().expect("alive"))
            .into_iter()
            .map(|(_, source, ..)| source)
            .collect();
        macs.sort_unstable();
        macs.dedup();
        macs
    };
    sent.iter().take(3).map(of).collect()
}

/// From port to port and from adapter to adapter and back: whatever the policy, nobody sends as somebody else, and
/// nothing is lost.
#[test]
fn the_bond_s_address_is_where_its_policy_says() {
    for policy in [FailOverMac::None, FailOverMac::Active, FailOverMac::Follow] {
        for handover in [Handover::Drained, Handover::Instant] {
            let (mut net, sent) = noted([&[2, 1], &[1]], |stack, bond| {
                if stack.address == ADDRESSES[0] {
                    (bond.fail_over_mac, bond.handover) = (policy, handover);
                }
            });
            let ends = net.open(6);
            let mut traffic = Traffic::new(ends);
            traffic.deliver(&mut net, 10_000);
            let own = [[2, 0, 0, 0, 0, 0x10], [2, 0, 0, 0, 0, 0x11], [2, 0, 0, 1, 0, 0x10]];
            // The links in the order of the cables, and who is active next when they fail in turn.
            for (n, fails) in [(1, vec![0]), (2, vec![0, 1]), (0, vec![2])] {
                net.cables[n].set_carrier(true);
                fails.iter().for_each(|&cable| net.cables[cable].set_carrier(false));
                let until = net.now + Nanos::from_millis(5);
                while net.now < until {
                    traffic.step(&mut net);
                }
                let links = [link(0, 0), link(0, 1), link(1, 0)];
                let bond = net.hosts[0].bond().expect("bond");
                assert_eq!(bond.active(), Some(links[n]), "{policy:?}");
                sources(&sent);
                traffic.deliver(&mut net, 10_000);
                settle(&mut net, |net| traffic.step(net));
                traffic.deliver(&mut net, 10_000);
                let mac = if policy == FailOverMac::Active { own[n] } else { BOND };
                assert_eq!(net.hosts[0].sockets().mac(), mac);
                let mut expected = vec![vec![]; 3];
                expected[n] = vec![mac];
                assert_eq!(sources(&sent), expected, "{policy:?} {handover:?}: {}", describe(&net));
                // Whoever failed is there again before the next one does.
                fails.iter().for_each(|&cable| net.cables[cable].set_carrier(true));
                let until = net.now + Nanos::from_millis(5);
                while net.now < until {
                    traffic.step(&mut net);
                }
                // Nobody else receives what is for the bond, unless every link is to.
                let others = (0..3).filter(|&other| other != n);
                let taking = others.filter(|&other| receives(&net, other, mac));
                let all = policy == FailOverMac::None;
                assert_eq!(taking.count(), if all { 2 } else { 0 }, "{policy:?}");
                assert!(receives(&net, n, mac), "{policy:?}");
            }
            traffic.finish(&mut net);
            assert_eq!(net.hosts[0].bond().expect("bond").counters().unexpected, 0);
            assert_eq!(net.hosts[0].sockets().counters().tom_unexpected, 0);
            net.settle();
        }
    }
}

/// Whether a card of the first host takes a frame for `mac` by one of its cables.
fn receives(net: &Net, cable: usize, mac: [u8; 6]) -> bool {
    let (adapter, port) = [(0, 0), (0, 1), (1, 0)][cable];
    net.hosts[0].adapter(adapter).expect("a card").takes(PortId(port), mac)
}

/// The peer's bond fails in the very moment that ours does, and has another address then: connections follow it.
#[test]
fn the_next_hop_moves_while_we_do() {
    for handover in [Handover::Drained, Handover::Instant] {
        let (mut net, _) = noted([&[1, 1], &[1, 1]], |_, bond| {
            (bond.fail_over_mac, bond.handover) = (FailOverMac::Active, handover);
        });
        let ends = net.open(6);
        let mut traffic = Traffic::new(ends);
        for (down, up) in [([0, 2], [1, 3]), ([1, 3], [0, 2])] {
            traffic.deliver(&mut net, 10_000);
            up.iter().for_each(|&cable| net.cables[cable].set_carrier(true));
            let until = net.now + Nanos::from_millis(2);
            while net.now < until {
                traffic.step(&mut net);
            }
            down.iter().for_each(|&cable| net.cables[cable].set_carrier(false));
            traffic.deliver(&mut net, 10_000);
            settle(&mut net, |net| traffic.step(net));
            for host in &net.hosts {
                let counters = host.bond().expect("bond").counters();
                assert_eq!(counters.connections_lost, 0, "{counters:?}");
            }
        }
        let moved = |net: &Net| net.hosts[0].bond().expect("bond").counters().moved;
        assert_eq!(moved(&net), 12);
        traffic.finish(&mut net);
    }
}

/// Gratuitous ARPs of a bond with idle connections, by the milliseconds since its failure.
fn notices(configure: impl Fn(&mut BondConfig), time: Nanos, step: Nanos) -> Vec<u64> {
    let (mut net, sent) = noted([&[1, 1], &[1]], |_, bond| configure(bond));
    net.open(2);
    net.cables[0].set_carrier(false);
    let start = net.now;
    while net.hosts[0].bond().expect("bond").active() != Some(link(1, 0)) {
        net.step();
    }
    while net.now < start + time {
        net.step();
        net.now += step;
    }
    let sent = sent[1].lock().expect("alive");
    let told = sent.iter().filter(|(_, _, to, kind)| (*to, *kind) == (EVERYBODY, ARP));
    told.map(|(at, ..)| (*at - start).0 / 1_000_000).collect()
}

#[test]
fn a_switch_is_told_as_often_as_it_is_to_be() {
    let ms = Nanos::from_millis;
    let told = |count, delay| {
        let configure = |bond: &mut BondConfig| {
            (bond.num_peer_notif, bond.peer_notif_delay) = (count, delay);
        };
        notices(configure, ms(100), Nanos::ZERO)
    };
    assert_eq!(told(3, ms(20)), [0, 20, 40]);
    assert_eq!(told(1, ms(20)), [0]);
    assert_eq!(told(0, ms(20)), [] as [u64; 0]);
}

/// Connections that say nothing for an hour do not become unreachable by a switch that forgets after five minutes.
#[test]
fn a_switch_is_told_again_before_it_forgets() {
    let told = notices(|_| {}, Nanos::from_secs(3600), Nanos::from_millis(50));
    let ageing = SwitchConfig::default().ageing.0 / 1_000_000;
    let gaps: Vec<u64> = told.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|&gap| gap < ageing) && told.len() > 12, "{told:?}");
    assert!(told.last().is_some_and(|&last| last > 3_300_000), "{told:?}");
}
