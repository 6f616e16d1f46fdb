//! The control plane of one adapter: brought up, kept, and closed by being polled.
//!
//! Work is a list of [`Task`]s, done one after another; most are one firmware command, submitted in one
//! poll and finished in a later one. What was allocated is remembered in the order of its allocation and
//! undone in reverse. Nothing here is on the data path: lcores own their queues, and hear of link changes
//! through a mailbox.

mod bringup;
mod close;
mod config;
mod error;
mod events;
mod health;
mod ports;
mod queues;
mod registers;
mod request;
mod resources;
mod task;
mod tcp;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

use mafo_mem::Nanos;
use mafo_t4::PortId;
use mafo_t4::chip::Chip;
use mafo_t4::fw::LinkState;

pub use config::{AdapterConfig, BadConfig, Congestion, QueueSizes};
pub use error::AdapterError;
pub use events::{AdapterCounters, AdapterEvent};
pub use request::{Outcome, Request, RequestId};
pub use resources::{PortResources, Resources, Share};
pub use tcp::TcpSettings;

use bringup::Draft;
use close::{Allocated, Undo};
use events::EventQueue;
use queues::LcoreDraft;
use task::{Started, Task};

use crate::eal::dma::{Arena, DmaHold, Domain};
use crate::fw::{Mailbox, MailboxCounters, Progress};
use crate::lcore::{Lcore, Mail};
use crate::sge::SharedBar;
use crate::tid::LcoreId;

/// Events kept for [`Adapter::poll_event`]; older ones are dropped and counted.
const EVENTS_MAX: usize = 256;

/// Where an adapter is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It is being brought up.
    Starting(Stage),
    /// It is ready; whether its links are up is another matter.
    Up,
    /// It is being closed.
    Closing,
    /// It is closed.
    Closed,
    /// It has failed for good.
    Failed(AdapterError),
}

/// What is being done to bring an adapter up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Finding the card and its firmware.
    Hello,
    /// As master: reset and configuration.
    Configure,
    /// Asking what there is.
    Discover,
    /// Ports and virtual interfaces.
    Ports,
    /// Queues.
    Queues,
    /// Opening the ports.
    Enable,
}

/// An adapter's control plane.
pub struct Adapter {
    bar: SharedBar,
    domain: Arc<Domain>,
    arena: Arc<Arena>,
    config: AdapterConfig,
    state: State,
    /// First poll.
    started: Option<Nanos>,
    mailbox: Mailbox,
    tasks: VecDeque<Task>,
    /// The task whose command is under way.
    current: Option<Task>,
    draft: Draft,
    resources: Option<Arc<Resources>>,
    ports: Vec<Port>,
    event_queue: Option<EventQueue>,
    lcores: Vec<LcoreSlot>,
    /// In the order of allocation.
    allocated: Vec<Allocated>,
    /// Memory of what could not be freed: kept until the card can no longer reach it.
    stranded: Vec<DmaHold>,
    events: VecDeque<AdapterEvent>,
    requests: request::Requests,
    closing: Option<close::Closing>,
    pulse: health::Pulse,
    counters: AdapterCounters,
}

/// A port while the adapter lives.
#[derive(Clone, Debug)]
struct Port {
    resources: PortResources,
    link: LinkState,
    /// Lcores that have not been told of the present state: a bit each.
    untold: u64,
}

/// An lcore's queues, before and after somebody has taken them.
struct LcoreSlot {
    mail: Arc<Mail>,
    draft: LcoreDraft,
    lcore: Option<Lcore>,
    holder: Holder,
}

/// Who has an lcore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    /// Nobody yet.
    Adapter,
    /// Whoever took it.
    Taken,
    /// It was taken and dropped.
    Gone,
}

impl Adapter {
    /// An adapter behind `bar`, whose DMA goes through `domain`, with queues in `arena`. It does nothing
    /// until it is polled.
    #[must_use]
    pub fn new(
        bar: SharedBar,
        domain: Arc<Domain>,
        arena: Arc<Arena>,
        config: AdapterConfig,
    ) -> Self {
        domain.map(&arena);
        let mailbox = Mailbox::new(Arc::clone(&bar), mafo_t4::chip::UNIFIED_PF);
        Self {
            bar,
            domain,
            arena,
            config,
            state: State::Starting(Stage::Hello),
            started: None,
            mailbox,
            tasks: VecDeque::from([Task::WhoAmI]),
            current: None,
            draft: Draft::default(),
            resources: None,
            ports: Vec::new(),
            event_queue: None,
            lcores: Vec::new(),
            allocated: Vec::new(),
            stranded: Vec::new(),
            events: VecDeque::new(),
            requests: request::Requests::default(),
            closing: None,
            pulse: health::Pulse::default(),
            counters: AdapterCounters::new(),
        }
    }

    /// Moves everything on that can be moved without waiting. An error is final; the memory that the card
    /// could reach stays untouched until the domain is revoked.
    pub fn poll(&mut self, now: Nanos) -> Result<&State, AdapterError> {
        if let State::Failed(error) = &self.state {
            return Err(error.clone());
        }
        if let Err(error) = self.advance(now) {
            tracing::error!("adapter: {error}");
            self.state = State::Failed(error.clone());
            return Err(error);
        }
        Ok(&self.state)
    }

