//! Connections, cuts, and what they cost.

use std::collections::BTreeMap;

use mafo::eal::clock::{Clock, thread_cpu_time};
use mafo::failover::Report as Times;
use mafo::{
    BondEvent, Core, Event, ListenerId, Nanos, Options, PathChoice, Readiness, SocketError,
    SocketId,
};

use super::net::{self, Net};
use super::options::FailoverOptions;
use super::report::Report;
use crate::bench::BenchError;
use crate::sys;

/// A request, and a response.
const MESSAGE: usize = 64;
/// Handshakes under way at a time.
const OPENS: usize = 256;
/// Nothing takes longer than this.
const PATIENCE: Nanos = Nanos::from_secs(30);
/// Between a failover and the next.
const PAUSE: Nanos = Nanos::from_millis(20);
/// Turns in which a listener's request is dealt with: more than it takes.
const SETTLING: usize = 64;

/// One of our ends.
#[derive(Clone, Copy, Debug)]
struct Near {
    socket: SocketId,
    /// Exchanges begun and done.
    asked: u64,
    answered: u64,
    /// Bytes of the present response.
    received: usize,
}

struct Run<'a> {
    options: &'a FailoverOptions,
    net: Net,
    clock: Clock,
    /// By both clocks, when it began.
    start: (Nanos, u64),
    near: Vec<Near>,
    /// Connections by the index of our socket.
    numbers: Vec<usize>,
    listeners: Vec<ListenerId>,
    accepted: usize,
    connected: usize,
    /// Bytes that were not what they were to be.
    wrong: u64,
    /// Whether those that are busy begin new exchanges.
    is_busy: bool,
    /// Of the present failover: what each connection has cost, and when the last one arrived.
    costs: BTreeMap<usize, u64>,
    times: Times,
    all_moved: Option<Nanos>,
    /// The thread's processor time when the word of the cut was handled, and since.
    cpu_at_failure: Nanos,
    cpu_until_moved: Nanos,
}

/// Measures.
pub(super) fn run(options: &FailoverOptions) -> Result<Report, BenchError> {
    let cpu = thread_cpu_time();
    let mut run = Run::start(options)?;
    let say = |text: String| if options.json { eprintln!("{text}") } else { println!("{text}") };
    say(format!(
        "{} connections, {} of them with a request outstanding, handover {:?}, {} failovers",
        options.connections,
        options.busy(),
        options.handover,
        options.count
    ));
    run.connect()?;
    say(format!("all open after {} ms", run.clock.now().as_micros() / 1000));
    let mut report = Report::new(options);
    for n in 1..=options.count {
        let line = run.fail(&mut report)?;
        say(format!("{n:>5}  {line}"));
    }
    run.converse_with_all()?;
    report.wrong = run.wrong;
    report.core_seconds = (thread_cpu_time() - cpu).as_secs_f64();
    Ok(report)
}

impl<'a> Run<'a> {
    fn start(options: &'a FailoverOptions) -> Result<Self, BenchError> {
        let clock = Clock::start();
        let sockets = options.connections as usize + 16;
        let mut run = Self {
            options,
            net: Net::new(options, clock)?,
            clock,
            start: (clock.now(), sys::cycles()),
            near: Vec::new(),
            numbers: vec![usize::MAX; sockets],
            listeners: Vec::new(),
            accepted: 0,
            connected: 0,
            wrong: 0,
            is_busy: false,
            costs: BTreeMap::new(),
            times: Times::default(),
            all_moved: None,
            cpu_at_failure: Nanos::ZERO,
            cpu_until_moved: Nanos::ZERO,
        };
        run.until("the adapters", |run| run.net.near.is_up() && run.net.active().is_some())?;
        Ok(run)
    }

    /// One turn of everything.
    fn turn(&mut self) -> Result<Nanos, BenchError> {
        let now = self.net.poll_near(self.clock)?;
        self.follow_bond();
        self.net.poll_far(now);
        self.follow_near(now)?;
        self.follow_far(now)?;
        Ok(now)
    }

    fn until(
        &mut self,
        what: &str,
        mut done: impl FnMut(&mut Self) -> bool,
    ) -> Result<(), BenchError> {
        let deadline = self.clock.now() + PATIENCE;
        while !done(self) {
            if self.turn()? > deadline {
                let bond = self.net.near.bond().map(mafo::Bond::counters);
                return Err(BenchError::Failed(format!(
                    "{what}: not after {PATIENCE:?}: {bond:?}"
                )));
            }
        }
        Ok(())
    }

