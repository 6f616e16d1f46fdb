//! Cores that forward: each a thread with devices of its own. Between it and the prompt there is a channel of orders, which are
//! carried out between two turns; nothing else is shared.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use mafo::eal::clock::Clock;
use mafo::eal::lcore::pin;

use crate::device::Device;
use crate::stream::{Stream, StreamReport};

/// How often devices have a turn while nothing is forwarded: links, heartbeats.
const IDLE: Duration = Duration::from_millis(1);
/// Turns between two looks for orders.
const TURNS: u32 = 64;

/// What the prompt wants of a core.
type Order = Box<dyn FnOnce(&mut Worker) + Send>;

/// A core that forwards, as the prompt sees it.
#[derive(Debug)]
pub(crate) struct Lcore {
    /// The core's number.
    pub(crate) core: usize,
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

/// A core that forwards, as it sees itself.
pub(crate) struct Worker {
    pub(crate) clock: Clock,
    /// By slot; taken ones are elsewhere.
    pub(crate) devices: Vec<Device>,
    streams: Vec<Stream>,
}

impl Lcore {
    /// A thread on `core`. What fails is a sentence.
    pub(crate) fn start(core: usize, clock: Clock) -> Result<Self, String> {
        let (orders, inbox) = channel::<Order>();
        let (pinned, answer) = channel();
        let thread = Builder::new()
            .name(format!("lcore-{core}"))
            .spawn(move || {
                let _ = pinned.send(pin(core));
                Worker { clock, devices: Vec::new(), streams: Vec::new() }.run(&inbox);
            })
            .map_err(|e| format!("no thread for core {core}: {e}"))?;
        match answer.recv() {
            Ok(Ok(())) => Ok(Self { core, orders: Some(orders), thread: Some(thread) }),
            Ok(Err(error)) => Err(format!("-l: {error}")),
            Err(_) => Err(format!("the thread of core {core} has ended")),
        }
    }

    /// Has the core do something, and waits for what comes of it. `None` when its thread is gone.
    pub(crate) fn ask<R: Send + 'static>(
        &self,
        what: impl FnOnce(&mut Worker) -> R + Send + 'static,
    ) -> Option<R> {
        let (answer, outcome) = channel();
        let order: Order = Box::new(move |worker| {
            let _ = answer.send(what(worker));
        });
        self.orders.as_ref()?.send(order).ok()?;
        outcome.recv().ok()
    }
}

impl Drop for Lcore {
    fn drop(&mut self) {
        // Without orders to come the thread ends.
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // A panic of its has been told on standard error.
            let _ = thread.join();
        }
    }
}

impl Worker {
    fn run(mut self, inbox: &Receiver<Order>) {
        loop {
            let order = if self.streams.is_empty() {
                match inbox.recv_timeout(IDLE) {
                    Ok(order) => Some(order),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            } else {
                match inbox.try_recv() {
                    Ok(order) => Some(order),
                    Err(TryRecvError::Empty) => None,
                    Err(TryRecvError::Disconnected) => return,
                }
            };
            if let Some(order) = order {
                order(&mut self);
            }
            let turns = if self.streams.is_empty() { 1 } else { TURNS };
            for _ in 0..turns {
                self.turn();
            }
        }
    }

    /// All devices, then all streams.
    fn turn(&mut self) {
        let Self { clock, devices, streams } = self;
        let now = clock.now();
        for device in devices.iter_mut() {
            device.turn(now);
        }
        for stream in streams.iter_mut() {
            stream.turn(devices, now, *clock);
        }
        for device in devices.iter_mut() {
            device.flush();
        }
    }

    /// Begins to forward, after `first` bursts of each stream.
    pub(crate) fn begin(&mut self, mut streams: Vec<Stream>, first: u32) {
        for stream in &mut streams {
            let now = self.clock.now();
            stream.send_first(&mut self.devices, now, first, self.clock);
        }
        self.streams = streams;
    }

    /// What the streams have to tell so far.
    pub(crate) fn reports(&self) -> Vec<StreamReport> {
        self.streams.iter().map(Stream::report).collect()
    }

    /// Streams count from nothing again.
    pub(crate) fn clear(&mut self) {
        self.streams.iter_mut().for_each(Stream::clear);
    }

    /// Forwards no more; what there is to tell.
    pub(crate) fn stop(&mut self) -> Vec<StreamReport> {
        let Self { clock, devices, streams } = self;
        let now = clock.now();
        let reports = streams.drain(..).map(|stream| stream.end(devices, now, *clock)).collect();
        // What engines sent last leaves, too.
        devices.iter_mut().for_each(Device::flush);
        reports
    }
}
