//! What the firmware tells by itself: links.

use mafo_t4::PortId;
use mafo_t4::cpl::{self, Fw6Msg, FwMsgType};
use mafo_t4::fw::{LinkState, PortInfo32Cmd, PortInfoCmd};
use mafo_t4::sge::{Entry, RspType};

use super::{Adapter, Holder, Outcome, RequestId, State};
use crate::fw::FwError;
use crate::lcore::ToLcore;
use crate::sge::{Iq, IqRing};

/// Messages taken in one poll: a firmware gone mad does not keep the control plane from the rest.
const MESSAGES_MAX: usize = 64;

mafo_mem::counters! {
    /// What an adapter's control plane counted.
    pub struct AdapterCounters {
        /// Link states told by the firmware.
        link_messages,
        /// Of these, ones that differ from what was known.
        link_changes,
        /// Messages of the event queue that are not about links.
        other_messages,
        /// Messages of the event queue that make no sense.
        bad_messages,
        /// Events that nobody fetched in time.
        events_dropped,
        /// Requests that the firmware refused.
        requests_refused,
        /// Things that the firmware refused to free.
        undo_refused,
    }
}

/// Something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdapterEvent {
    /// A port's link is up or down, or otherwise different.
    Link {
        /// The port.
        port: PortId,
        /// Its state.
        state: LinkState,
    },
    /// A request is done.
    Done {
        /// Which.
        id: RequestId,
        /// What came of it.
        result: Result<Outcome, FwError>,
    },
}

/// The firmware's event queue.
#[derive(Debug)]
pub(super) enum EventQueue {
    /// The firmware is being asked for it.
    Asked(IqRing),
    /// It runs.
    Running(Iq),
}

impl Adapter {
    pub(super) fn poll_event_queue(&mut self) {
        for _ in 0..MESSAGES_MAX {
            let Some(EventQueue::Running(iq)) = &mut self.event_queue else { return };
            let Some(entry) = iq.peek() else { break };
            iq.consume();
            self.on_message(&entry);
        }
        if let Some(EventQueue::Running(iq)) = &mut self.event_queue {
            // Few and far between: nothing to gain from batches.
            iq.return_all_credits();
        }
    }

    fn on_message(&mut self, entry: &[u8]) {
        let Some(entry) = Entry::parse(entry) else { return };
        if entry.ctrl.last_flit().rsp_type() != RspType::CPL {
            self.counters.bad_messages += 1;
            return;
        }
        let message = cpl::parse::<Fw6Msg>(entry.cpl);
        let Some(message) = message.filter(|message| message.kind() == FwMsgType::CMD_RPL) else {
            self.counters.other_messages += 1;
            return;
        };
        let data = message.data_ref();
        if let Some(info) = PortInfoCmd::of_action(data) {
            self.on_link(info.hi().port(), info.state());
        } else if let Some(info) = PortInfo32Cmd::of_action(data) {
            self.on_link(info.hi().port(), info.state());
        } else {
            self.counters.other_messages += 1;
        }
    }

    /// A port's link, as an event or as the answer to a question.
    pub(super) fn on_link(&mut self, id: PortId, state: LinkState) {
        self.counters.link_messages += 1;
        let Some(port) = self.ports.iter_mut().find(|port| port.resources.port == id) else {
            self.counters.bad_messages += 1;
            return;
        };
        if port.link == state {
            return;
        }
        port.link = state;
        port.untold = u64::MAX;
        self.counters.link_changes += 1;
        self.push_event(AdapterEvent::Link { port: id, state });
    }

    /// Tells lcores of links that have changed; one whose mailbox is full hears the latest state later.
    pub(super) fn tell_lcores(&mut self) {
        if !matches!(self.state, State::Up | State::Closing) {
            return;
        }
        for port in self.ports.iter_mut().filter(|port| port.untold != 0) {
            let news = ToLcore::Link { port: port.resources.port, state: port.link };
            let mut still_untold = 0;
            for (bit, slot) in self.lcores.iter().enumerate() {
                let untold = port.untold >> bit & 1 == 1 && slot.holder != Holder::Gone;
                if untold && slot.mail.to_lcore.push(news).is_err() {
                    still_untold |= 1 << bit;
                }
            }
            port.untold = still_untold;
        }
    }
}
