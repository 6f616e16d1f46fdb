//! A switch that takes all cables of the host with the bond for one, as a bond in balance-xor needs it.

use mafo::Nanos;
use mafo::wire::mem::{self, LinkConfig};
use mafo::wire::{Switch, SwitchConfig, Wire};

use super::world::Near;

/// Rounds in one poll: what a peer sends in a burst is more than the switch takes at once.
const ROUNDS: usize = 8;

/// The switch, which stands between our cables and the peer's only one.
pub(super) struct Trunk(Switch<Box<dyn Wire>>);

impl Trunk {
    /// So many cables that are one to whoever is behind `peer`.
    pub(super) fn new(peer: Near, cables: usize, link: &LinkConfig) -> (Self, Vec<Near>) {
        let (mut ports, mut near): (Vec<Box<dyn Wire>>, Vec<Near>) = (Vec::new(), Vec::new());
        for _ in 0..cables {
            let (ours, far) = mem::link(link);
            near.push(Near { cable: ours.cable(), wire: Box::new(ours), wakers: Vec::new() });
            ports.push(Box::new(far));
        }
        ports.push(peer.wire);
        let config = SwitchConfig { trunk: (0..cables).collect(), ..SwitchConfig::default() };
        (Self(Switch::new(&config, ports)), near)
    }

    /// Passes on what has come; whether there was anything.
    pub(super) fn poll(&mut self, now: Nanos) -> bool {
        let rounds = (0..ROUNDS).take_while(|_| self.0.poll(now) > 0).count();
        rounds > 0
    }

    /// When something comes that is on its way already.
    pub(super) fn poll_timeout(&self) -> Option<Nanos> {
        self.0.poll_timeout()
    }
}
