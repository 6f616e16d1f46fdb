//! Stations behind memory links.

use super::*;
use crate::mem::{LinkConfig, MemEnd, link};

const BROADCAST: Mac = [0xff; 6];
const MULTICAST: Mac = [0x01, 0x00, 0x5e, 0, 0, 1];

fn mac(station: u8) -> Mac {
    [2, 0, 0, 0, 0, station]
}

struct Net {
    switch: Switch<MemEnd>,
    stations: Vec<MemEnd>,
    now: Nanos,
}

impl Net {
    fn new(ports: usize, config: SwitchConfig) -> Self {
        let links =
            (0..ports).map(|_| link(&LinkConfig { queue_frames: 4, ..LinkConfig::default() }));
        let (wires, stations): (Vec<_>, Vec<_>) = links.unzip();
        Self { switch: Switch::new(&config, wires), stations, now: Nanos::ZERO }
    }

    /// Sends a frame from `port` and returns where it arrives.
    fn send(&mut self, port: usize, dst: Mac, src: Mac) -> Vec<usize> {
        let bytes = [&dst[..], &src, &[0x08, 0x00], b"payload"].concat();
        self.send_bytes(port, &bytes)
    }

    fn send_bytes(&mut self, port: usize, bytes: &[u8]) -> Vec<usize> {
        let mut frame = Frame::with_capacity(bytes.len());
        frame.copy_from(bytes).expect("as large as its content");
        assert_eq!(self.stations[port].tx_burst(self.now, &[frame]), 1);
        self.switch.poll(self.now);
        let mut arrivals = Vec::new();
        for (port, station) in self.stations.iter_mut().enumerate() {
            let mut burst = FrameBurst::new(8, 2048);
            station.rx_burst(self.now, &mut burst);
            for frame in burst.frames() {
                assert_eq!(frame.as_slice(), bytes);
                arrivals.push(port);
            }
        }
        arrivals
    }

    /// Everything counted since `before`, which is moved up to now.
    fn delta(&self, before: &mut SwitchCounters) -> SwitchCounters {
        let delta = self.switch.counters().since(before);
        *before = *self.switch.counters();
        delta
    }
}

#[test]
fn it_floods_what_it_does_not_know_and_learns_where_frames_come_from() {
    let mut net = Net::new(3, SwitchConfig::default());
    let mut before = SwitchCounters::new();
    assert_eq!(net.send(0, mac(2), mac(0)), [1, 2]);
    assert_eq!(
        net.delta(&mut before),
        SwitchCounters { rx_frames: 1, learnt: 1, flooded: 1, ..SwitchCounters::new() }
    );
    assert_eq!(net.send(2, mac(0), mac(2)), [0]);
    assert_eq!(net.send(0, mac(2), mac(0)), [2]);
    assert_eq!(
        net.delta(&mut before),
        SwitchCounters { rx_frames: 2, learnt: 1, forwarded: 2, ..SwitchCounters::new() }
    );
    assert_eq!(net.switch.lookup(net.now, mac(0)), Some(0));
    assert_eq!(net.switch.lookup(net.now, mac(1)), None);
    // To a station at its own port: it has heard it already.
    assert_eq!(net.send(2, mac(2), mac(9)), []);
    assert_eq!(net.switch.counters().filtered_same_port, 1);
}

#[test]
fn without_flooding_only_the_known_are_reached_and_groups_always() {
    let config = SwitchConfig { unknown_unicast: UnknownUnicast::Drop, ..SwitchConfig::default() };
    let mut net = Net::new(3, config);
    assert_eq!(net.send(0, mac(1), mac(0)), []);
    assert_eq!(net.switch.counters().filtered_unknown, 1);
    assert_eq!(net.send(1, BROADCAST, mac(1)), [0, 2]);
    assert_eq!(net.send(1, MULTICAST, mac(1)), [0, 2]);
    assert_eq!(net.send(0, mac(1), mac(0)), [1]);
    // A port may do otherwise than the others.
    net.switch.set_unknown_unicast(2, UnknownUnicast::Flood);
    assert_eq!(net.send(0, mac(7), mac(0)), [2]);
    assert_eq!(net.switch.counters().flooded, 3);
}