    /// Its lcore has found out that the card does not answer what it has to. Whether it still lives is looked at once
    /// more, which says more of why; it is given up in any case.
    pub fn give_up(&mut self, now: Nanos) {
        self.pulse.look_now();
        if self.poll(now).is_ok() {
            tracing::error!("adapter: {}", AdapterError::Mute);
            self.state = State::Failed(AdapterError::Mute);
        }
    }

    /// Whether the adapter is ready.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.state == State::Up
    }

    /// Where the adapter is.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What the card has, once it was asked.
    #[must_use]
    pub fn resources(&self) -> Option<&Arc<Resources>> {
        self.resources.as_ref()
    }

    /// The state of a port's link; `None` of a port that the card does not have, or has not told yet.
    #[must_use]
    pub fn link(&self, port: PortId) -> Option<&LinkState> {
        Some(&self.ports.iter().find(|known| known.resources.port == port)?.link)
    }

    /// The station address of a port.
    #[must_use]
    pub fn mac(&self, port: PortId) -> Option<[u8; 6]> {
        Some(self.ports.iter().find(|known| known.resources.port == port)?.resources.mac)
    }

    /// The queues of lcore `n`, for the thread that will poll them. Once, when the adapter is up.
    #[must_use]
    pub fn take_lcore(&mut self, n: usize) -> Option<Lcore> {
        let slot = self.lcores.get_mut(n)?;
        let lcore = slot.lcore.take()?;
        slot.holder = Holder::Taken;
        Some(lcore)
    }

    /// What has happened since the last time, oldest first.
    pub fn poll_event(&mut self) -> Option<AdapterEvent> {
        self.events.pop_front()
    }

    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> AdapterCounters {
        self.counters
    }

    /// What the mailbox counted.
    #[must_use]
    pub fn mailbox_counters(&self) -> MailboxCounters {
        self.mailbox.counters()
    }

    /// What the card may reach.
    #[must_use]
    pub fn domain(&self) -> &Arc<Domain> {
        &self.domain
    }

    /// The chip.
    #[must_use]
    pub fn chip(&self) -> Chip {
        self.config.chip
    }

    /// The card's registers.
    #[must_use]
    pub fn bar(&self) -> &SharedBar {
        &self.bar
    }

    fn advance(&mut self, now: Nanos) -> Result<(), AdapterError> {
        if self.started.is_none() {
            self.config.check()?;
            if self.config.chip != Chip::T5 {
                return Err(AdapterError::UnsupportedChip { chip: self.config.chip });
            }
            self.started = Some(now);
        }
        self.run_tasks(now)?;
        self.poll_pulse(now)?;
        self.poll_event_queue();
        self.tell_lcores();
        self.poll_closing(now);
        Ok(())
    }

    fn run_tasks(&mut self, now: Nanos) -> Result<(), AdapterError> {
        if self.mailbox.is_idle() && self.tasks.is_empty() && self.requests.is_empty() {
            return Ok(());
        }
        loop {
            match self.mailbox.poll(now) {
                Ok(Progress::Idle) => {}
                Ok(Progress::Pending) => return Ok(()),
                Ok(Progress::Done(reply)) => {
                    if let Some(task) = self.current.take() {
                        self.finish(now, task, &reply)?;
                    }
                }
                Err(error) => match self.current.take() {
                    Some(task) => self.unsuccessful(now, task, error)?,
                    None => return Err(error.into()),
                },
            }
            if self.closing.is_some() {
                // What the last command was a step to is not wanted any more.
                self.tasks.clear();
            }
            let Some(task) = self.next_task() else { return Ok(()) };
            match self.start(now, &task)? {
                Started::Submitted => self.current = Some(task),
                Started::Done => {}
                Started::NotYet => {
                    self.tasks.push_front(task);
                    return Ok(());
                }
            }
        }
    }

    /// Bring-up and teardown first, then what was requested.
    fn next_task(&mut self) -> Option<Task> {
        self.tasks.pop_front().or_else(|| {
            let (id, request) = self.requests.next()?;
            Some(Task::Request(id, request))
        })
    }

    fn push_event(&mut self, event: AdapterEvent) {
        if self.events.len() == EVENTS_MAX {
            self.events.pop_front();
            self.counters.events_dropped += 1;
        }
        self.events.push_back(event);
    }

    fn lcore_ids(&self) -> impl Iterator<Item = LcoreId> + use<> {
        (0..self.config.lcores).map(LcoreId)
    }
}

impl Drop for Adapter {
    /// A card that was not told goodbye may go on writing: it loses its memory before anybody else may
    /// use it.
    fn drop(&mut self) {
        if !self.allocated.is_empty() || !self.stranded.is_empty() {
            self.domain.revoke();
        }
    }
}

impl std::fmt::Debug for Adapter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Adapter")
            .field("state", &self.state)
            .field("current", &self.current)
            .field("tasks", &self.tasks.len())
            .finish_non_exhaustive()
    }
}

/// The control plane may move to a thread of its own.
const _: () = {
    const fn assert_send<T: Send>() {}
    assert_send::<Adapter>();
};
