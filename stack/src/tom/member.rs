//! An adapter as a stack uses it: its queues, and tables of what is on it.

use core::fmt;
use core::net::IpAddr;
use std::collections::BTreeMap;

use mafo_mem::{Full, Nanos};
use mafo_pmd::Lcore;
use mafo_pmd::l2t::{L2tTarget, NextHop};
use mafo_pmd::ofld::{self, Refused, Then, TxCreditPool};
use mafo_pmd::sge::Eq;
use mafo_pmd::tid::{AtidTable, StidTable, TidTable};
use mafo_t4::opt::TcpOpt;
use mafo_t4::regs::tp::MTU_COUNT;
use mafo_t4::tcb;
use mafo_t4::wr::Mnem;
use mafo_t4::{IqId, L2tIdx, PortId, Tid};
use mafo_tcp::SeqNum;

use super::last_stamp::LastStamps;
use crate::listener::ListenerId;
use crate::neigh::Mac;
use crate::slab::SocketId;

/// An adapter of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(pub u8);

impl MemberId {
    /// As an index.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Who a tid belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TidUse {
    /// A connection of this stack.
    Connection(SocketId),
    /// Somebody above the stack: its messages go to the [`Hook`](super::Hook).
    Hook(SocketId),
    /// Nobody any more, but the answer to an abort is still to come; until then the next hop is in use.
    Dying(L2tIdx),
    /// Nobody any more, but work of it may still be in its offload queue, up to a last word that is answered: the so
    /// manieth of all.
    Leaving(Option<L2tIdx>, u32),
}

/// Who an atid belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtidUse {
    /// An active open of this stack.
    Connection(SocketId),
    /// Somebody above the stack.
    Hook(SocketId),
    /// A socket that was let go of: what comes is aborted. Its next hop is in use until then.
    Orphan(L2tIdx),
    /// Nobody any more; it was asked for twice, and a second answer may come. Of one that makes a TCB nobody knows.
    Spent,
}

/// An L2T entry in use: whose it is, how many connections use it, and when one of them last heard of
/// its peer through it.
#[derive(Clone, Copy, Debug)]
struct HopUse {
    next_hop: IpAddr,
    home: PortId,
    users: u32,
    heard: Nanos,
}

/// What the firmware is told of a connection before anything else of it.
#[derive(Clone, Copy, Debug)]
pub struct Flow {
    /// The first sequence number that is posted.
    pub snd_nxt: SeqNum,
    /// The next one expected of the peer.
    pub rcv_nxt: SeqNum,
    /// Bytes that the socket holds for its peer at most.
    pub send_buffer: usize,
    /// What the handshake agreed on.
    pub options: TcpOpt,
    /// Where the connection stands.
    pub state: tcb::State,
    /// Whether the adapter is to keep the commit rule for it, if it does.
    pub commits: bool,
}

/// An adapter in use.
pub struct Member {
    /// Its queues and tables.
    pub lcore: Lcore,
    /// Connections by tid.
    pub tids: TidTable<TidUse>,
    /// Active opens under way.
    pub atids: AtidTable<AtidUse>,
    /// Listeners.
    pub stids: StidTable<ListenerId>,
    hops: BTreeMap<(IpAddr, PortId), L2tIdx>,
    /// Entries that always lead into the loopback: of connections that are to cross the host alone.
    loops: BTreeMap<(IpAddr, PortId), L2tIdx>,
    /// What `hops` leads to, by the entry's index.
    uses: Vec<Option<HopUse>>,
    iq: IqId,
    pub(super) last_stamps: LastStamps,
    /// Nothing is asked of it any more.
    pub(super) is_dead: bool,
    /// There was nothing more in its queue when that was read last.
    pub(super) is_read_out: bool,
    /// Its queue was read until the budget was used up: there may be more.
    pub(crate) is_cut_short: bool,
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "adapter with {} tids in use", self.tids.in_use())
    }
}