#[test]
fn a_station_that_moves_is_followed() {
    // What a gratuitous ARP after a failover does to a switch.
    let mut net = Net::new(3, SwitchConfig::default());
    net.send(0, BROADCAST, mac(5));
    net.send(2, BROADCAST, mac(9));
    assert_eq!(net.send(2, mac(5), mac(9)), [0]);
    net.send(1, BROADCAST, mac(5));
    assert_eq!(net.send(2, mac(5), mac(9)), [1]);
    assert_eq!(net.switch.counters().moved, 1);
}

#[test]
fn addresses_age_unless_they_are_heard() {
    let config = SwitchConfig {
        ageing: Nanos::from_secs(1),
        unknown_unicast: UnknownUnicast::Drop,
        ..SwitchConfig::default()
    };
    let mut net = Net::new(2, config);
    net.send(1, BROADCAST, mac(1));
    net.now = Nanos(999_999_999);
    assert_eq!(net.send(0, mac(1), mac(0)), [1], "being spoken to does not refresh");
    net.now = Nanos::from_secs(1);
    assert_eq!(net.send(0, mac(1), mac(0)), []);
    assert_eq!(net.switch.counters().aged, 1);
    net.send(1, BROADCAST, mac(1));
    net.now = Nanos(1_900_000_000);
    net.send(1, BROADCAST, mac(1));
    net.now = Nanos(2_800_000_000);
    assert_eq!(net.send(0, mac(1), mac(0)), [1], "refreshed");
    net.switch.set_ageing(Nanos(1));
    assert_eq!(net.send(0, mac(1), mac(0)), []);
    net.send(1, BROADCAST, mac(1));
    net.switch.set_ageing(Nanos::from_secs(9));
    net.switch.flush();
    assert_eq!(net.send(0, mac(1), mac(0)), [], "all forgotten");
}

#[test]
fn a_port_without_carrier_forgets_its_stations_and_is_not_flooded() {
    let config = SwitchConfig { unknown_unicast: UnknownUnicast::Drop, ..SwitchConfig::default() };
    let mut net = Net::new(3, config);
    net.send(0, BROADCAST, mac(0));
    net.send(1, BROADCAST, mac(1));
    net.send(2, BROADCAST, mac(2));
    net.stations[0].cable().set_carrier(false);
    assert_eq!(net.send(1, mac(0), mac(1)), []);
    assert_eq!(net.send(1, BROADCAST, mac(1)), [2]);
    let counters = *net.switch.counters();
    assert_eq!((counters.flushed, counters.filtered_unknown), (1, 1));
    assert_eq!(net.switch.port(0).counters().tx_carrier_errors, 0);
    net.stations[0].cable().set_carrier(true);
    assert_eq!(net.send(1, mac(0), mac(1)), [], "the carrier alone teaches nothing");
    assert_eq!(net.send(0, mac(2), mac(0)), [2], "the others are still known");
    assert_eq!(net.send(1, mac(0), mac(1)), [0]);
}

#[test]
fn bad_frames_and_those_for_bridges_stop_here() {
    let mut net = Net::new(2, SwitchConfig::default());
    assert_eq!(net.send_bytes(0, &[0xff; 13]), [], "no header");
    assert_eq!(net.send_bytes(0, &[]), []);
    assert_eq!(net.send(0, mac(1), BROADCAST), [], "from a group");
    assert_eq!(net.send(0, [0x01, 0x80, 0xc2, 0, 0, 0x00], mac(0)), [], "spanning tree");
    assert_eq!(net.send(0, [0x01, 0x80, 0xc2, 0, 0, 0x0f], mac(0)), []);
    assert_eq!(net.send(0, [0x01, 0x80, 0xc2, 0, 0, 0x10], mac(0)), [1], "an ordinary group");
    let expected = SwitchCounters {
        rx_frames: 6,
        rx_malformed: 3,
        filtered_reserved: 2,
        flooded: 1,
        learnt: 1,
        ..SwitchCounters::new()
    };
    assert_eq!(*net.switch.counters(), expected);
}

