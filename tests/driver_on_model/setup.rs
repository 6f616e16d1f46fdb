//! What a bond is set up with, and what it is refused for.

use mafo::wire::Wire;
use mafo::wire::mem::{self, LinkConfig, MemEnd};
use mafo::{
    BadBond, BondConfig, BondWarning, FailOverMac, Host, HostConfig, HostError, LinkId, MemberId,
    Nanos, PortId, SoftConfig, StackConfig,
};

use crate::failover::{Traffic, describe, settle};
use crate::hosts::{ADDRESSES, Net, OFFLOAD, soft};

fn link(adapter: usize, port: u8) -> LinkId {
    (adapter, PortId(port)).into()
}

/// What a host with two adapters says to a bond of port 0 of each.
fn refused(
    configure: impl Fn(&mut [SoftConfig], &mut StackConfig, &mut BondConfig),
) -> Option<BadBond> {
    let mut far = Vec::new();
    let mut adapters: Vec<SoftConfig> = (0..2)
        .map(|n| {
            let (near, end) = mem::link(&LinkConfig::default());
            far.push(end);
            soft(n, vec![Box::new(near)])
        })
        .collect();
    let mut stack = StackConfig::new(ADDRESSES[0], 24, [2, 0, 0, 0xff, 0, 0]);
    (stack.sockets_max, stack.send_buffer) = (4, 32 << 10);
    let mut bond = BondConfig::new([link(0, 0), link(1, 0)]);
    configure(&mut adapters, &mut stack, &mut bond);
    let bond_of = |error| match error {
        HostError::Bond(why) => Some(why),
        other => panic!("{other}"),
    };
    let mut host = match Host::new(HostConfig::new(stack, adapters, bond)) {
        Ok(host) => host,
        Err(error) => return bond_of(error),
    };
    let mut now = Nanos::from_secs(1);
    while !host.is_up() {
        if let Err(error) = host.poll(now) {
            return bond_of(error);
        }
        now += Nanos::from_micros(20);
        assert!(now < Nanos::from_secs(10), "not up");
    }
    None
}

/// Nothing of it is found out by traffic that is lost.
#[test]
fn an_unsuitable_member_is_refused_before_there_is_a_bond() {
    assert_eq!(refused(|_, _, _| {}), None);
    let member = MemberId(1);
    let why = refused(|adapters, _, _| adapters[1].asic.nfilters = 1);
    assert_eq!(why, Some(BadBond::Room { member, table: "filters", room: 1, need: 2 }));
    let why = refused(|adapters, _, _| {
        adapters[1].asic.mac_base = adapters[0].asic.mac_base;
    });
    assert_eq!(why, Some(BadBond::OneMac(link(0, 0), link(1, 0))));
    let own = |stack: &mut StackConfig| stack.mac = [2, 0, 0, 0, 0, 0x10];
    assert_eq!(refused(|_, stack, _| own(stack)), Some(BadBond::NotItsOwnMac(link(0, 0))));
    let taken = refused(|_, stack, bond| {
        own(stack);
        bond.fail_over_mac = FailOverMac::Active;
    });
    assert_eq!(taken, None);
    let why = refused(|adapters, _, _| adapters[1].driver.mtu = 1400);
    assert_eq!(why, Some(BadBond::Mtu { member, has: 1400, need: 1500 }));
    let why = refused(|_, stack, _| stack.mtu = 9000);
    assert_eq!(why, Some(BadBond::Mtu { member: MemberId(0), has: 1500, need: 9000 }));
    let why = refused(|adapters, _, bond| {
        adapters[1].asic.ports = 2;
        bond.links.push(link(1, 2));
    });
    assert_eq!(why, Some(BadBond::NoSuchPort(link(1, 2))));
    let why = refused(|_, _, bond| bond.primary = Some(link(1, 1)));
    assert_eq!(why, Some(BadBond::PrimaryNotALink(link(1, 1))));
}

