//! Adapters whose MTU tables differ: a size has another number on each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mafo::wire::Wire;
use mafo::{Handover, Nanos};

use crate::failover::{Traffic, settle};
use crate::hosts::{ADDRESSES, Net};
use crate::tampered::Tampered;

/// There and back, twice: what was agreed on stays, neither more, which no cable would carry, nor less, though the second
/// table has an entry that is a little smaller, and the first one none that is as large as that.
#[test]
fn segments_are_as_long_on_every_adapter() {
    for handover in [Handover::Drained, Handover::Instant] {
        let longest: [Arc<AtomicUsize>; 2] = Default::default();
        let plug = |n: usize, cable| -> Box<dyn Wire> {
            let longest = Arc::clone(&longest[n]);
            Tampered::sending(cable, move |_, frames| {
                let sent = frames.iter().map(|frame| frame.as_slice().len()).max();
                longest.fetch_max(sent.unwrap_or(0), Ordering::Relaxed);
            })
        };
        let mut net = Net::up_bonded(2, plug, |stack, bond| {
            if stack.address == ADDRESSES[0] {
                bond.handover = handover;
            }
        });
        let ends = net.open(4);
        let mut traffic = Traffic::new(ends);
        for active in [0, 1, 0, 1] {
            net.cables[active].set_carrier(true);
            let until = net.now + Nanos::from_millis(2);
            while net.now < until {
                traffic.step(&mut net);
            }
            net.cables[1 - active].set_carrier(false);
            traffic.deliver(&mut net, 5_000);
            settle(&mut net, |net| traffic.step(net));
            longest[active].store(0, Ordering::Relaxed);
            traffic.deliver(&mut net, 50_000);
            let frame = longest[active].load(Ordering::Relaxed);
            assert_eq!(frame, 14 + [1500, 1496][active], "adapter {active}, {handover:?}");
        }
        traffic.finish(&mut net);
        net.settle();
    }
}
