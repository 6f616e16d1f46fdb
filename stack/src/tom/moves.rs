//! What whoever moves connections between ports and adapters needs of the stack: to find them, to hold
//! them still, to give them another owner.

use core::net::IpAddr;

use mafo_mem::Nanos;
use mafo_pmd::ofld::{Refused, TxCreditPool};
use mafo_pmd::sge::Eq;
use mafo_t4::regs::tp::MTU_COUNT;
use mafo_t4::{L2tIdx, PortId, Tid};
use mafo_tcp::SeqNum;

use super::shadow::Turn;
use super::{Epoch, Fence, Gate, MemberId, Offloaded, TidUse};
use crate::core::Core;
use crate::defect::Defect;
use crate::neigh::{Mac, Resolution};
use crate::slab::SocketId;
use crate::socket::Path;
use crate::tuple::FourTuple;

/// Where a connection's bytes stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Oldest sequence number that the peer has not acknowledged, as far as the card has reported.
    pub snd_una: SeqNum,
    /// Behind the last byte, or the FIN, that the card has been given.
    pub snd_end: SeqNum,
    /// Behind the last byte, or the FIN, that the card has delivered.
    pub rcv_nxt: SeqNum,
}

impl Progress {
    /// Whether the peer has acknowledged everything that the card was given.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.snd_una == self.snd_end
    }
}

/// A connection's new place on an adapter.
#[derive(Debug)]
pub struct Place {
    /// The adapter.
    pub member: MemberId,
    /// The port.
    pub port: PortId,
    /// The tid there.
    pub tid: Tid,
    /// The next hop there, a use of it.
    pub l2t: L2tIdx,
    /// The account of work-request credits, with what has been spent on the tid so far.
    pub credits: TxCreditPool,
    /// TIMESTAMP_OFFSET of the TCB there.
    pub ts_offset: u8,
    /// What was agreed on of the segment size, as an entry of the MTU table there.
    pub mss_idx: u8,
}

impl Core {
    /// The socket of a connection, wherever its TCP runs.
    #[must_use]
    pub fn lookup(&self, tuple: &FourTuple) -> Option<SocketId> {
        self.by_tuple.get(&self.sockets, tuple)
    }

    /// All connections that live on an adapter.
    #[must_use]
    pub fn connections_on(&self, member: MemberId) -> Vec<SocketId> {
        self.sockets
            .iter()
            .filter(|(_, s)| matches!(&s.path, Path::Offload(conn) if conn.member == member))
            .map(|(id, _)| id)
            .collect()
    }

    /// The connection that lives on an adapter and has this [place](SocketId::index) in the table of sockets.
    #[must_use]
    pub fn connection_at(&self, index: usize) -> Option<SocketId> {
        let (id, socket) = self.sockets.at(index)?;
        matches!(socket.path, Path::Offload(_)).then_some(id)
    }

    /// The connection that the host path has, though an adapter could, and has this [place](SocketId::index) in the table
    /// of sockets.
    #[must_use]
    pub fn refugee_at(&self, index: usize) -> Option<SocketId> {
        let (id, _) = self.sockets.at(index)?;
        self.is_refugee(id).then_some(id)
    }

    /// Behind the last [place](SocketId::index) that a socket was ever given.
    #[must_use]
    pub fn places(&self) -> usize {
        self.sockets.high()
    }

    /// The connections that have ended since the last time, if anybody [may](Core::sample_connections) have to go on
    /// with them.
    pub fn take_departed(&mut self) -> Vec<SocketId> {
        core::mem::take(&mut self.departed)
    }

    /// The next hop towards `remote` and its MAC; asked for when it is not known.
    pub fn hop_towards(&mut self, now: Nanos, remote: IpAddr) -> Option<(IpAddr, Mac)> {
        let next_hop = self.next_hop(remote)?;
        match self.neighbours.resolve(now, next_hop) {
            Resolution::Known(mac) => Some((next_hop, mac)),
            Resolution::Pending | Resolution::Unreachable | Resolution::TableFull => None,
        }
    }