/// The firmware tells nothing of links, and says how they are when it is asked.
#[test]
fn a_port_is_asked_where_its_firmware_does_not_tell() {
    for miimon in [Nanos::ZERO, Nanos::from_millis(10)] {
        let ours = |stack: &mut StackConfig, bond: &mut BondConfig| {
            if stack.address == ADDRESSES[0] {
                (bond.miimon, bond.downdelay) = (miimon, Nanos::from_millis(14));
            }
        };
        let mut net = Net::up_bonded(2, |_, wire| Box::new(wire) as Box<dyn Wire>, ours);
        let rounded = BondWarning::Rounded {
            option: "downdelay",
            from: Nanos::from_millis(14),
            to: Nanos::from_millis(10),
            miimon,
        };
        let expected: &[BondWarning] = if miimon > Nanos::ZERO { &[rounded] } else { &[] };
        assert_eq!(net.hosts[0].warnings(), expected);
        let ends = net.open(4);
        let mut traffic = Traffic::new(ends);
        traffic.deliver(&mut net, 10_000);
        net.hosts[0].adapter_mut(0).expect("a card").lose_link_events(true);
        net.cables[0].set_carrier(false);
        let until = net.now + Nanos::from_millis(30);
        while net.now < until {
            traffic.step(&mut net);
        }
        let failures = net.hosts[0].bond().expect("bond").counters().failures;
        assert_eq!(failures, u64::from(miimon > Nanos::ZERO), "{}", describe(&net));
        net.cables[0].set_carrier(true);
        settle(&mut net, |net| traffic.step(net));
        traffic.finish(&mut net);
    }
}

/// Whatever links are up when it starts: it stands, the first link that comes is active at once, and what was wanted
/// before any link was there is done.
#[test]
fn a_bond_starts_with_no_link_one_or_all() {
    for up in [&[][..], &[1], &[0, 1]] {
        let plug = |n: usize, wire: MemEnd| -> Box<dyn Wire> {
            wire.cable().set_carrier(n == 2 || up.contains(&n));
            Box::new(wire)
        };
        let patient = |stack: &mut StackConfig, bond: &mut BondConfig| {
            if stack.address == ADDRESSES[0] {
                // It does not count for the first link that comes.
                bond.updelay = Nanos::from_secs(1);
            }
        };
        let mut net = Net::plugged([&[1, 1], &[1]], plug, patient);
        net.wait(|net| net.hosts.iter().all(Host::is_up));
        for _ in 0..1000 {
            net.step();
        }
        let active = |net: &Net| net.hosts[0].bond().expect("bond").active();
        assert_eq!(active(&net), up.first().map(|&n| link(n, 0)), "{up:?}");
        let (now, remote) = (net.now, (ADDRESSES[1], 9).into());
        let early = net.hosts[0].sockets_mut().connect(now, remote, None, OFFLOAD).expect("opens");
        let listens = net.hosts[1].sockets_mut().listen((ADDRESSES[1], 9).into(), 8, OFFLOAD);
        let listener = listens.expect("listens");
        for _ in 0..1000 {
            net.step();
        }
        net.cables[1].set_carrier(true);
        let come = net.now;
        net.wait(|net| active(net).is_some());
        assert!(net.now - come < Nanos::from_millis(1), "{up:?}");
        let mut accepted = None;
        for _ in 0..100_000 {
            accepted = net.hosts[1].sockets_mut().accept(listener);
            if accepted.is_some() {
                break;
            }
            net.step();
        }
        let mut ends = vec![[early, accepted.expect("it was wanted before")]];
        ends.extend(net.open(4));
        let mut traffic = Traffic::new(ends);
        traffic.deliver(&mut net, 10_000);
        // The other one, if it was not there, is a backup now, and takes over.
        let first = active(&net).expect("a link").member.index();
        net.cables[1 - first].set_carrier(true);
        let until = net.now + Nanos::from_millis(1200);
        while net.now < until {
            traffic.step(&mut net);
        }
        net.cables[first].set_carrier(false);
        traffic.deliver(&mut net, 10_000);
        settle(&mut net, |net| traffic.step(net));
        assert_eq!(active(&net), Some(link(1 - first, 0)), "{up:?}");
        assert_eq!(net.hosts[0].offloaded(1 - first), 5);
        traffic.finish(&mut net);
    }
}