    /// Opens all connections.
    fn connect(&mut self) -> Result<(), BenchError> {
        let failed = |what: &dyn std::fmt::Display| BenchError::Failed(what.to_string());
        let count = self.options.connections as usize;
        for at in net::listeners(count) {
            let options = Options::on(PathChoice::Host).with_nagle(false);
            let listener = self.net.far.core_mut().listen(at, OPENS, options);
            self.listeners.push(listener.map_err(|e| failed(&e))?);
        }
        for _ in 0..SETTLING {
            self.turn()?;
        }
        while self.connected.min(self.accepted) < count {
            while self.near.len() < count.min(self.connected.min(self.accepted) + OPENS) {
                let (to, from) = net::place(self.near.len());
                let options = Options::on(PathChoice::Offload).with_nagle(false);
                let now = self.clock.now();
                let sockets = self.net.near.sockets_mut();
                let socket = sockets.connect(now, to, Some(from), options);
                let socket = socket.map_err(|e| failed(&e))?;
                self.numbers[socket.index()] = self.near.len();
                self.near.push(Near { socket, asked: 0, answered: 0, received: 0 });
            }
            self.turn()?;
            if self.clock.now() > PATIENCE {
                return Err(failed(&"connections do not open"));
            }
        }
        self.is_busy = true;
        for n in 0..self.options.busy() {
            self.ask(n)?;
        }
        Ok(())
    }

    /// Begins an exchange of connection `n`.
    fn ask(&mut self, n: usize) -> Result<(), BenchError> {
        let near = &mut self.near[n];
        near.asked += 1;
        let sent = self.net.near.sockets_mut().send(near.socket, &message(n, near.asked));
        if sent != Ok(MESSAGE) {
            return Err(BenchError::Failed(format!("connection {n} takes no request: {sent:?}")));
        }
        Ok(())
    }

    fn follow_near(&mut self, now: Nanos) -> Result<(), BenchError> {
        while let Some(event) = self.net.near.sockets_mut().poll_event() {
            let Event::Socket(id, news) = event else { continue };
            let n = self.numbers[id.index()];
            if news.contains(Readiness::ERROR) {
                return Err(BenchError::Failed(format!("connection {n} is lost")));
            }
            self.connected += usize::from(news.contains(Readiness::CONNECTED));
            if news.contains(Readiness::READABLE) {
                self.hear_answer(n)?;
            }
        }
        self.net.near.sockets_mut().kick(now);
        Ok(())
    }

    /// Takes what has come of a response; when it is whole, asks anew.
    fn hear_answer(&mut self, n: usize) -> Result<(), BenchError> {
        let mut bytes = [0; MESSAGE];
        let near = &mut self.near[n];
        let room = &mut bytes[near.received..];
        let got = match self.net.near.sockets_mut().recv(near.socket, room) {
            Ok(got) if got > 0 => got,
            Err(SocketError::WouldBlock) => return Ok(()),
            end => return Err(BenchError::Failed(format!("connection {n} ends: {end:?}"))),
        };
        let right = message(n, near.asked);
        let (at, end) = (near.received, near.received + got);
        self.wrong += u64::from(bytes[at..end] != right[at..end]);
        near.received = end % MESSAGE;
        if end == MESSAGE {
            near.answered += 1;
            if self.is_busy && n < self.options.busy() {
                self.ask(n)?;
            }
        }
        Ok(())
    }

    /// The peer: what it receives it sends back.
    fn follow_far(&mut self, now: Nanos) -> Result<(), BenchError> {
        let far = self.net.far.core_mut();
        while let Some(event) = far.poll_event() {
            match event {
                Event::Incoming(listener) => {
                    while far.accept(listener).is_some() {
                        self.accepted += 1;
                    }
                }
                Event::Socket(id, news) if news.contains(Readiness::READABLE) => {
                    echo(far, id)?;
                }
                Event::Socket(..) | Event::Arrived(..) => {}
            }
        }
        far.kick(now);
        Ok(())
    }