    /// Our station address.
    #[must_use]
    pub fn mac(&self) -> Mac {
        self.config.mac
    }

    /// Gives us another station address: frames go out with it, and those for it are ours, from now on.
    pub fn set_mac(&mut self, mac: Mac) {
        self.config.mac = mac;
    }

    /// Our address.
    #[must_use]
    pub fn address(&self) -> core::net::Ipv4Addr {
        self.config.address
    }

    /// Largest IP packet of the link.
    #[must_use]
    pub fn mtu(&self) -> u16 {
        self.config.mtu
    }

    /// Where the bytes of an offloaded connection stand.
    #[must_use]
    pub fn progress(&self, id: SocketId) -> Option<Progress> {
        let socket = self.sockets.get(id)?;
        let Path::Offload(conn) = &socket.path else { return None };
        let our_fin_acked = conn.state.our_fin_acked();
        let fin = |posted: bool| u32::from(posted);
        Some(Progress {
            snd_una: conn.snd_seq(socket.tx.acked()) + fin(our_fin_acked),
            snd_end: conn.snd_seq(socket.tx.posted()) + fin(conn.fin_posted),
            rcv_nxt: conn.rcv_seq(socket.rx.received()) + fin(conn.state.peer_closed()),
        })
    }

    /// Lets nothing new go out: what the application sends waits in the socket, on the host path in front of
    /// its engine. What is under way is brought home.
    pub fn suspend(&mut self, id: SocketId) {
        match self.sockets.get_mut(id).map(|socket| &mut socket.path) {
            Some(Path::Offload(conn)) => conn.tx_gate = Gate::Shut,
            Some(Path::Host(_)) => self.host_quiesce(id, true),
            Some(Path::Resolving | Path::Ended) | None => {}
        }
    }

    /// Keeps receive credits back.
    pub fn withhold_credits(&mut self, id: SocketId) {
        if let Some(conn) = self.offloaded_mut(id) {
            conn.rx_gate = Gate::Shut;
        }
    }

    /// Ends [`Core::suspend`] and [`Core::withhold_credits`]: what waited goes to the card.
    pub fn resume(&mut self, id: SocketId) {
        self.host_quiesce(id, false);
        let Some(conn) = self.offloaded_mut(id) else { return };
        conn.tx_gate = Gate::Open;
        conn.rx_gate = Gate::Open;
        if conn.abort_wanted {
            self.stall(id);
            return;
        }
        self.set_switches(id);
        self.apply_known_path_mtu(id);
        self.tom_post(id);
        self.tom_credit(id);
    }

    /// What a connection agreed on of the segment size, as an entry of the MTU table of `member`: tables need not be
    /// equal.
    #[must_use]
    pub fn mss_index_on(&self, id: SocketId, member: MemberId) -> Option<u8> {
        let mtu = self.mtu_agreed(self.offloaded(id)?);
        Some(self.members.adapter(member)?.lcore.resources().mtu_index(mtu))
    }

    /// The greatest packet that the peer is known to take.
    pub(crate) fn mtu_agreed(&self, conn: &Offloaded) -> u16 {
        let resources = self.members[conn.member.index()].lcore.resources();
        conn.mtu_agreed.unwrap_or(resources.mtus[usize::from(conn.options.mss()) % MTU_COUNT])
    }

    /// Gives the connection another owner. The old tid is no longer the connection's: whoever silenced
    /// it has released it.
    pub fn rebind(&mut self, id: SocketId, place: Place) -> Result<(), Refused> {
        let mtu = self.offloaded(id).map(|conn| self.mtu_agreed(conn));
        let members = &mut self.members;
        let Some(socket) = self.sockets.get_mut(id) else { return Err(Refused::RingFull) };
        let Path::Offload(conn) = &mut socket.path else { return Err(Refused::RingFull) };
        if let Some(used) = members[place.member.index()].tids.get_mut(place.tid) {
            *used = TidUse::Connection(id);
        }
        let Offloaded {
            member,
            port,
            tid,
            l2t,
            credits,
            fence,
            epoch,
            flow_told,
            posted_any,
            first_own,
            ts_offset,
            turn,
            options,
            mtu_agreed,
            ..
        } = &mut **conn;
        *member = place.member;
        *port = place.port;
        *tid = place.tid;
        *l2t = place.l2t;
        *credits = place.credits;
        *fence = Fence::Absent;
        *epoch = Epoch(epoch.0 + 1);
        // Whoever wrote the connection into its new place began with a FLOWC.
        *flow_told = true;
        *posted_any = socket.tx.acked() < socket.tx.posted();
        *first_own = socket.tx.posted();
        *ts_offset = place.ts_offset;
        *options = options.with_mss(place.mss_idx.into());
        *mtu_agreed = mtu;
        *turn = Turn::None;
        Ok(())
    }

