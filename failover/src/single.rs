//! Moves of single connections that somebody asks for: maintenance, sharing of load.

use mafo_mem::Nanos;
use mafo_stack::{Core, SocketId};

use crate::bond::{Bond, LinkId};
use crate::handover::Goal;
use crate::stage::Stage;

/// Why a connection is not moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoMove {
    /// There is none, or it is in no state to be moved: its handshake comes first, or it is over.
    #[error("it is no live connection of an adapter or of the host path in place of one")]
    NotLive,
    /// It moves already.
    #[error("it is being moved")]
    Moving,
    /// The link does not belong to the bond.
    #[error("{0} does not belong to the bond")]
    NotALink(LinkId),
    /// The link is down.
    #[error("the link of {0} is down")]
    LinkDown(LinkId),
    /// Its peer's frames come in by the active link, and its own would go out by another: the whole bond can be moved.
    #[error(
        "in active-backup a single connection stays with the active adapter: {0} is on another"
    )]
    NotActive(LinkId),
}

impl Bond {
    /// Moves one connection: to another port of its adapter, to the host path or from there to an adapter; in balance-xor
    /// to another adapter as well, for as long as its peer's frames come in there. On the host path it stays until it is
    /// moved again. Nothing is lost on the way; how far it is says [`Bond::stage`].
    ///
    /// # Errors
    ///
    /// Why it stays as it is.
    pub fn move_connection(
        &mut self,
        now: Nanos,
        core: &mut Core,
        id: SocketId,
        to: Goal,
    ) -> Result<(), NoMove> {
        if let Goal::Link(link) = to {
            self.check_goal(link)?;
        }
        if !self.moves.contains(id) && core.is_refugee(id) {
            // It has been on the host path from the start, since a port that is no adapter's was active.
            let home = self.active.unwrap_or(self.links[0].id);
            let moving = self.sheltered(now, home);
            self.enter(core, id, moving);
        }
        if let Some(moving) = self.moves.get(id) {
            if moving.stage != Stage::Sheltered || moving.entry.is_some() {
                return Err(NoMove::Moving);
            }
            return self.call_back(now, id, to);
        }
        let conn = core.offloaded(id).filter(|conn| conn.state.is_live()).ok_or(NoMove::NotLive)?;
        let home = LinkId { member: conn.member, port: conn.port };
        if to == Goal::Link(home) {
            return Ok(());
        }
        if let Goal::Link(link) = to
            && link.member != home.member
            && !self.is_xor()
        {
            return Err(NoMove::NotActive(link));
        }
        self.begin_move(now, core, id, home, to);
        Ok(())
    }

    fn check_goal(&self, link: LinkId) -> Result<(), NoMove> {
        if !self.links.iter().any(|known| known.id == link) {
            return Err(NoMove::NotALink(link));
        }
        if !self.is_up(link) {
            return Err(NoMove::LinkDown(link));
        }
        Ok(())
    }

    /// A connection that the host path has is to live elsewhere, or to stay.
    fn call_back(&mut self, now: Nanos, id: SocketId, to: Goal) -> Result<(), NoMove> {
        if let Goal::Link(link) = to
            && !self.is_xor()
            && self.active.is_none_or(|active| active != link)
        {
            return Err(NoMove::NotActive(link));
        }
        let pause = self.config.retry_min;
        if let Some(moving) = self.moves.get_mut(id) {
            moving.goal = Some(to);
            (moving.wake_up, moving.pause) = (now, pause);
        }
        Ok(())
    }
}