impl Member {
    pub(crate) fn new(lcore: Lcore, iq: IqId) -> Self {
        let resources = lcore.resources().clone();
        let share = lcore.share().clone();
        Self {
            lcore,
            tids: TidTable::new(resources.ntids),
            atids: AtidTable::new(share.atids),
            stids: StidTable::new(share.servers),
            hops: BTreeMap::new(),
            loops: BTreeMap::new(),
            uses: Vec::new(),
            iq,
            last_stamps: LastStamps::default(),
            is_dead: false,
            is_read_out: false,
            is_cut_short: false,
        }
    }

    /// Whether nothing is asked of it any more.
    pub(crate) fn is_dead(&self) -> bool {
        self.is_dead
    }

    /// The absolute id of the ingress queue.
    #[must_use]
    pub fn iq(&self) -> IqId {
        self.iq
    }

    /// The offload queue on the channel of `port`.
    pub fn ofld(&mut self, port: PortId) -> Option<&mut Eq> {
        let index = self.lcore.port_index(port)?;
        self.lcore.ofld.get_mut(index)
    }

    /// Tells the firmware of a flow on the channel of `port`: the first work request of `tid` on its offload queue.
    pub fn tell_flow(
        &mut self,
        port: PortId,
        tid: Tid,
        credits: &mut TxCreditPool,
        flow: &Flow,
    ) -> Result<(), Refused> {
        let (resources, channel) = (self.lcore.resources(), u32::from(port.0));
        let mut params = [
            (Mnem::PFNVFN, u32::from(resources.pf) << 8),
            (Mnem::CH, channel),
            (Mnem::PORT, channel),
            (Mnem::IQID, u32::from(self.iq.0)),
            (Mnem::SNDNXT, flow.snd_nxt.0),
            (Mnem::RCVNXT, flow.rcv_nxt.0),
            (Mnem::SNDBUF, flow.send_buffer as u32),
            (Mnem::MSS, u32::from(resources.mtus[usize::from(flow.options.mss()) % MTU_COUNT])),
            (Mnem::TCPSTATE, flow.state as u32),
            (Mnem::RCV_SCALE, u32::from(flow.options.snd_wscale())),
            (Mnem::COMMITS, 0),
        ];
        // Without scaling there is no scale, and of the commit rule silicon knows nothing.
        let mut count = params.len() - 2 + usize::from(flow.options.wscale_ok());
        if !flow.commits {
            params[count] = (Mnem::COMMITS, 0);
            count += 1;
        }
        let eq = self.ofld(port).ok_or(Refused::RingFull)?;
        ofld::flowc(eq, credits, tid, &params[..count], Then::More)
    }

    /// A use of the L2T entry of `next_hop` by the wire of `home`, which says `mac` from now on unless it
    /// leads into a loopback. `Ok(None)` when the table is full.
    pub fn acquire_hop(
        &mut self,
        next_hop: IpAddr,
        home: PortId,
        mac: Mac,
    ) -> Result<Option<L2tIdx>, Full> {
        let to = NextHop { mac, vlan: None, port: home, target: L2tTarget::Wire };
        if let Some(&l2t) = self.hops.get(&(next_hop, home)) {
            let says = self.lcore.l2t.get(l2t).copied();
            let stale = says.is_some_and(|says| says.target == L2tTarget::Wire && says.mac != mac);
            if stale {
                self.lcore.l2t.write(&mut self.lcore.ctrl, self.iq, l2t, to)?;
            }
            if let Some(used) = self.hop_use(l2t) {
                used.users += 1;
            }
            return Ok(Some(l2t));
        }
        let Some(l2t) = self.new_hop(next_hop, home, to)? else { return Ok(None) };
        self.hops.insert((next_hop, home), l2t);
        Ok(Some(l2t))
    }

