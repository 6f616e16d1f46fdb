//! Who is polled only when something is due notices a failure as soon as who is polled all the time.

use mafo::wire::mem::MemEnd;
use mafo::wire::{BlackHole, Wire};
use mafo::{BondConfig, LinkId, Nanos, PortId};

use crate::hosts::{ADDRESSES, Net};

/// Empty polls before a sleep: what one part does at the end of a poll another sees only in the next.
const TURNS: u32 = 5;
/// The longest sleep.
const LONGEST: Nanos = Nanos::from_millis(100);

/// When hosts are polled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    Always,
    WhenDue,
}

/// Hosts under way, and how often they have been polled.
struct Course {
    net: Net,
    pace: Pace,
    empty: u32,
    polls: u32,
    /// Until when they sleep: no fault wakes anybody.
    until: Nanos,
}

impl Course {
    /// Until `done`, or it is `end`.
    fn run(&mut self, end: Nanos, done: impl Fn(&Net) -> bool) {
        while self.net.now < end && !done(&self.net) {
            if self.net.now < self.until {
                self.net.now = self.until.min(end);
                continue;
            }
            self.net.step();
            self.polls += 1;
            let hosts = self.net.hosts.iter().filter_map(|host| host.poll_timeout());
            let due = hosts.chain(self.net.switch.poll_timeout()).min();
            let due = due.unwrap_or(Nanos::MAX).min(self.net.now + LONGEST);
            self.empty = if due <= self.net.now { 0 } else { self.empty + 1 };
            if self.pace == Pace::WhenDue && self.empty > TURNS {
                self.until = due;
            }
        }
    }
}

fn active(net: &Net) -> Option<LinkId> {
    net.hosts[0].bond().expect("bond").active()
}

/// How long after `fault` another link is active, and how many polls that took.
fn noticed(
    pace: Pace,
    configure: impl Fn(&mut BondConfig),
    fault: impl Fn(&mut Net),
) -> (Nanos, u32) {
    let mortal = |_, wire: MemEnd| {
        let cable = wire.cable();
        Box::new(BlackHole::new(wire, &cable)) as Box<dyn Wire>
    };
    let mut net = Net::up_bonded(2, mortal, |stack, bond| {
        if stack.address == ADDRESSES[0] {
            configure(bond);
        }
    });
    net.open(4);
    let mut course = Course { net, pace, empty: 0, polls: 0, until: Nanos::ZERO };
    // All comes to rest; the fault is at the same instant whoever is polled how, and between two looks.
    let struck = Nanos::from_micros(3_007_300);
    course.run(struck, |_| false);
    let first = (0, PortId(0)).into();
    assert_eq!(active(&course.net), Some(first));
    fault(&mut course.net);
    course.polls = 0;
    course.run(struck + Nanos::from_secs(2), |net| active(net) != Some(first));
    assert_eq!(active(&course.net), Some((1, PortId(0)).into()), "nobody noticed");
    (course.net.now - struck, course.polls)
}

/// Notices within `interval`, the time between two looks, of when somebody does who polls, and sleeps meanwhile.
fn compare(interval: Nanos, configure: fn(&mut BondConfig), fault: fn(&mut Net)) {
    let (awake, polls) = noticed(Pace::Always, configure, fault);
    let (asleep, polls_asleep) = noticed(Pace::WhenDue, configure, fault);
    assert!(asleep <= awake + interval, "{asleep:?}, and {awake:?} by polling");
    assert!(2 * polls_asleep < polls, "{polls_asleep} polls, and {polls} by polling");
}

const MS: fn(u64) -> Nanos = Nanos::from_millis;

#[test]
fn a_dead_path_is_found_out_by_probes() {
    let probes = |bond: &mut BondConfig| {
        (bond.arp_interval, bond.arp_ip_target) = (MS(10), vec![ADDRESSES[1]]);
    };
    compare(MS(10), probes, |net| net.cables[0].set_dark(true));
}

#[test]
fn a_link_that_is_down_for_long_enough_is_left() {
    compare(MS(1), |bond| bond.downdelay = MS(20), |net| net.cables[0].set_carrier(false));
}

#[test]
fn a_link_is_asked_for_whose_firmware_does_not_tell() {
    let cut = |net: &mut Net| {
        net.hosts[0].adapter_mut(0).expect("a card").lose_link_events(true);
        net.cables[0].set_carrier(false);
    };
    compare(MS(20), |bond| bond.miimon = MS(20), cut);
}

#[test]
fn a_dead_adapter_is_found_out_by_its_heartbeat() {
    let die = |net: &mut Net| net.hosts[0].adapter(0).expect("a card").faults().die();
    compare(MS(1), |_| {}, die);
}
