//! What happens, for the timeline: what lcores tell of their bonds, and what the course notes itself.

use mafo::{BondEvent, LinkId, MemberId, Nanos};

use super::lcore::Told;
use super::run::{Run, say};
use super::verdict::{EventKind, TimelineEvent};

impl Run {
    /// Something happened just now.
    pub(crate) fn event(&mut self, what: String) {
        let at = self.clock.now();
        self.enter(at, EventKind::Other, what);
    }

    /// The fault that was marked is this.
    pub(crate) fn fault_event(&mut self, what: String) {
        self.enter(self.marked, EventKind::Fault, what);
    }

    /// What an lcore tells; with one of them there is no need to say which.
    fn note(&mut self, lcore: usize, at: Nanos, kind: EventKind, what: String) {
        let what = if self.bonds().len() > 1 { format!("lcore {lcore}: {what}") } else { what };
        self.enter(at, kind, what);
    }

    fn enter(&mut self, at: Nanos, kind: EventKind, what: String) {
        say(format_args!("{:>10.3} ms  {what}", at.0 as f64 / 1e6));
        self.events.push(TimelineEvent { at, kind, what });
    }

    /// Something that the bond of an lcore has said.
    pub(super) fn on_bond(&mut self, lcore: usize, told: Told) {
        let Told { at, event, connection, why, was_answered } = told;
        self.was_answered |= was_answered == Some(true);
        match event {
            BondEvent::Link(link, up) => {
                let is_port = self.is_port(link.member);
                let mut told = if is_port { "port: link of" } else { "firmware: link of" };
                if let Some(line) = self.world.lines.iter_mut().find(|line| line.link == link) {
                    line.up[lcore] = up;
                    // A path that is whole again has its carrier, too.
                    let is_dead = line.is_dead[lcore];
                    if !up && line.cable.carrier() || up && is_dead {
                        told = "probes: path of";
                    }
                    line.is_dead[lcore] = !up && line.cable.carrier();
                }
                let state = if up { "up" } else { "down" };
                let kind = if up { EventKind::Other } else { EventKind::Step };
                self.note(lcore, at, kind, format!("{told} {} {state}", name(link)));
            }
            BondEvent::Active(link) => {
                self.note(lcore, at, EventKind::Step, format!("{} is active", name(link)));
            }
            BondEvent::FirstTunnelled => {
                let what = "first frame through the tunnel".to_owned();
                self.note(lcore, at, EventKind::Step, what);
            }
            BondEvent::Suspended(_) => {
                if !std::mem::replace(&mut self.is_handing_over, true) {
                    self.note(lcore, at, EventKind::Step, "handovers begin".to_owned());
                }
            }
            BondEvent::Moved(_) | BondEvent::Sheltered(_) => {
                self.moved.extend(connection.map(|id| id as usize));
            }
            BondEvent::AdapterLost(member) => {
                for line in self.world.lines.iter_mut().filter(|l| l.link.member == member) {
                    line.up[lcore] = false;
                }
                let why = why.map_or(String::new(), |why| format!(": {why}"));
                let letter = letter(member);
                let dead = match self.is_port(member) {
                    true => format!("the device of port {letter} is gone"),
                    false => format!("adapter {letter} is dead{why}"),
                };
                self.note(lcore, at, EventKind::Step, dead);
            }
            BondEvent::AdapterBack(member) => {
                let what = if self.is_port(member) { "port" } else { "adapter" };
                let back = format!("{what} {} is back", letter(member));
                self.note(lcore, at, EventKind::Other, back);
            }
            BondEvent::AllMoved => {
                let what = "no connection lives elsewhere".to_owned();
                self.note(lcore, at, EventKind::Step, what);
            }
        }
    }
}

/// A link as reports call it: `A0`.
fn name(link: LinkId) -> String {
    format!("{}{}", letter(link.member), link.port.0)
}

/// An adapter as reports call it: `A`.
fn letter(member: MemberId) -> char {
    char::from(b'A' + member.0)
}
