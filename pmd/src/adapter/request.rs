//! What may be asked of an adapter while it is up: addresses, receive modes, links.

use std::collections::VecDeque;
use std::sync::Arc;

use mafo_mem::{Full, Nanos};
use mafo_t4::PortId;
use mafo_t4::fw::{
    Access, Command, MacEntry, MacEntryWord, PortInfoCmd, RxMode, ViEnableCmd, ViMacCmd,
    ViRxModeCmd, Viid,
};
use mafo_t4::regs::tp::MTU_COUNT;

use super::bringup::read;
use super::config::out_of_order;
use super::ports::mps_index;
use super::task::Started;
use super::{Adapter, AdapterError, AdapterEvent, Holder, registers};
use crate::fw::{FwError, Reply};
use crate::lcore::ToLcore;

/// Requests that may wait.
const REQUESTS_MAX: usize = 64;

/// Names a request in the event that ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// Something asked of an adapter. Ports are those of its resources; others are bugs of the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Receive frames for one more address on a port (an entry in the MAC table of MPS).
    AddMac {
        /// The port.
        port: PortId,
        /// The address.
        mac: [u8; 6],
        /// Whether connections of the port shall send as this address too (its entry in the source MAC
        /// table).
        source: bool,
    },
    /// No longer receive frames for an address that was added.
    RemoveMac {
        /// The port.
        port: PortId,
        /// The address.
        mac: [u8; 6],
    },
    /// What a port receives beside its own addresses.
    RxMode {
        /// The port.
        port: PortId,
        /// The mode; [`RxMode::UNCHANGED`] keeps what it does not name.
        mode: RxMode,
    },
    /// Opens or closes the directions of a port.
    Enable {
        /// The port.
        port: PortId,
        /// Whether frames come in.
        receive: bool,
        /// Whether frames go out.
        transmit: bool,
    },
    /// Ask for the state of a port's link; a difference is an event of its own.
    PollLink {
        /// The port.
        port: PortId,
    },
}

impl Request {
    fn port(&self) -> PortId {
        match *self {
            Self::AddMac { port, .. }
            | Self::RemoveMac { port, .. }
            | Self::RxMode { port, .. }
            | Self::Enable { port, .. }
            | Self::PollLink { port } => port,
        }
    }
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// The address has this entry of the MAC table.
    MacEntry(u16),
}

/// Requests that wait, and addresses that were added.
#[derive(Debug, Default)]
pub(super) struct Requests {
    waiting: VecDeque<(RequestId, Request)>,
    next_id: u64,
    /// Addresses added and not removed.
    macs: Vec<(PortId, [u8; 6])>,
}

impl Requests {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn next(&mut self) -> Option<(RequestId, Request)> {
        self.waiting.pop_front()
    }
}

impl Adapter {
    /// Asks for something: its end comes as [`AdapterEvent::Done`] with the id. [`Full`] when too much
    /// waits already, or the adapter is not up.
    pub fn request(&mut self, request: Request) -> Result<RequestId, Full> {
        let known = self.ports.iter().any(|port| port.resources.port == request.port());
        if !self.is_up() || self.requests.waiting.len() == REQUESTS_MAX {
            return Err(Full);
        }
        assert!(known, "{request:?} for a port that the card does not have");
        let id = RequestId(self.requests.next_id);
        self.requests.next_id += 1;
        self.requests.waiting.push_back((id, request));
        Ok(id)
    }

    /// Writes another MTU table, and tells the lcores. `false`, and nothing changes, where it does not ascend, the
    /// adapter is not up, another function is master, or an lcore has not read its last messages.
    ///
    /// Connections keep the index that they have: an entry that one of them uses should keep its value.
    pub fn load_mtus(&mut self, mtus: [u16; MTU_COUNT]) -> bool {
        let alive = |holder: &Holder| *holder != Holder::Gone;
        let deaf = self.lcores.iter().any(|s| alive(&s.holder) && s.mail.to_lcore.is_full());
        if out_of_order(mtus).is_some() || !self.is_up() || !self.draft.master || deaf {
            return false;
        }
        registers::load_mtus(&*self.bar, &mtus);
        if let Some(resources) = &mut self.resources {
            Arc::make_mut(resources).mtus = mtus;
        }
        for slot in self.lcores.iter().filter(|slot| alive(&slot.holder)) {
            // There is room: only this side fills the mailbox.
            let _ = slot.mail.to_lcore.push(ToLcore::Mtus(mtus));
        }
        true
    }

    /// Addresses that were added by requests and not removed. Not 0 at the end: one was forgotten.
    #[must_use]
    pub fn macs_in_use(&self) -> usize {
        self.requests.macs.len()
    }

    pub(super) fn submit_request(
        &mut self,
        now: Nanos,
        request: &Request,
    ) -> Result<Started, AdapterError> {
        let viid = self.viid_of(request.port());
        let started = match *request {
            Request::AddMac { mac, source, .. } => {
                let tables = if source {
                    MacEntryWord::SMT_AND_MPSTCAM
                } else {
                    MacEntryWord::MPS_TCAM_ENTRY
                };
                let entry = MacEntry::new(MacEntryWord::ADD, tables, mac);
                self.submit(now, &ViMacCmd::write(viid, &[entry]))
            }
            Request::RemoveMac { mac, .. } => {
                let tables = MacEntryWord::MPS_TCAM_ENTRY;
                let entry = MacEntry::new(MacEntryWord::FREE_BY_MAC, tables, mac);
                self.submit(now, &ViMacCmd::write(viid, &[entry]))
            }
            Request::RxMode { mode, .. } => {
                let command = ViRxModeCmd::request(Access::Write).of_vi(viid).with_mode(mode);
                self.submit(now, &command)
            }
            Request::Enable { receive, transmit, .. } => {
                self.submit(now, &ViEnableCmd::directions(viid, receive, transmit))
            }
            Request::PollLink { port } => self.submit(now, &PortInfoCmd::to(Access::Read, port)),
        };
        Ok(started)
    }

    pub(super) fn on_request(
        &mut self,
        id: RequestId,
        request: &Request,
        reply: &Reply,
    ) -> Result<(), AdapterError> {
        let mut outcome = Outcome::Done;
        match *request {
            Request::AddMac { port, mac, .. } => {
                outcome = Outcome::MacEntry(mps_index(reply, self.config.chip)?);
                self.requests.macs.push((port, mac));
            }
            Request::RemoveMac { port, mac } => {
                let added = self.requests.macs.iter().position(|&known| known == (port, mac));
                if let Some(index) = added {
                    self.requests.macs.swap_remove(index);
                }
            }
            Request::PollLink { port } => {
                self.on_link(port, read::<PortInfoCmd>(reply).state());
            }
            Request::RxMode { .. } | Request::Enable { .. } => {}
        }
        self.push_event(AdapterEvent::Done { id, result: Ok(outcome) });
        Ok(())
    }

    pub(super) fn request_refused(&mut self, id: RequestId, error: FwError) {
        self.counters.requests_refused += 1;
        self.push_event(AdapterEvent::Done { id, result: Err(error) });
    }

    fn viid_of(&self, id: PortId) -> Viid {
        let port = self.ports.iter().find(|port| port.resources.port == id);
        port.map_or(Viid(0), |port| port.resources.viid)
    }
}
