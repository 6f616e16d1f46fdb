//! The end: what was allocated is freed in reverse, then goodbye.
//!
//! Memory that a card uses is held until the command that takes the queue from it has succeeded.

use mafo_mem::Nanos;
use mafo_t4::fw::{Access, ByeCmd, Command, EqCtrlCmd, EqEthCmd, EqOfldCmd, IqCmd, ViCmd, Viid};
use mafo_t4::fw::{NO_FREELIST, ViEnableCmd};

use super::queues::LcoreDraft;
use super::task::{Started, Task};
use super::{Adapter, AdapterError, Holder, State};
use crate::eal::dma::DmaHold;
use crate::fw::FwError;
use crate::lcore::{FromLcore, ToLcore};

/// Something the firmware gave, and so takes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undo {
    /// HELLO was said.
    Bye,
    /// A virtual interface.
    Vi(Viid),
    /// Its directions are open.
    Enabled(Viid),
    /// An ingress queue runs; ids are relative to the function.
    Iq { iqid: u16, fl0id: Option<u16> },
    /// The same queue, stopped.
    StoppedIq { iqid: u16, fl0id: Option<u16> },
    /// A control queue.
    EqCtrl(u32),
    /// An Ethernet queue.
    EqEth(u32),
    /// An offload queue.
    EqOfld(u32),
}

/// Something allocated, with the memory that the card uses for it.
#[derive(Debug)]
pub(super) struct Allocated {
    pub(super) undo: Undo,
    pub(super) holds: Vec<DmaHold>,
}

/// Closing, before the first command.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closing {
    /// When lcores that have not let go are no longer waited for.
    deadline: Option<Nanos>,
}

impl Adapter {
    pub(super) fn note_allocated(&mut self, undo: Undo, holds: Vec<DmaHold>) {
        self.allocated.push(Allocated { undo, holds });
    }

    /// Closes the adapter: lcores are told and waited for, then everything is freed. [`State::Closed`]
    /// when it is done. Work under way is finished first; what was requested and waits is not begun.
    pub fn close(&mut self) {
        if matches!(self.state, State::Closing | State::Closed | State::Failed(_)) {
            return;
        }
        self.state = State::Closing;
        self.tasks.clear();
        while self.requests.next().is_some() {}
        self.closing = Some(Closing { deadline: None });
        for slot in &mut self.lcores {
            // An lcore that nobody took is nobody's.
            slot.lcore = None;
            if slot.holder == Holder::Taken
                && slot.mail.to_lcore.force_push(ToLcore::Close).is_some()
            {
                tracing::debug!("an lcore's mailbox was full: its oldest message is lost");
            }
        }
    }

    /// How many lcores are still in somebody's hands.
    #[must_use]
    pub fn lcores_taken(&self) -> usize {
        self.lcores.iter().filter(|slot| slot.holder == Holder::Taken).count()
    }

    /// Notices lcores that have gone; when all have, or too much time has passed, begins to free.
    pub(super) fn poll_closing(&mut self, now: Nanos) {
        for slot in &mut self.lcores {
            if slot.holder == Holder::Taken && slot.mail.from_lcore.pop() == Some(FromLcore::Gone) {
                slot.holder = Holder::Gone;
            }
        }
        let taken = self.lcores_taken();
        let timeout = self.config.close_timeout;
        let Some(closing) = &mut self.closing else { return };
        let deadline = *closing.deadline.get_or_insert(now + timeout);
        if self.current.is_some() {
            return;
        }
        if taken > 0 {
            if now < deadline {
                return;
            }
            tracing::warn!("{taken} lcores still hold their queues: freeing them all the same");
        }
        self.closing = None;
        self.plan_undo();
    }

    fn plan_undo(&mut self) {
        for allocated in self.allocated.iter().rev() {
            if let Undo::Iq { iqid, fl0id } = allocated.undo {
                self.tasks.push_back(Task::Undo(Undo::Iq { iqid, fl0id }));
                self.tasks.push_back(Task::Undo(Undo::StoppedIq { iqid, fl0id }));
            } else {
                self.tasks.push_back(Task::Undo(allocated.undo));
            }
        }
        self.tasks.push_back(Task::Closed);
    }

    pub(super) fn submit_undo(&mut self, now: Nanos, undo: &Undo) -> Result<Started, AdapterError> {
        let pf = self.draft.pf;
        let started = match *undo {
            Undo::Bye => self.submit(now, &ByeCmd::request(Access::Write)),
            Undo::Vi(viid) => self.submit(now, &ViCmd::free(pf, viid)),
            Undo::Enabled(viid) => self.submit(now, &ViEnableCmd::directions(viid, false, false)),
            Undo::Iq { iqid, fl0id } => {
                let stop = IqCmd::stop(iqid).with_fl0id(fl0id.unwrap_or(NO_FREELIST));
                self.submit(now, &stop.of_function(pf, 0))
            }
            Undo::StoppedIq { iqid, fl0id } => {
                let free = IqCmd::free(iqid).with_fl0id(fl0id.unwrap_or(NO_FREELIST));
                self.submit(now, &free.of_function(pf, 0))
            }
            Undo::EqCtrl(eqid) => self.submit(now, &EqCtrlCmd::free(eqid).of_function(pf, 0)),
            Undo::EqEth(eqid) => self.submit(now, &EqEthCmd::free(eqid).of_function(pf, 0)),
            Undo::EqOfld(eqid) => self.submit(now, &EqOfldCmd::free(eqid).of_function(pf, 0)),
        };
        Ok(started)
    }

    pub(super) fn on_undone(&mut self, undo: &Undo) -> Result<(), AdapterError> {
        // A queue that is only stopped comes once more.
        if !matches!(undo, Undo::Iq { .. }) {
            self.allocated.pop();
        }
        Ok(())
    }

    /// The firmware does not take something back: its memory stays with the card.
    pub(super) fn undo_refused(&mut self, undo: &Undo, error: FwError) -> Result<(), AdapterError> {
        tracing::warn!("{undo:?} was not taken back: {error}");
        self.counters.undo_refused += 1;
        if !matches!(undo, Undo::Iq { .. })
            && let Some(allocated) = self.allocated.pop()
        {
            self.stranded.extend(allocated.holds);
        }
        Ok(())
    }

    pub(super) fn closed(&mut self) -> Result<Started, AdapterError> {
        self.event_queue = None;
        for slot in &mut self.lcores {
            slot.draft = LcoreDraft::default();
        }
        self.state = State::Closed;
        Ok(Started::Done)
    }
}
