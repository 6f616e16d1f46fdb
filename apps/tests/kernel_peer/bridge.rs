//! The host and its bridge, seen from the cables.

use std::collections::BTreeSet;
use std::time::Duration;

use mafo_apps::peer::{Command, Event, Isolation, KernelPeer, PeerConfig};

use crate::capture::{capture_path, take_capture};
use crate::cases::Outcome;
use crate::frames::{
    BROADCAST, Cable, OUR_MAC, PATIENCE, UNKNOWN_MAC, arp, arp_request, echo_reply, ethernet,
    gratuitous_arp, wait,
};
use crate::hosts::{OURS, PEER, in_user_namespace};
use crate::start_or_skip;

const US: ([u8; 6], std::net::Ipv4Addr) = (OUR_MAC, OURS);
/// An Ethertype for experiments (IEEE Std 802): nobody answers.
const EXPERIMENT: u16 = 0x88b5;

pub(crate) fn comes_up_as_root() -> Outcome {
    let isolation = Some(Isolation::Privileged);
    comes_up(PeerConfig { isolation, ..PeerConfig::default() })
}

pub(crate) fn comes_up_in_a_user_namespace() -> Outcome {
    let outcome = comes_up(in_user_namespace());
    if outcome == Outcome::Done {
        let (peer, _) = start_or_skip!(in_user_namespace());
        let namespace =
            |process: &str| std::fs::read_link(format!("/proc/{process}/ns/user")).unwrap();
        assert_ne!(namespace(&peer.process_id().to_string()), namespace("self"));
    }
    outcome
}

fn comes_up(config: PeerConfig) -> Outcome {
    let isolation = config.isolation;
    let (peer, cables) = start_or_skip!(config);
    assert_eq!(Some(peer.isolation()), isolation);
    assert_eq!(cables.iter().map(|cable| &*cable.tap.name).collect::<Vec<_>>(), ["mafo0", "mafo1"]);
    let namespace = |process: &str| std::fs::read_link(format!("/proc/{process}/ns/net")).unwrap();
    assert_ne!(namespace(&peer.process_id().to_string()), namespace("self"));
    // Nothing that would make IPv6 talk on the cables.
    let inet6 = std::fs::read_to_string(format!("/proc/{}/net/if_inet6", peer.process_id()));
    assert_eq!(inet6.unwrap_or_default(), "");
    assert_eq!(devices(&peer), ["br0", "lo", "mafo0", "mafo1"].map(String::from).into());
    Outcome::Done
}

/// The network devices that the peer process sees.
fn devices(peer: &KernelPeer) -> BTreeSet<String> {
    let table = std::fs::read_to_string(format!("/proc/{}/net/dev", peer.process_id())).unwrap();
    let names = table.lines().skip(2).map(|line| line.split(':').next().unwrap().trim().to_owned());
    // The kernel adds devices for some tunnels to every namespace.
    names
        .filter(|name| name == "lo" || name.starts_with("br") || name.starts_with("mafo"))
        .collect()
}

pub(crate) fn has_as_many_cables_as_asked_for() -> Outcome {
    for taps in [1, 32] {
        let (peer, mut cables) = start_or_skip!(PeerConfig { taps, ..PeerConfig::default() });
        assert_eq!(cables.len(), usize::from(taps));
        // The last one works.
        let cable = cables.last_mut().unwrap();
        cable.send(&arp_request(US, PEER));
        assert_eq!(cable.expect(), arp_reply(&peer));
    }
    Outcome::Done
}

fn arp_reply(peer: &KernelPeer) -> Vec<u8> {
    let mut reply = arp(2, (peer.mac(), PEER), US, OUR_MAC);
    // The kernel does not pad.
    reply.truncate(42);
    reply
}

