//! Which link is active, and why.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mafo::wire::mem::MemEnd;
use mafo::wire::{BlackHole, Wire};
use mafo::{ArpValidate, BondConfig, LinkId, Nanos, PortId, PrimaryReselect};

use crate::failover::{Traffic, describe, settle};
use crate::hosts::{ADDRESSES, Net};
use crate::tampered::Tampered;

fn link(n: usize) -> LinkId {
    (n, PortId(0)).into()
}

fn active(net: &Net) -> Option<LinkId> {
    net.hosts[0].bond().expect("bond").active()
}

fn run(net: &mut Net, traffic: &mut Traffic, time: Nanos) {
    let until = net.now + time;
    while net.now < until {
        traffic.step(net);
    }
}

fn bonded(configure: impl Fn(&mut BondConfig)) -> (Net, Traffic) {
    let with = |stack: &mut mafo::StackConfig, bond: &mut BondConfig| {
        if stack.address == ADDRESSES[0] {
            configure(bond);
        }
    };
    let mut net = Net::up_bonded(2, |_, wire| Box::new(wire), with);
    let ends = net.open(4);
    let traffic = Traffic::new(ends);
    (net, traffic)
}

#[test]
fn the_primary_link_takes_over_again_when_it_is_to() {
    for (reselect, returns) in [
        (PrimaryReselect::Always, true),
        (PrimaryReselect::Better, false),
        (PrimaryReselect::Failure, false),
    ] {
        let (mut net, mut traffic) = bonded(|bond| {
            bond.primary = Some(link(0));
            bond.primary_reselect = reselect;
        });
        traffic.deliver(&mut net, 10_000);
        net.cables[0].set_carrier(false);
        traffic.deliver(&mut net, 10_000);
        settle(&mut net, |net| traffic.step(net));
        assert_eq!(active(&net), Some(link(1)));
        net.cables[0].set_carrier(true);
        run(&mut net, &mut traffic, Nanos::from_millis(5));
        settle(&mut net, |net| traffic.step(net));
        assert_eq!(active(&net), Some(link(usize::from(!returns))), "{reselect:?}");
        traffic.finish(&mut net);
    }
}

/// A link that comes and goes is not believed, down or up, before it stays so.
#[test]
fn a_link_that_flaps_is_damped() {
    let (mut net, mut traffic) = bonded(|bond| {
        bond.updelay = Nanos::from_millis(4);
        bond.downdelay = Nanos::from_millis(2);
        bond.primary = Some(link(0));
    });
    traffic.deliver(&mut net, 10_000);
    for _ in 0..10 {
        net.cables[0].set_carrier(false);
        run(&mut net, &mut traffic, Nanos::from_millis(1));
        net.cables[0].set_carrier(true);
        run(&mut net, &mut traffic, Nanos::from_millis(1));
    }
    let failures = |net: &Net| net.hosts[0].bond().expect("bond").counters().failures;
    assert_eq!((active(&net), failures(&net)), (Some(link(0)), 0));
    net.cables[0].set_carrier(false);
    run(&mut net, &mut traffic, Nanos::from_millis(3));
    assert_eq!((active(&net), failures(&net)), (Some(link(1)), 1));
    for _ in 0..3 {
        net.cables[0].set_carrier(true);
        run(&mut net, &mut traffic, Nanos::from_millis(3));
        net.cables[0].set_carrier(false);
        run(&mut net, &mut traffic, Nanos::from_millis(1));
    }
    assert_eq!(active(&net), Some(link(1)));
    net.cables[0].set_carrier(true);
    run(&mut net, &mut traffic, Nanos::from_millis(6));
    assert_eq!(active(&net), Some(link(0)));
    settle(&mut net, |net| traffic.step(net));
    traffic.finish(&mut net);
}

/// A cable whose path can die.
fn mortal(wire: MemEnd) -> Box<dyn Wire> {
    let cable = wire.cable();
    Box::new(BlackHole::new(wire, &cable))
}

/// The carrier stays, and nothing comes through: only probes can tell. Whatever proves a link.
#[test]
fn a_way_that_is_dead_is_found_out_by_probes() {
    for validate in [ArpValidate::None, ArpValidate::Active, ArpValidate::Backup, ArpValidate::All]
    {
        let mut net = Net::up_bonded(
            2,
            |_, cable| mortal(cable),
            |stack, bond| {
                if stack.address == ADDRESSES[0] {
                    bond.arp_interval = Nanos::from_millis(2);
                    bond.arp_ip_target = vec![ADDRESSES[1]];
                    bond.arp_validate = validate;
                }
            },
        );
        let ends = net.open(4);
        let mut traffic = Traffic::new(ends);
        traffic.deliver(&mut net, 10_000);
        run(&mut net, &mut traffic, Nanos::from_millis(20));
        assert_eq!(active(&net), Some(link(0)), "{validate:?}: nothing has happened");
        net.cables[0].set_dark(true);
        run(&mut net, &mut traffic, Nanos::from_millis(20));
        assert_eq!(active(&net), Some(link(1)), "{validate:?}: {}", describe(&net));
        traffic.deliver(&mut net, 10_000);
        settle(&mut net, |net| traffic.step(net));
        assert_eq!(net.hosts[0].offloaded(1), 4);
        // There and back.
        net.cables[0].set_dark(false);
        run(&mut net, &mut traffic, Nanos::from_millis(20));
        net.cables[1].set_dark(true);
        run(&mut net, &mut traffic, Nanos::from_millis(20));
        assert_eq!(active(&net), Some(link(0)), "{validate:?}: {}", describe(&net));
        settle(&mut net, |net| traffic.step(net));
        traffic.finish(&mut net);
    }
}

