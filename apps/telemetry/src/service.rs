//! A thread that accepts, and one for each of a few clients.

use std::io;
use std::net::Shutdown;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// How long nothing is accepted after that failed, for want of descriptors or memory: what waits keeps waiting.
const BACKOFF: Duration = Duration::from_millis(100);

/// Whether the end has come.
#[derive(Debug, Default)]
struct End {
    has_come: Mutex<bool>,
    changed: Condvar,
}

impl End {
    fn lock(&self) -> MutexGuard<'_, bool> {
        self.has_come.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bring(&self) {
        *self.lock() = true;
        self.changed.notify_all();
    }

    /// Whether it has come, or comes within `time`.
    fn comes_within(&self, time: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), time, |has_come| !*has_come);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// A listener whose clients are served until this is dropped; then all threads are joined.
#[derive(Debug)]
pub(crate) struct Service {
    end: Arc<End>,
    listener: Arc<socket2::Socket>,
    thread: Option<JoinHandle<()>>,
}

impl Service {
    /// Serves up to `clients` at a time; one more finds nobody.
    pub(crate) fn start(
        name: &str,
        listener: socket2::Socket,
        clients: usize,
        serve: impl Fn(&socket2::Socket) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let (end, listener) = (Arc::new(End::default()), Arc::new(listener));
        let (until, accepting) = (Arc::clone(&end), Arc::clone(&listener));
        let thread = Builder::new()
            .name(name.to_owned())
            .spawn(move || accept(&accepting, &until, clients, &Arc::new(serve)))?;
        Ok(Self { end, listener, thread: Some(thread) })
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.end.bring();
        // Whoever waits in accept() comes back from it.
        let _ = self.listener.shutdown(Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            // A panic of its has been told on standard error.
            let _ = thread.join();
        }
    }
}

fn accept<F>(listener: &socket2::Socket, end: &End, clients: usize, serve: &Arc<F>)
where
    F: Fn(&socket2::Socket) + Send + Sync + 'static,
{
    // A connection ends with its thread, which alone holds it.
    let mut served: Vec<(Weak<socket2::Socket>, JoinHandle<()>)> = Vec::new();
    loop {
        let accepted = listener.accept();
        if end.comes_within(Duration::ZERO) {
            break;
        }
        served.retain(|(_, thread)| !thread.is_finished());
        match accepted {
            Ok(_) if served.len() >= clients => {}
            Ok((client, _)) => {
                let (serve, client) = (Arc::clone(serve), Arc::new(client));
                let known = Arc::downgrade(&client);
                if let Ok(thread) = Builder::new().spawn(move || serve(&client)) {
                    served.push((known, thread));
                }
            }
            Err(_) => {
                if end.comes_within(BACKOFF) {
                    break;
                }
            }
        }
    }
    for (client, thread) in served {
        // Whoever waits for something of it waits no more.
        let _ = client.upgrade().map(|client| client.shutdown(Shutdown::Both));
        let _ = thread.join();
    }
}