pub(crate) fn tells_of_a_carrier_that_is_lost() -> Outcome {
    let (_peer, cables) = start_or_skip!(PeerConfig::default());
    for on in [false, true] {
        cables[1].tap.set_carrier(on).unwrap();
        wait_for_carrier(&cables[1], on);
    }
    Outcome::Done
}

/// Reads link messages until one says that the device has its carrier (IFF_LOWER_UP), or not.
fn wait_for_carrier(cable: &Cable, on: bool) {
    let mut link = std::fs::File::from(cable.tap.link.try_clone().unwrap());
    wait("a link message", || {
        let mut packet = [0; 8192];
        let len = std::io::Read::read(&mut link, &mut packet).ok()?;
        let word = |at: usize| u32::from_ne_bytes(packet[at..at + 4].try_into().unwrap());
        let kind = word(4) as u16;
        let is_ours = len > 32 && kind == libc::RTM_NEWLINK && word(20) == cable.tap.index;
        let lower_up = word(24) & libc::IFF_LOWER_UP as u32 != 0;
        (is_ours && lower_up == on).then_some(())
    });
}

pub(crate) fn answers_arp() -> Outcome {
    let (peer, mut cables) = start_or_skip!(PeerConfig::default());
    // Nothing is said before we ask.
    assert_eq!(cables[0].drain(), [[0; 0]; 0]);
    cables[0].send(&arp_request(US, PEER));
    assert_eq!(cables[0].expect(), arp_reply(&peer));
    // The request went to everybody, the answer to us.
    assert_eq!(cables[1].drain(), [arp_request(US, PEER)]);
    Outcome::Done
}

/// Sends unicast for nobody and then a broadcast into cable 0: what comes out of cable 1?
fn flooded(flood: bool) -> Result<Vec<[u8; 6]>, Outcome> {
    let (_peer, mut cables) = crate::hosts::start(PeerConfig { flood, ..PeerConfig::default() })?;
    cables[0].send(&ethernet(UNKNOWN_MAC, OUR_MAC, EXPERIMENT, b"unicast"));
    cables[0].send(&ethernet(BROADCAST, OUR_MAC, EXPERIMENT, b"broadcast"));
    let mut destinations = Vec::new();
    while destinations.last() != Some(&BROADCAST) {
        destinations.push(cables[1].expect()[..6].try_into().unwrap());
    }
    Ok(destinations)
}

pub(crate) fn unknown_unicast_is_not_flooded() -> Outcome {
    match flooded(false) {
        Ok(destinations) => assert_eq!(destinations, [BROADCAST]),
        Err(skipped) => return skipped,
    }
    Outcome::Done
}

pub(crate) fn unknown_unicast_is_flooded_when_asked() -> Outcome {
    match flooded(true) {
        Ok(destinations) => assert_eq!(destinations, [UNKNOWN_MAC, BROADCAST]),
        Err(skipped) => return skipped,
    }
    Outcome::Done
}

/// Has the peer send one ping and says on which cables it came out. The bridge passes a frame on
/// before the ping is over, so nothing can come later.
fn ping_comes_out(peer: &mut KernelPeer, cables: &mut [Cable]) -> Vec<usize> {
    cables.iter_mut().for_each(|cable| drop(cable.drain()));
    peer.command(Command::Ping { to: OURS, count: 1, interval_ms: 0, len: 56 }).unwrap();
    let pinged = |peer: &mut KernelPeer| match peer.wait(PATIENCE).unwrap().unwrap() {
        Event::Pinged { sent: 1, received: 0, refused: None } => (),
        event => panic!("{event:?}"),
    };
    pinged(peer);
    let has_request = |cable: &mut Cable| cable.drain().iter().any(|f| echo_reply(f).is_some());
    (0..cables.len()).filter(|&i| has_request(&mut cables[i])).collect()
}

