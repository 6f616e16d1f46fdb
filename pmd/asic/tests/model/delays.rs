//! Lateness from a seed: any delay, any order between queues, one order within each.

use super::host::{Host, IqPlan, eth_wr, plain};
use super::queues::l2t_write;
use mafo_t4::PortId;

/// What the host saw, in the order in which it saw it: queue and number.
type History = Vec<(char, u8)>;

/// Twenty frames by each of two interfaces' loopbacks and twenty L2T writes, all posted at once.
fn run(seed: u64, max_delay_polls: u32) -> (History, usize) {
    let mut config = Host::config();
    config.seed = seed;
    config.max_delay_polls = max_delay_polls;
    config.loopback_frames = 32;
    let mut host = Host::new(config);
    host.hello();
    let mut a = host.iq(IqPlan::default());
    let mut b = host.iq(IqPlan::default());
    let mut c = host.iq(IqPlan { fl_units: 0, ..IqPlan::default() });
    host.refill(&mut a, 7);
    host.refill(&mut b, 7);
    let (viid_a, mac_a) = host.interface(0, &a);
    let (viid_b, mac_b) = host.interface(1, &b);
    let mut eth_a = host.eth_eq(&a, viid_a, 0, 64);
    let mut eth_b = host.eth_eq(&b, viid_b, 1, 64);
    let mut ctrl = host.ctrl_eq(&c, 64);
    for n in 0..20 {
        host.post(&mut eth_a, &eth_wr(4, &plain(mac_a, &[n])));
        host.post(&mut eth_b, &eth_wr(5, &plain(mac_b, &[n])));
        host.post(&mut ctrl, &l2t_write(&c, 100 + u16::from(n), 0));
    }
    let mut seen = History::new();
    let mut polls = 0;
    while seen.len() < 60 {
        host.poll();
        polls += 1;
        assert!(polls < 10_000, "seed {seed}: only {seen:?}");
        seen.extend(host.drain(&mut a).iter().map(|message| ('a', message.payload[16])));
        seen.extend(host.drain(&mut b).iter().map(|message| ('b', message.payload[16])));
        seen.extend(host.drain(&mut c).iter().map(|message| ('c', message.cpl()[3] - 100)));
    }
    let counters = host.asic.counters();
    assert_eq!((counters.dma_faults, counters.bad_accesses), (0, 0));
    assert_eq!(counters.sge.credits_bad_cidx + counters.sge.doorbells_bad_pidx, 0);
    (seen, polls)
}

fn of(history: &History, queue: char) -> Vec<u8> {
    history.iter().filter(|(from, _)| *from == queue).map(|(_, n)| *n).collect()
}

#[test]
fn each_queue_keeps_its_order_and_loses_nothing_whatever_the_seed() {
    let expected: Vec<u8> = (0..20).collect();
    let mut histories = Vec::new();
    let mut slowest = 0;
    for seed in 0..40 {
        let (history, polls) = run(seed, 7);
        for queue in ['a', 'b', 'c'] {
            assert_eq!(of(&history, queue), expected, "seed {seed}, queue {queue}");
        }
        slowest = slowest.max(polls);
        histories.push(history);
    }
    assert!(slowest > 3, "something is late");
    histories.sort();
    histories.dedup();
    assert!(histories.len() > 20, "{} different orders of 40 seeds", histories.len());
}

#[test]
fn a_seed_repeats_itself_and_without_lateness_one_poll_is_enough() {
    assert_eq!(run(5, 100), run(5, 100));
    assert_ne!(run(5, 100).0, run(6, 100).0);
    assert_eq!(run(5, 0).1, 1);
}

/// What a frame tells the peer is visible to the host before the frame leaves, however late DMA is.
#[test]
fn a_frame_does_not_leave_before_the_messages_that_were_made_before_it() {
    let mut held_back = 0;
    for seed in 0..60 {
        let mut config = Host::config();
        config.seed = seed;
        config.max_delay_polls = 10;
        let mut host = Host::new(config);
        host.hello();
        let mut iq = host.iq(IqPlan::default());
        host.refill(&mut iq, 4);
        let (viid, mac) = host.interface(0, &iq);
        let mut eth = host.eth_eq(&iq, viid, 0, 64);
        host.link(PortId(0), true);
        // One queue: the looped frame's message is made before the wire's frame is sent.
        let units = host.put_wr(&mut eth, &eth_wr(4, &plain(mac, b"message")));
        host.doorbell(eth.relative, units as u32);
        while host.asic.counters().sge.ingress_entries == 0 {
            host.poll();
        }
        host.post(&mut eth, &eth_wr(0, &plain([2; 6], b"frame")));
        for _ in 0..40 {
            host.poll();
            let visible = host.take(&mut iq).is_some();
            let left = !host.sent(0).is_empty();
            if visible {
                break;
            }
            assert!(!left, "seed {seed}: the frame overtook the message");
            held_back += u32::from(host.asic.counters().wr.eth_frames == 2);
        }
    }
    assert!(held_back > 0, "no frame ever had to wait");
}

/// A reply is as late as the seed says, and the mailbox the firmware's until then.
#[test]
fn a_firmware_reply_is_late() {
    let mut latest = 0;
    for seed in 0..20 {
        let mut config = Host::config();
        config.seed = seed;
        config.max_delay_polls = 5;
        let mut host = Host::new(config);
        assert_eq!(host.bar.read32(0x1b280), 2);
        host.bar.write64(0x1b240, 0x04a0_0000_0000_0001);
        host.bar.write32(0x1b280, 0b1001);
        let mut polls = 0;
        while host.bar.read32(0x1b290) == 0b1001 {
            host.poll();
            polls += 1;
        }
        assert!((1..=6).contains(&polls), "{polls} polls");
        latest = latest.max(polls);
    }
    assert!(latest > 3);
}
