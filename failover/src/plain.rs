//! Members of a bond that are Ethernet ports alone.
//!
//! No connection can live *on* one: where the bond, or in balance-xor the switch, says that it is to use such a port, the
//! *host path* has it ([`crate::refuge`]), and its frames go by the port. So all that is decided about a connection is
//! decided by whether the link that it is to use is of this kind ([`Bond::stays_home`]): the tunnel and the handover up to
//! the fence are those of any other, and behind the fence its record goes into the engine of the host path. Where the
//! link is an adapter's again, it leaves the host path as it would have after a refusal.
//!
//! What an adapter does by its tables is done here by hand: it is looked whom a frame is for, and listeners of the stack
//! answer SYNs. What is given to such a port leaves in the order in which it was given, so that no marker has to show it.

use mafo_mem::Nanos;
use mafo_stack::packet;
use mafo_stack::{Core, MemberId, SocketId};

use crate::bond::{Bond, BondEvent, LinkId};
use crate::handover::{Cause, Goal, Move};
use crate::stage::Stage;

impl Bond {
    /// Whether a member is an Ethernet port alone.
    pub(crate) fn is_plain(&self, member: MemberId) -> bool {
        self.plain.contains(&member)
    }

    /// Whether a connection that is moving is to live on the host path: since somebody wished so, or since it is to use a
    /// link that is no adapter's.
    pub(crate) fn stays_home(&self, moving: &Move) -> bool {
        moving.goal == Some(Goal::Host)
            || self.way(moving).is_some_and(|way| self.is_plain(way.member))
    }

    /// Whether a frame that came in by an Ethernet port alone is for us: an adapter would not have taken it otherwise.
    pub(crate) fn is_for_us(&self, core: &Core, link: LinkId, frame: &[u8]) -> bool {
        let Some((own, _)) = core.plain_port(link.member) else { return true };
        let Some((_, dst)) = packet::macs(frame) else { return true };
        let is_for_many = dst[0] & 1 != 0;
        let has_ours = self.has_mac_everywhere() || self.active == Some(link);
        is_for_many || dst == own || dst == core.mac() && has_ours
    }

    /// Another link became active, and the host path has this connection: it is to live on an adapter, or sends by another
    /// port from now on.
    pub(crate) fn adopt_refugee(
        &mut self,
        now: Nanos,
        core: &mut Core,
        id: SocketId,
        cause: Cause,
    ) {
        let Some(active) = self.active.filter(|_| !self.is_xor()) else { return };
        if self.is_plain(active.member) {
            self.counters.switched += 1;
            self.log(now, BondEvent::Moved(id));
        } else if !self.moves.contains(id) {
            let mut moving = self.sheltered(now, active);
            (moving.wake_up, moving.cause) = (now, cause);
            self.enter(core, id, moving);
        }
    }

    /// A frame of a connection that the host path has came in by `by`.
    pub(crate) fn note_at_home(&mut self, now: Nanos, core: &mut Core, id: SocketId, by: LinkId) {
        let is_active = self.takes_from(by);
        if let Some(moving) = self.moves.note(id).filter(|_| is_active) {
            moving.heard.get_or_insert(now);
        }
        if !self.is_xor() || !self.is_up(by) || self.is_plain(by.member) || !core.is_refugee(id) {
            return;
        }
        // Where all links carry it lives where its frames come in, unless somebody wished that it live here.
        let follows = self.moves.get(id).is_none_or(|moving| {
            moving.stage == Stage::Sheltered
                && moving.goal != Some(Goal::Host)
                && self.stays_home(moving)
        });
        if !follows || !self.is_patient_no_more(id, by) {
            return;
        }
        self.counters.followed += 1;
        if !self.moves.contains(id) {
            let moving = self.sheltered(now, by);
            self.enter(core, id, moving);
        }
        let pause = self.config.retry_min;
        if let Some(moving) = self.moves.get_mut(id) {
            (moving.home, moving.goal) = (by, Some(Goal::Link(by)));
            (moving.wake_up, moving.pause) = (now, pause);
        }
    }

    /// Connections that have no owner look for one at once: there is a link that there was not.
    pub(crate) fn wake_unowned(&mut self, now: Nanos) {
        if !self.moves.is_any_unowned() {
            return;
        }
        for id in self.moves.all_under_way() {
            if let Some(moving) = self.moves.note(id)
                && moving.stage == Stage::Uploading
                && moving.entry.is_none()
            {
                moving.wake_up = now;
                self.moves.touch(id);
            }
        }
    }
}