    /// Whether the peer has acknowledged bytes that the present owner was the first to send.
    #[must_use]
    pub fn has_proved_owner(&self, id: SocketId) -> bool {
        let acked = self.sockets.get(id).map_or(0, |socket| socket.tx.acked());
        self.offloaded(id).is_some_and(|conn| acked > conn.first_own)
    }

    /// A connection's TCB names another next hop, whose use passes to it.
    pub fn change_hop(&mut self, id: SocketId, l2t: L2tIdx) {
        let Some(conn) = self.offloaded_mut(id) else { return };
        let (member, before) = (conn.member, core::mem::replace(&mut conn.l2t, l2t));
        self.members[member.index()].release_hop(before);
    }

    /// Lets go of the tid that a connection had before, and of its next hop there.
    pub fn let_go(&mut self, member: MemberId, tid: Tid, l2t: L2tIdx) {
        self.members[member.index()].release_hop(l2t);
        let used = self.members[member.index()].tids.get(tid).copied();
        self.release_tid(member, tid);
        if let Some(used) = used.filter(|_| self.has_defect(Defect::LateCplAccepted)) {
            let _ = self.members[member.index()].tids.insert(tid, used);
        }
    }

    /// Says that a tid, which may never have been entered, has nobody any more but is still to answer an abort.
    pub fn orphan_or_enter(&mut self, member: MemberId, tid: Tid, l2t: L2tIdx) {
        let tids = &mut self.members[member.index()].tids;
        match tids.get_mut(tid) {
            Some(used) => *used = TidUse::Dying(l2t),
            None => {
                if tids.insert(tid, TidUse::Dying(l2t)).is_err() {
                    self.counters.tom_unexpected += 1;
                }
            }
        }
        self.await_abort(member, tid);
    }

    /// Bytes that the socket holds for its peer at most.
    #[must_use]
    pub fn send_capacity(&self, id: SocketId) -> usize {
        self.sockets.get(id).map_or(0, |socket| socket.tx.capacity())
    }

    /// Runs `post` with the offload queue, the credits and the tid of a connection; `false` when it is
    /// not on an adapter, or its FLOWC has found no room yet.
    pub fn with_flow(
        &mut self,
        id: SocketId,
        post: impl FnOnce(&mut Eq, &mut TxCreditPool, Tid) -> bool,
    ) -> bool {
        let Some(socket) = self.sockets.get_mut(id) else { return false };
        let Path::Offload(conn) = &mut socket.path else { return false };
        if !conn.flow_told {
            return false;
        }
        let member = &mut self.members[conn.member.index()];
        let Some(eq) = member.ofld(conn.port) else { return false };
        post(eq, &mut conn.credits, conn.tid)
    }

    /// Memory for a frame that is rewritten on its way; to be put back.
    #[must_use]
    pub fn scratch(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.scratch)
    }

    /// Puts [`Core::scratch`] back.
    pub fn put_scratch(&mut self, scratch: Vec<u8>) {
        self.scratch = scratch;
    }

    /// Counts what an adapter said that cannot be.
    pub fn count_unexpected(&mut self) {
        self.counters.tom_unexpected += 1;
    }

    /// Counts a request of an adapter that found no room.
    pub fn count_ring_full(&mut self) {
        self.counters.tom_ring_full += 1;
    }
}
