//! What happens to cables and connections, one line each.

use std::collections::BTreeMap;
use std::fmt::Arguments;
use std::io::Write;
use std::net::SocketAddr;

use mafo::{BondEvent, Host, LinkId, MemberId, Nanos, SocketId};

use super::cables::Changes;

/// A line on standard output; nobody has to listen.
pub(super) fn say(what: Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{what}");
}

/// Prints what becomes of the bond.
pub(super) struct Timeline {
    names: [String; 2],
    changes: Changes,
    up: [bool; 2],
    /// Connections that are on their way: since when, and who is at the other end.
    moving: BTreeMap<SocketId, (Nanos, Option<SocketAddr>)>,
    /// Connections that have moved since the last failure.
    moved: usize,
    active_changes: u64,
}

impl Timeline {
    /// For cables with these names; none is up.
    pub(super) fn new(names: [String; 2], changes: Changes) -> Self {
        Self {
            names,
            changes,
            up: [false; 2],
            moving: BTreeMap::new(),
            moved: 0,
            active_changes: 0,
        }
    }

    /// Times that another cable has taken over.
    pub(super) fn failovers(&self) -> u64 {
        self.active_changes.saturating_sub(1)
    }

    /// Prints what is new.
    pub(super) fn follow(&mut self, host: &mut Host) {
        for (number, at, up) in self.changes.take() {
            self.up[number] = up;
            let state = if up { "up" } else { "down" };
            line(at, format_args!("{}: link {state}", self.names[number]));
            if self.up == [false; 2] {
                line(
                    at,
                    format_args!(
                        "no cable is up: waiting for {} or {}",
                        self.names[0], self.names[1]
                    ),
                );
            }
        }
        while let Some((at, event)) = host.bond_mut().and_then(|bond| bond.poll_event()) {
            self.print(at, event, host);
        }
    }

    fn print(&mut self, at: Nanos, event: BondEvent, host: &Host) {
        match event {
            BondEvent::Link(link, true) => {
                line(
                    at,
                    format_args!(
                        "{}: adapter {} reports its link",
                        self.name(link),
                        letter(link.member)
                    ),
                );
            }
            BondEvent::Link(link, false) => {
                line(
                    at,
                    format_args!(
                        "{}: detected, adapter {} reports its link down",
                        self.name(link),
                        letter(link.member)
                    ),
                );
            }
            BondEvent::Active(link) => {
                self.moved = 0;
                self.active_changes += 1;
                line(at, format_args!("{}: active", self.name(link)));
            }
            BondEvent::FirstTunnelled => {
                line(at, format_args!("first frame through the tunnel"));
            }
            BondEvent::Suspended(id) => {
                let peer = host.sockets().tuple(id).map(|tuple| tuple.remote);
                self.moving.insert(id, (at, peer));
            }
            BondEvent::Moved(id) => {
                self.moved += 1;
                if let Some((since, Some(peer))) = self.moving.remove(&id) {
                    let took = (at - since).0 as f64 / 1e6;
                    line(at, format_args!("{peer}: handed over, {took:.3} ms"));
                }
            }
            BondEvent::Sheltered(id) => {
                self.moved += 1;
                if let Some((_, Some(peer))) = self.moving.remove(&id) {
                    line(at, format_args!("{peer}: no adapter takes it, the host path goes on"));
                }
            }
            BondEvent::AdapterLost(member) => {
                let why = host.failure(member.index());
                let why = why.map_or(String::new(), |why| format!(": {why}"));
                line(at, format_args!("adapter {} is dead{why}", letter(member)));
            }
            BondEvent::AdapterBack(member) => {
                line(at, format_args!("adapter {} is back", letter(member)));
            }
            BondEvent::AllMoved => {
                self.moving.clear();
                line(at, format_args!("all {} connections moved", self.moved));
            }
        }
    }

    fn name(&self, link: LinkId) -> &str {
        &self.names[usize::from(link.member.0).min(1)]
    }
}

fn letter(member: MemberId) -> char {
    char::from(b'A' + member.0)
}

fn line(at: Nanos, what: Arguments<'_>) {
    say(format_args!("{:>10.3} ms  {what}", at.0 as f64 / 1e6));
}
