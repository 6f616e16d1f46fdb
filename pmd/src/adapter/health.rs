//! Whether the card lives: looked at now and then by the control plane, never by an lcore, since a read of a card that
//! is lost can block for milliseconds.

use mafo_mem::Nanos;
use mafo_t4::regs::pcie::PCIE_FW;
use mafo_t4::regs::tp::{TP_TIME_HI, TP_TIME_LO};

use super::{Adapter, AdapterError, State};
use crate::fw::GONE;
use crate::lcore::ToLcore;

/// How often lcores are told what the card's clock shows.
const CLOCK_INTERVAL: Nanos = Nanos::from_secs(1);

/// What is known of the card's life.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    /// When it is looked at next.
    due: Option<Nanos>,
    /// The card's clock when it was last seen to have moved, and when that was.
    moved: Option<(u64, Nanos)>,
    /// When lcores are told the clock next.
    tell: Nanos,
}

impl Pulse {
    /// Has it looked at by the next poll.
    pub(super) fn look_now(&mut self) {
        self.due = None;
    }
}

impl Adapter {
    /// Looks whether firmware and card go on, if it is time to.
    pub(super) fn poll_pulse(&mut self, now: Nanos) -> Result<(), AdapterError> {
        let Some(interval) = self.config.heartbeat else { return Ok(()) };
        if self.state != State::Up || self.pulse.due.is_some_and(|due| now < due) {
            return Ok(());
        }
        self.pulse.due = Some(now + interval);
        let firmware = PCIE_FW::read(&*self.bar);
        if firmware.0 == GONE {
            return Err(AdapterError::Gone);
        }
        if firmware.err() {
            return Err(AdapterError::FirmwareStopped { state: firmware });
        }
        let ticks = self.core_ticks();
        match self.pulse.moved {
            // It moves in every core clock cycle, and at least that often did it have the time.
            Some((before, at)) if before == ticks => {
                let still = now - at;
                if still >= self.config.hang_timeout {
                    return Err(AdapterError::Hung { still });
                }
            }
            _ => self.pulse.moved = Some((ticks, now)),
        }
        if now >= self.pulse.tell {
            self.pulse.tell = now + CLOCK_INTERVAL;
            for slot in &self.lcores {
                // An older one does as well.
                let _ = slot.mail.to_lcore.push(ToLcore::Clock { at: now, ticks });
            }
        }
        Ok(())
    }

    /// When [`Adapter::poll`] has to look again; [`Nanos::ZERO`] means now: an answer of the firmware is seen only by
    /// looking.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Nanos> {
        match self.state {
            State::Starting(_) | State::Closing => Some(Nanos::ZERO),
            State::Up if self.current.is_some() || !self.tasks.is_empty() => Some(Nanos::ZERO),
            State::Up => self.pulse.due,
            State::Closed | State::Failed(_) => None,
        }
    }

    fn core_ticks(&self) -> u64 {
        let high = TP_TIME_HI::read(&*self.bar).0;
        let low = TP_TIME_LO::read(&*self.bar).0;
        // Read again: the low half may have wrapped in between.
        let again = TP_TIME_HI::read(&*self.bar).0;
        let low = if again == high { low } else { TP_TIME_LO::read(&*self.bar).0 };
        u64::from(again) << 32 | u64::from(low)
    }
}
