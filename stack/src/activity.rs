//! How a connection of the host path spends its time, for whoever watches it.

use mafo_mem::Nanos;
use mafo_tcp::Limit;

use crate::core::Core;
use crate::host::HostPath;
use crate::slab::SocketId;
use crate::socket::Path;

/// How a connection has spent its time so far (tcpi_busy_time and its like).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// With bytes to be sent or to be acknowledged.
    pub busy: Nanos,
    /// Of that, when the peer's window kept the next segment back.
    pub window_limited: Nanos,
    /// When payload last came; at first, when the handshake was through.
    pub heard_at: Nanos,
    /// Since when it is as it is now.
    since: Nanos,
    /// How it is now.
    pub(crate) limit: Limit,
}

impl Activity {
    /// Idle since `now`.
    pub(crate) fn beginning(now: Nanos) -> Self {
        Self { heard_at: now, since: now, ..Self::default() }
    }

    pub(crate) fn pass(&mut self, now: Nanos) {
        let passed = now - self.since;
        self.since = now;
        match self.limit {
            Limit::Idle => {}
            Limit::Network => self.busy += passed,
            Limit::Window => {
                self.busy += passed;
                self.window_limited += passed;
            }
        }
    }
}

impl HostPath {
    /// Something has been sent or come in: what does the connection wait for now?
    pub(crate) fn watch_activity(&mut self, now: Nanos) {
        let limit = self.conn.limit();
        if limit != self.activity.limit {
            self.activity.pass(now);
            self.activity.limit = limit;
        }
        if self.activity.heard_at == Nanos::ZERO && self.conn.state().is_synchronized() {
            self.activity.heard_at = now;
        }
    }
}

impl Core {
    /// How the connection of `id` has spent its time; in an adapter since it was first asked for it
    /// ([`Core::ask_card`]), and as far as it was asked.
    #[must_use]
    pub fn activity(&self, now: Nanos, id: SocketId) -> Option<Activity> {
        let mut activity = match &self.sockets.get(id)?.path {
            Path::Host(host) => host.activity,
            Path::Offload(conn) => conn.view.as_ref()?.activity,
            Path::Resolving | Path::Ended => return None,
        };
        activity.pass(now);
        Some(activity)
    }
}
