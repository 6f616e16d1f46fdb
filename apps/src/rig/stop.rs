//! Ctrl-C and SIGTERM as a question that is looked at now and then.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use mafo::Nanos;

use super::run::RigError;
use crate::sys;

/// How often it is looked at: a system call.
const LOOK_EVERY: Nanos = Nanos::from_millis(1);

/// Whether somebody has asked the program to end.
pub(super) struct Stop {
    asked: OwnedFd,
    next_look: Nanos,
}

impl Stop {
    /// From now on neither signal ends the program.
    pub(super) fn new() -> Result<Self, RigError> {
        Ok(Self { asked: sys::termination().map_err(failed)?, next_look: Nanos::ZERO })
    }

    /// Whether it has.
    pub(super) fn is_asked(&mut self, now: Nanos) -> bool {
        if now < self.next_look {
            return false;
        }
        self.next_look = now + LOOK_EVERY;
        // What cannot be looked at has not been asked.
        sys::wait_for(&self.asked, libc::POLLIN, Duration::ZERO).unwrap_or(false)
    }

    /// Can be read when somebody has.
    pub(super) fn waker(&self) -> BorrowedFd<'_> {
        self.asked.as_fd()
    }

    /// The next signal ends the program at once.
    pub(super) fn end_next_time(self) -> Result<(), RigError> {
        sys::terminate_next(self.asked).map_err(failed)
    }
}

fn failed(error: io::Error) -> RigError {
    RigError::Failed(format!("signals: {error}"))
}
