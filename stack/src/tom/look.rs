//! Looks at what cards say of connections (GET_TCB), for whoever shows them. Nothing of the connection changes by it, and nothing
//! is kept with it, as [`Core::ask_card`] does: an answer lies here until it is taken.

use mafo_pmd::ofld;
use mafo_t4::cpl::GetTcbRpl;
use mafo_tcp::Info;

use super::{MemberId, TidUse};
use crate::core::Core;
use crate::slab::SocketId;
use crate::socket::Path;

/// Repeated by the answers.
pub(super) const COOKIE: u8 = 0x5d;
/// Answers that lie here at most.
const LOOKS_MAX: usize = 64;

/// Answers that nobody has taken.
#[derive(Debug)]
pub(crate) struct Looks(Vec<(SocketId, Info)>);

impl Default for Looks {
    fn default() -> Self {
        Self(Vec::with_capacity(LOOKS_MAX))
    }
}

impl Core {
    /// Asks the card for its record of the connection of `id`; [`Core::take_look`] has it a few polls later. `false` where no
    /// card has the connection, or it is on its way to another, or there is no room for the question.
    pub fn look_at_card(&mut self, id: SocketId) -> bool {
        let Some(socket) = self.sockets.get(id) else { return false };
        let Path::Offload(conn) = &socket.path else { return false };
        if !conn.is_writable() {
            return false;
        }
        let tid = conn.tid;
        let member = &mut self.members[conn.member.index()];
        let reply_to = member.iq();
        ofld::get_tcb(&mut member.lcore.ctrl, tid, reply_to, COOKIE).is_ok()
    }

    /// What the card has said of the connection of `id`, once.
    pub fn take_look(&mut self, id: SocketId) -> Option<Info> {
        let at = self.looks.0.iter().position(|(known, _)| *known == id)?;
        Some(self.looks.0.swap_remove(at).1)
    }

    /// Forgets answers that nobody has taken. Whoever begins to look begins so.
    pub fn forget_looks(&mut self) {
        self.looks.0.clear();
    }

    pub(super) fn on_look(&mut self, member: MemberId, reply: &GetTcbRpl) {
        // It may be another's by now, or nobody's.
        let owner = self.members[member.index()].tids.get(reply.tid()).copied();
        let Some(TidUse::Connection(id)) = owner else { return };
        let Some(info) = self.info_of(id, &reply.tcb(), None) else { return };
        if self.looks.0.len() < LOOKS_MAX {
            self.looks.0.push((id, info));
        }
    }
}