#[test]
fn a_full_table_makes_room_by_age_alone() {
    let config = SwitchConfig { table_max: 2, ageing: Nanos(100), ..SwitchConfig::default() };
    let mut net = Net::new(2, config);
    net.send(0, BROADCAST, mac(1));
    net.now = Nanos(50);
    net.send(0, BROADCAST, mac(2));
    net.send(0, BROADCAST, mac(3));
    assert_eq!(net.switch.lookup(net.now, mac(3)), None);
    assert_eq!(net.switch.counters().table_full, 1);
    net.now = Nanos(100);
    net.send(0, BROADCAST, mac(3));
    let known: Vec<u8> = (1..4).filter(|&m| net.switch.lookup(net.now, mac(m)).is_some()).collect();
    assert_eq!(known, [2, 3]);
    assert_eq!(net.switch.counters().aged, 1);
}

#[test]
fn a_port_without_room_drops_its_copy_alone() {
    let mut net = Net::new(3, SwitchConfig::default());
    let bytes = [&BROADCAST[..], &mac(0), &[0x08, 0x00]].concat();
    let mut frame = Frame::with_capacity(64);
    frame.copy_from(&bytes).expect("fits");
    let mut burst = FrameBurst::new(8, 2048);
    let mut seen_by_two = 0;
    for _ in 0..6 {
        net.stations[0].tx_burst(net.now, slice::from_ref(&frame));
        assert_eq!(net.switch.poll(net.now), 1);
        burst.clear();
        seen_by_two += net.stations[2].rx_burst(net.now, &mut burst);
    }
    burst.clear();
    assert_eq!(net.stations[1].rx_burst(net.now, &mut burst), 4, "a queue of four");
    assert_eq!((seen_by_two, net.switch.counters().tx_dropped), (6, 2));
}

/// A TCP frame between ports of two hosts.
fn tcp(dst: Mac, src: Mac, port: u16) -> Vec<u8> {
    let mut bytes = [&dst[..], &src, &[0x08, 0x00], &[0; 40]].concat();
    (bytes[14], bytes[23]) = (0x45, 6);
    bytes[34..36].copy_from_slice(&port.to_be_bytes());
    bytes
}

/// Ports 0 and 1 lead to one host, 2 and 3 to others.
#[test]
fn a_trunk_is_one_port_whose_links_share_its_frames() {
    let mut net = Net::new(4, SwitchConfig { trunk: vec![0, 1], ..SwitchConfig::default() });
    // Nothing of the trunk's comes back to it, a flood reaches it once.
    assert_eq!(net.send(1, BROADCAST, mac(0)), [2, 3]);
    let flooded = net.send(2, BROADCAST, mac(2));
    assert!(flooded == [0, 3] || flooded == [1, 3], "{flooded:?}");
    // By whatever link it was heard, a connection's frames come by one.
    let ways = |net: &mut Net| -> Vec<usize> {
        (1000..1064).map(|port| net.send_bytes(2, &tcp(mac(0), mac(2), port))[0]).collect()
    };
    let first = ways(&mut net);
    net.send(0, mac(2), mac(0));
    assert_eq!(ways(&mut net), first);
    let by_0 = first.iter().filter(|&&way| way == 0).count();
    assert!((16..48).contains(&by_0), "{by_0} of 64 by one of two");
    // With one link left all come by it, and its host is still known.
    net.stations[0].cable().set_carrier(false);
    assert_eq!(ways(&mut net), [1; 64]);
    net.stations[1].cable().set_carrier(false);
    assert_eq!(net.send(2, mac(0), mac(2)), [3], "forgotten, and flooded to the others");
}

#[test]
fn it_wakes_when_a_port_has_something() {
    let mut net = Net::new(2, SwitchConfig::default());
    assert_eq!(net.switch.poll_timeout(), None);
    let mut frame = Frame::with_capacity(64);
    frame.copy_from(&[0; 20]).expect("fits");
    net.stations[1].tx_burst(Nanos(7), slice::from_ref(&frame));
    assert_eq!(net.switch.poll_timeout(), Some(Nanos(7)));
}