/// Nobody answers any more, by no link: it is not the links that are dead.
#[test]
fn a_target_that_is_dead_fails_no_link() {
    let (mut net, mut traffic) = bonded(|bond| {
        bond.arp_interval = Nanos::from_millis(2);
        bond.arp_ip_target = vec![[10, 77, 0, 9].into()];
        bond.arp_validate = ArpValidate::All;
    });
    traffic.deliver(&mut net, 10_000);
    run(&mut net, &mut traffic, Nanos::from_millis(50));
    let counters = net.hosts[0].bond().expect("bond").counters();
    assert_eq!((active(&net), counters.failures), (Some(link(0)), 0), "{counters:?}");
    assert!(counters.probes >= 35, "{counters:?}");
    traffic.finish(&mut net);
}

/// A cable from a switch that says something itself whenever it is `due`.
fn chatty(cable: MemEnd, due: Arc<AtomicBool>) -> Box<dyn Wire> {
    Tampered::receiving(cable, move |burst| {
        if burst.is_full() || !due.swap(false, Ordering::Relaxed) {
            return;
        }
        // To everybody, of a type for experiments (IEEE 802, section 9.2.4).
        let mut word = [0; 60];
        word[..6].fill(0xff);
        word[6..14].copy_from_slice(&[2, 0, 0, 0, 9, 9, 0x88, 0xb5]);
        burst.push(&word).expect("room");
    })
}

/// Whoever polls the host has no processor for a while, and then finds that something was said on the backup's link.
/// It says nothing about the active one that nothing was said there, nor that one probe is then lost.
#[test]
fn who_does_not_listen_hears_nothing_and_judges_nothing() {
    let due = Arc::new(AtomicBool::new(false));
    let interval = Nanos::from_millis(2);
    let mut net = Net::up_bonded(
        2,
        |n, cable| match n {
            1 => chatty(cable, Arc::clone(&due)),
            _ => mortal(cable),
        },
        |stack, bond| {
            if stack.address == ADDRESSES[0] {
                bond.arp_interval = interval;
                bond.arp_ip_target = vec![ADDRESSES[1]];
                bond.arp_validate = ArpValidate::Active;
            }
        },
    );
    let counters = |net: &Net| net.hosts[0].bond().expect("bond").counters();
    for steps in 0..10 {
        let settled = net.now + Nanos(3 * interval.0);
        let mut probes = counters(&net).probes;
        while net.now < settled || counters(&net).probes == probes {
            probes = counters(&net).probes;
            net.step();
        }
        // The probes have been sent so long ago.
        for _ in 0..steps {
            net.step();
        }
        net.now += Nanos(10 * interval.0);
        due.store(true, Ordering::Relaxed);
        net.step();
        assert!(!due.load(Ordering::Relaxed), "it has been heard");
        due.store(true, Ordering::Relaxed);
        net.cables[0].set_dark(true);
        let light = net.now + Nanos(interval.0 / 2);
        while net.now < light {
            net.step();
        }
        net.cables[0].set_dark(false);
        let counters = counters(&net);
        assert_eq!((active(&net), counters.failures), (Some(link(0)), 0), "{steps}: {counters:?}");
    }
}

/// A cable by which no ARP comes any more, when that is `on`.
fn without_arp(cable: MemEnd, on: Arc<AtomicBool>) -> Box<dyn Wire> {
    Tampered::receiving(cable, move |burst| {
        let mut kept = 0;
        for n in 0..burst.len() {
            let is_arp = burst.frames()[n].as_slice()[12..14] == [8, 6];
            if !(is_arp && on.load(Ordering::Relaxed)) {
                burst.frames_mut().swap(kept, n);
                kept += 1;
            }
        }
        burst.truncate(kept);
    })
}

/// No answer to a probe comes by the active link, and the other hears some: what offloaded connections receive comes to
/// their card alone, and proves the way where any frame does.
#[test]
fn frames_of_offloaded_connections_prove_their_link() {
    for (validate, fails) in [(ArpValidate::None, false), (ArpValidate::All, true)] {
        let on = Arc::new(AtomicBool::new(false));
        let plug = |n, cable| match n {
            0 => without_arp(cable, Arc::clone(&on)),
            _ => Box::new(cable),
        };
        let mut net = Net::up_bonded(2, plug, |stack, bond| {
            if stack.address == ADDRESSES[0] {
                bond.arp_interval = Nanos::from_millis(2);
                bond.arp_ip_target = vec![ADDRESSES[1]];
                bond.arp_validate = validate;
            }
        });
        let ends = net.open(4);
        let mut traffic = Traffic::new(ends);
        traffic.deliver(&mut net, 10_000);
        on.store(true, Ordering::Relaxed);
        run(&mut net, &mut traffic, Nanos::from_millis(20));
        let failures = net.hosts[0].bond().expect("bond").counters().failures;
        assert_eq!(failures > 0, fails, "{validate:?}: {}", describe(&net));
        traffic.finish(&mut net);
    }
}