pub(crate) fn follows_gratuitous_arp() -> Outcome {
    let (mut peer, mut cables) = start_or_skip!(PeerConfig::default());
    cables[0].send(&arp_request(US, PEER));
    assert_eq!(ping_comes_out(&mut peer, &mut cables), [0]);
    cables[1].send(&gratuitous_arp(US));
    assert_eq!(ping_comes_out(&mut peer, &mut cables), [1]);
    Outcome::Done
}

pub(crate) fn forgets_a_cable_that_is_cut() -> Outcome {
    let (mut peer, mut cables) = start_or_skip!(PeerConfig::default());
    cables[0].send(&arp_request(US, PEER));
    assert_eq!(ping_comes_out(&mut peer, &mut cables), [0]);
    cables[0].tap.set_carrier(false).unwrap();
    wait_for_carrier(&cables[0], false);
    // The peer still knows our MAC address, the bridge no longer where it is.
    assert_eq!(ping_comes_out(&mut peer, &mut cables), [0; 0]);
    cables[1].send(&gratuitous_arp(US));
    assert_eq!(ping_comes_out(&mut peer, &mut cables), [1]);
    Outcome::Done
}

pub(crate) fn forgets_after_the_ageing_time() -> Outcome {
    let ageing = Some(Duration::from_secs(1));
    let (mut peer, mut cables) = start_or_skip!(PeerConfig { ageing, ..PeerConfig::default() });
    cables[0].send(&arp_request(US, PEER));
    assert_eq!(ping_comes_out(&mut peer, &mut cables), [0]);
    // The ping was waited for in vain, for longer than the ageing time.
    assert_eq!(ping_comes_out(&mut peer, &mut cables), [0; 0]);
    Outcome::Done
}

pub(crate) fn pings() -> Outcome {
    let (mut peer, mut cables) = start_or_skip!(PeerConfig::default());
    cables[0].send(&arp_request(US, PEER));
    peer.command(Command::Ping { to: OURS, count: 3, interval_ms: 1, len: 1400 }).unwrap();
    for expected in 0..3 {
        let (sequence, mut reply) = wait("a ping", || echo_reply(&cables[0].receive()?));
        assert_eq!(sequence, expected);
        if sequence == 1 {
            *reply.last_mut().unwrap() ^= 1;
        }
        cables[0].send(&reply);
    }
    let mut answered = Vec::new();
    loop {
        match peer.wait(PATIENCE).unwrap().unwrap() {
            Event::Pong { sequence, .. } => answered.push(sequence),
            Event::Pinged { sent, received, refused: None } => {
                assert_eq!((sent, received), (3, 2));
                break;
            }
            event => panic!("{event:?}"),
        }
    }
    assert_eq!(answered, [0, 2]);
    Outcome::Done
}

pub(crate) fn the_capture_has_every_frame() -> Outcome {
    let path = capture_path("frames");
    let config = PeerConfig { pcap: Some(path.clone()), ..PeerConfig::default() };
    let (mut peer, mut cables) = start_or_skip!(config);
    let mut frames = vec![arp_request(US, PEER)];
    cables[0].send(&frames[0]);
    frames.push(cables[0].expect());
    peer.command(Command::Ping { to: OURS, count: 5, interval_ms: 0, len: 1400 }).unwrap();
    for _ in 0..5 {
        let request = cables[0].expect();
        let (_, reply) = echo_reply(&request).unwrap();
        cables[0].send(&reply);
        frames.extend([request, reply]);
    }
    let summary = peer.stop().unwrap().unwrap();
    assert_eq!((summary.frames, summary.lost, summary.error), (12, 0, None));
    let records = take_capture(&path);
    let (times, captured): (Vec<_>, Vec<_>) = records.into_iter().unzip();
    assert!(times.is_sorted(), "{times:?}");
    // Pings overlap, so requests and replies are in an order of their own.
    let sorted = |mut frames: Vec<Vec<u8>>| {
        frames.sort();
        frames
    };
    assert_eq!(captured[..2], frames[..2]);
    assert_eq!(sorted(captured), sorted(frames));
    Outcome::Done
}