    fn follow_bond(&mut self) {
        while let Some((at, event)) = self.net.near.bond_mut().and_then(|bond| bond.poll_event()) {
            // The host's time stands still while it is polled; when the frame left, the clock was looked at.
            let first =
                (event == BondEvent::FirstTunnelled).then(|| self.net.first_out()).flatten();
            self.times.note(first.unwrap_or(at), &event);
            match event {
                BondEvent::Moved(id) | BondEvent::Sheltered(id) => {
                    let cost = self.net.near.bond_mut().map_or(0, |bond| bond.take_cost(id));
                    *self.costs.entry(self.numbers[id.index()]).or_default() += cost;
                }
                BondEvent::AllMoved => {
                    self.all_moved = Some(at);
                    self.cpu_until_moved = thread_cpu_time() - self.cpu_at_failure;
                }
                BondEvent::Link(_, false) => self.cpu_at_failure = thread_cpu_time(),
                _ => {}
            }
        }
    }

    /// A failover, and the way back to two good cables. What it cost, in a line.
    fn fail(&mut self, report: &mut Report) -> Result<String, BenchError> {
        let Some(active) = self.net.active() else {
            return Err(BenchError::Failed("no link is active".to_owned()));
        };
        self.take_charges();
        self.costs.clear();
        self.times = Times::new(Some(active));
        self.all_moved = None;
        self.net.watch();
        self.net.cable(active.member).set_carrier(false);
        let cut = self.clock.now();
        self.times.fault_at(cut);
        if self.options.busy() == 0 {
            // Nobody would send anything.
            self.ask(0)?;
        }
        let is_over = |run: &mut Self| {
            let bond = run.net.near.bond();
            run.times.failed_at().is_some() && bond.is_some_and(|bond| !bond.is_moving())
        };
        self.until("the handovers", is_over)?;
        self.take_charges();
        let costs = std::mem::take(&mut self.costs);
        for cycles in costs.into_values() {
            let time = self.time(cycles);
            report.cpu.record(time);
            report.cycles += cycles;
        }
        let failed = self.times.failed_at().unwrap_or(cut);
        if let Some(at) = self.all_moved {
            report.all_moved.record(at - failed);
            report.all_moved_cpu.record(self.cpu_until_moved);
        }
        report.times.add(&self.times);
        let line = report.line(&self.times, self.all_moved.map(|at| at - failed));
        self.net.cable(active.member).set_carrier(true);
        let resume = self.clock.now() + PAUSE;
        self.until("the bond", |run| {
            let ready = run.net.near.bond().is_some_and(|b| b.is_ready(run.net.near.sockets()));
            ready && run.clock.now() >= resume
        })?;
        Ok(line)
    }

    /// An exchange on every connection: all of them live, and no byte is wrong.
    fn converse_with_all(&mut self) -> Result<(), BenchError> {
        self.is_busy = false;
        let quiet = |run: &mut Self| run.near.iter().all(|near| near.answered == near.asked);
        self.until("the last exchanges", quiet)?;
        for first in (0..self.near.len()).step_by(OPENS) {
            let some = first..self.near.len().min(first + OPENS);
            for n in some.clone() {
                self.ask(n)?;
            }
            self.until("an exchange on each", |run| {
                run.near[some.clone()].iter().all(|near| near.answered == near.asked)
            })?;
        }
        Ok(())
    }

    /// What the cards have noted.
    fn take_charges(&mut self) {
        for member in [0, 1] {
            let Some(card) = self.net.near.adapter_mut(member) else { continue };
            for charge in card.take_charges() {
                let number = net::number(charge.tuple.peer_port, charge.tuple.local_port);
                if let Some(n) = number {
                    *self.costs.entry(n).or_default() += charge.cost;
                }
            }
        }
    }

    /// Cycles as a time, at the rate that the counter has had so far.
    fn time(&self, cycles: u64) -> Nanos {
        let elapsed = (self.clock.now() - self.start.0).0;
        let counted = sys::cycles().saturating_sub(self.start.1).max(1);
        Nanos((u128::from(cycles) * u128::from(elapsed) / u128::from(counted)) as u64)
    }
}

/// The peer sends back what it has received.
fn echo(far: &mut Core, id: SocketId) -> Result<(), BenchError> {
    let mut bytes = [0; MESSAGE];
    while let Ok(got) = far.recv(id, &mut bytes) {
        if got == 0 {
            return Err(BenchError::Failed("the peer sees an end".to_owned()));
        }
        let sent = far.send(id, &bytes[..got]);
        if sent != Ok(got) {
            return Err(BenchError::Failed(format!("the peer cannot answer: {sent:?}")));
        }
    }
    Ok(())
}

/// The `nth` request of connection `n`, and its response.
fn message(n: usize, nth: u64) -> [u8; MESSAGE] {
    let mut bytes = [0; MESSAGE];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = (n as u64 * 131 + nth * 31 + at as u64) as u8;
    }
    bytes
}
