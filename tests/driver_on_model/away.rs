//! Cards that a thread of their own polls.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use mafo::eal::clock::Clock;
use mafo::{CardRunner, Host};

use crate::hosts::Net;

/// Runs `test` on hosts whose cards another thread polls, by the same clock: the first has two adapters, the second one.
fn apart(before: impl FnOnce(&mut Net), test: impl FnOnce(&mut Net)) {
    let mut net = Net::plugged([&[1, 1], &[1]], |_, wire| Box::new(wire), |_, _| {});
    before(&mut net);
    let clock = Clock::start();
    net.now = clock.now();
    net.clock = Some(clock);
    let mut runners: Vec<CardRunner> = net.hosts.iter_mut().map(Host::part_with_cards).collect();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                runners.iter_mut().for_each(|runner| runner.poll(clock.now()));
                thread::yield_now();
            }
        });
        // Also where the test fails, or nobody would stop the cards.
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| test(&mut net)));
        is_over.store(true, Ordering::Relaxed);
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    });
}

fn stat(host: &Host, name: &str) -> u64 {
    let all = host.xstats();
    all.iter().find(|stat| stat.name == name).map_or(0, |stat| stat.value)
}

#[test]
fn streams_go_through_cards_on_another_thread() {
    apart(
        |_| {},
        |net| {
            net.bring_up();
            assert!(net.hosts[0].adapter(0).is_none(), "it is somebody else's");
            for ends in net.open(4) {
                net.transfer(ends, 500_000);
            }
            net.settle();
            assert!(stat(&net.hosts[0], "card0_tp_rx_data") > 100, "the card has carried it");
            assert_eq!(stat(&net.hosts[0], "card0_dma_faults"), 0);
            assert_eq!(net.hosts[0].offloaded(0), 0);
        },
    );
}

#[test]
fn a_card_on_another_thread_dies_and_comes_back() {
    const EFFECTS: u64 = 6_000;
    apart(
        |net| net.hosts[0].adapter(0).expect("still here").faults().die_after(EFFECTS),
        |net| {
            net.bring_up();
            let opened = net.open(4);
            assert!(!net.hosts[0].is_dead(0), "it dies under way");
            let (before, after) = opened.split_at(2);
            for &ends in before {
                net.transfer(ends, 3_000_000);
            }
            assert!(net.hosts[0].is_dead(0), "it has had that many effects");
            net.hosts[0].revive(0).expect("memory");
            net.wait(|net| !net.hosts[0].is_dead(0) && net.hosts[0].is_up());
            for &ends in after {
                net.transfer(ends, 100_000);
            }
            net.settle();
        },
    );
}