    /// A use of the entry that leads into the loopback of `home`, for connections whose next hop is `next_hop`.
    /// `Ok(None)` when the table is full.
    pub fn acquire_loop(&mut self, next_hop: IpAddr, home: PortId) -> Result<Option<L2tIdx>, Full> {
        let known = self.loops.get(&(next_hop, home)).copied();
        if let Some(l2t) = known {
            if let Some(used) = self.hop_use(l2t) {
                used.users += 1;
            }
            return Ok(Some(l2t));
        }
        let Some(mac) = self.lcore.resources().port(home).map(|port| port.mac) else {
            return Ok(None);
        };
        let to = NextHop { mac, vlan: None, port: home, target: L2tTarget::Loopback };
        let Some(l2t) = self.new_hop(next_hop, home, to)? else { return Ok(None) };
        self.loops.insert((next_hop, home), l2t);
        Ok(Some(l2t))
    }

    fn new_hop(
        &mut self,
        next_hop: IpAddr,
        home: PortId,
        to: NextHop,
    ) -> Result<Option<L2tIdx>, Full> {
        let Some(l2t) = self.lcore.l2t.alloc() else { return Ok(None) };
        if let Err(full) = self.lcore.l2t.write(&mut self.lcore.ctrl, self.iq, l2t, to) {
            self.lcore.l2t.release(l2t);
            return Err(full);
        }
        let index = usize::from(l2t.0);
        if self.uses.len() <= index {
            self.uses.resize(index + 1, None);
        }
        self.uses[index] = Some(HopUse { next_hop, home, users: 1, heard: Nanos::ZERO });
        Ok(Some(l2t))
    }

    fn hop_use(&mut self, l2t: L2tIdx) -> Option<&mut HopUse> {
        self.uses.get_mut(usize::from(l2t.0))?.as_mut()
    }

    /// Notes that a connection behind an entry heard of its peer: that next hop is reachable
    /// (RFC 4861 7.3.1).
    pub(crate) fn note_heard(&mut self, l2t: L2tIdx, now: Nanos) {
        if let Some(used) = self.hop_use(l2t) {
            used.heard = now;
        }
    }

    /// When a connection last heard of its peer through `next_hop`; `None` when there is no connection.
    pub(crate) fn heard(&self, next_hop: IpAddr) -> Option<Nanos> {
        let ports = (next_hop, PortId(0))..=(next_hop, PortId(u8::MAX));
        let both =
            [&self.hops, &self.loops].into_iter().flat_map(|table| table.range(ports.clone()));
        let uses = both.filter_map(|(_, l2t)| self.uses[usize::from(l2t.0)]);
        uses.map(|used| used.heard).max()
    }

    /// One use of an entry fewer.
    pub fn release_hop(&mut self, l2t: L2tIdx) {
        let Some(used) = self.hop_use(l2t) else { return };
        used.users -= 1;
        if used.users == 0 {
            let key = (used.next_hop, used.home);
            for table in [&mut self.hops, &mut self.loops] {
                if table.get(&key) == Some(&l2t) {
                    table.remove(&key);
                }
            }
            self.uses[usize::from(l2t.0)] = None;
            self.lcore.l2t.release(l2t);
        }
    }

    /// The next hops in use: address, the port that the entry was made for, the entry.
    pub fn hops(&self) -> impl Iterator<Item = (IpAddr, PortId, L2tIdx)> + '_ {
        self.hops.iter().map(|(&(next_hop, home), &l2t)| (next_hop, home, l2t))
    }

    /// Writes an entry.
    pub fn write_hop(&mut self, l2t: L2tIdx, to: NextHop) -> Result<(), Full> {
        self.lcore.l2t.write(&mut self.lcore.ctrl, self.iq, l2t, to)
    }

    /// Connections of `port` send as `mac`, if they do not already.
    pub fn write_source(&mut self, port: PortId, mac: Mac) -> Result<(), Full> {
        let index = self.lcore.resources().port(port).map(|port| port.smt);
        match index.filter(|&index| self.lcore.smt.get(index) != mac) {
            Some(index) => self.lcore.smt.write(&mut self.lcore.ctrl, self.iq, index, mac),
            None => Ok(()),
        }
    }

    /// What connections, opens, listeners and next hops still hold.
    #[must_use]
    pub fn left_over(&self) -> usize {
        self.tids.in_use() + self.atids.in_use() + self.hops.len() + self.loops.len()
    }
}
