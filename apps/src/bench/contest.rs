//! The turns: slices of time in which one stack works and the others stand still.

use std::time::Duration;

use mafo::Nanos;
use mafo::eal::clock::{Clock, thread_cpu_time};
use mafo::eal::lcore;
use mafo::wire::mem::{LinkConfig, MemEnd, link};

use super::app::{Application, Endpoint, Role};
use super::options::{BenchOptions, Path, Reference, Work};
use super::ours::Ours;
use super::reference::Smoltcp;
use super::report::{Report, Slice};
use super::{BenchError, Shape};

/// The shortest slice.
const SLICE: Duration = Duration::from_millis(500);
/// Slices at least.
const SLICES_MIN: u32 = 5;
/// Turns of both hosts between two looks at whether a slice is over.
const TURNS: usize = 16;
/// Polls in which a listener's request reaches its adapter and is answered: more than it takes.
const SETTLING: usize = 64;
/// Opening connections, or reading what is under way, takes no longer than this.
const PATIENCE: Nanos = Nanos::from_secs(20);

/// What the hosts' time is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// What passes.
    Real,
    /// Turns, each as long as [`TURN`]: every run does the same.
    Counted,
}

/// About what a turn of 64 exchanges takes.
const TURN: Nanos = Nanos::from_micros(20);

impl Pace {
    fn of(options: &BenchOptions) -> Self {
        if options.ops.is_some() { Self::Counted } else { Self::Real }
    }

    fn start(self) -> Watch {
        Watch { clock: (self == Self::Real).then(Clock::start), counted: Nanos::ZERO }
    }
}

/// Time since it was started.
struct Watch {
    clock: Option<Clock>,
    counted: Nanos,
}

impl Watch {
    /// The time, which is a turn later than it was if turns are counted.
    fn now(&mut self) -> Nanos {
        match &self.clock {
            Some(clock) => clock.now(),
            None => {
                self.counted += TURN;
                self.counted
            }
        }
    }
}

/// A stack's two hosts.
struct Contestant<E> {
    ends: [(E, Application); 2],
    work: Work,
    /// The hosts' time, which stands still while others have their turn: no timer of theirs runs out.
    now: Nanos,
    pace: Pace,
}

/// A stack that gets its turns.
trait Turns {
    /// Works for at least `length`.
    fn slice(&mut self, length: Duration) -> Result<Slice, BenchError>;

    /// Works until so many units are done, or a few more.
    fn work(&mut self, units: u64) -> Result<(), BenchError>;

    /// Units of work done since the beginning.
    fn done(&self) -> u64;

    /// Begins no more work, lets what is under way arrive, and compares the sums of both ends.
    fn finish(&mut self) -> Result<(), BenchError>;
}

impl<E: Endpoint> Contestant<E> {
    /// `ends` are the client's and the server's, with all connections open at `now` unless the work opens them.
    fn new(
        options: &BenchOptions,
        shape: &Shape,
        ends: [E; 2],
        now: Nanos,
    ) -> Result<Self, BenchError> {
        let mut roles = [Role::Client, Role::Server].into_iter();
        let ends = ends.map(|end| {
            let role = roles.next().expect("two ends");
            (end, Application::new(shape.work, role, shape.size, shape.connections))
        });
        let pace = Pace::of(options);
        let mut contestant = Self { ends, work: shape.work, now, pace };
        #[cfg(debug_assertions)]
        if options.r#break == Some(super::options::Break::Sum) {
            contestant.ends[0].1.spoil();
        }
        let (end, application) = &mut contestant.ends[0];
        application.begin(now, end)?;
        Ok(contestant)
    }

    /// One turn of either end.
    fn turn(&mut self, now: Nanos) -> Result<(), BenchError> {
        for (end, application) in &mut self.ends {
            end.poll(now)?;
            application.turn(now, end)?;
            end.flush(now);
        }
        Ok(())
    }
}

impl<E: Endpoint> Turns for Contestant<E> {
    fn done(&self) -> u64 {
        let [(_, client), (_, server)] = &self.ends;
        match self.work {
            Work::Rpc | Work::Cps => client.done(),
            Work::Bulk => server.done(),
        }
    }

    fn slice(&mut self, length: Duration) -> Result<Slice, BenchError> {
        let length = Nanos(length.as_nanos() as u64);
        let (done, began) = (self.done(), self.now);
        let (clock, cpu) = (Clock::start(), thread_cpu_time());
        while self.now - began < length {
            for _ in 0..TURNS {
                self.now = began + clock.now();
                self.turn(self.now)?;
            }
        }
        Ok(Slice { done: self.done() - done, cpu: thread_cpu_time() - cpu })
    }

    fn work(&mut self, units: u64) -> Result<(), BenchError> {
        let (wanted, began, mut watch) = (self.done() + units, self.now, self.pace.start());
        while self.done() < wanted {
            self.now = began + watch.now();
            self.turn(self.now)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), BenchError> {
        let [(_, client), (_, server)] = &mut self.ends;
        client.stop();
        server.stop();
        let (began, mut watch) = (self.now, self.pace.start());
        loop {
            let [(_, client), (_, server)] = &self.ends;
            if client.has_all_of(server) && server.has_all_of(client) {
                let wrong = client.wrong_sums(server) + server.wrong_sums(client);
                return if wrong == 0 {
                    Ok(())
                } else {
                    Err(BenchError::Failed(format!(
                        "the sums of what was written and of what was read differ on {wrong} streams"
                    )))
                };
            }
            let passed = watch.now();
            if passed > PATIENCE {
                return Err(BenchError::Failed(
                    "what was written has not arrived, or connections have not ended".to_owned(),
                ));
            }
            self.now = began + passed;
            self.turn(self.now)?;
        }
    }
}

/// The link that every stack gets: it copies whole frames of at most the MTU and an Ethernet header.
fn wire(shape: &Shape) -> (MemEnd, MemEnd) {
    link(&LinkConfig { mtu: shape.mtu.into(), ..LinkConfig::default() })
}

/// Turns of both hosts until `open` says that all is open.
fn open<E: Endpoint>(
    ends: &mut [E; 2],
    (pace, now): (Pace, &mut Nanos),
    what: &str,
    mut open: impl FnMut(&mut [E; 2], Nanos) -> Result<bool, BenchError>,
) -> Result<(), BenchError> {
    let (mut watch, began) = (pace.start(), *now);
    while !open(ends, *now)? {
        let passed = watch.now();
        if passed > PATIENCE {
            return Err(BenchError::Failed(format!("{what} did not come up")));
        }
        *now = began + passed;
        for end in ends.iter_mut() {
            end.poll(*now)?;
            end.flush(*now);
        }
    }
    Ok(())
}

/// mafo's two hosts, connected. `protect`: their adapters acknowledge only what they have told.
fn ours(
    options: &BenchOptions,
    shape: &Shape,
    protect: bool,
) -> Result<Box<dyn Turns>, BenchError> {
    let (a, b) = wire(shape);
    let end = |role, wire| Ours::new((options.path, protect), role, shape, wire);
    let mut ends = [end(Role::Client, a)?, end(Role::Server, b)?];
    let (pace, mut now) = (Pace::of(options), Nanos::ZERO);
    open(&mut ends, (pace, &mut now), "mafo", |ends, _| Ok(ends.iter().all(Ours::is_up)))?;
    // The server first: it has to listen, in its adapter too, when the client asks.
    let [client, server] = &mut ends;
    server.open(now)?;
    for _ in 0..SETTLING {
        server.poll(now)?;
        server.flush(now);
    }
    client.open(now)?;
    open(&mut ends, (pace, &mut now), "connections", |[client, server], _| {
        Ok(client.is_open()? & server.is_open()?)
    })?;
    Ok(Box::new(Contestant::new(options, shape, ends, now)?))
}

/// smoltcp's two hosts, connected.
fn smoltcp(options: &BenchOptions, shape: &Shape) -> Result<Box<dyn Turns>, BenchError> {
    let (a, b) = wire(shape);
    let mut ends = [Smoltcp::new(Role::Client, shape, a), Smoltcp::new(Role::Server, shape, b)];
    let mut now = Nanos::ZERO;
    for end in ends.iter_mut().rev() {
        end.open()?;
    }
    open(&mut ends, (Pace::of(options), &mut now), "smoltcp's connections", |ends, _| {
        Ok(ends.iter().all(Smoltcp::are_open))
    })?;
    Ok(Box::new(Contestant::new(options, shape, ends, now)?))
}

/// How many slices, and how long each is.
fn slices(options: &BenchOptions) -> (u32, Duration) {
    let all = Duration::from_secs_f64(options.seconds);
    let count = ((all.as_nanos() / SLICE.as_nanos()) as u32).max(SLICES_MIN);
    #[cfg(debug_assertions)]
    if let Some(ms) = options.slice_ms {
        return (SLICES_MIN, Duration::from_millis(ms));
    }
    (count, all / count)
}

/// Puts the thread on one core and keeps it there.
pub(super) fn take_a_core() -> Result<usize, BenchError> {
    let cores = lcore::offered();
    let core = *cores
        .last()
        .ok_or_else(|| BenchError::CannotRun("the system names no core to run on".to_owned()))?;
    lcore::pin(core).map_err(|e| BenchError::CannotRun(e.to_string()))?;
    Ok(core)
}

/// Does `ops` operations and no more, for whoever counts what they cost; what was done.
pub(super) fn count(options: &BenchOptions, ops: u64) -> Result<String, BenchError> {
    if options.protected().1 {
        let why = "--ops does the work of one: --protect is on or off then, not both";
        return Err(BenchError::CannotRun(why.to_owned()));
    }
    let shape = shape(options)?;
    let each = match shape.work {
        Work::Rpc | Work::Cps => 1,
        Work::Bulk => shape.size as u64,
    };
    let mut one = match options.vs {
        Some(Reference::Smoltcp) => smoltcp(options, &shape)?,
        None => ours(options, &shape, options.protected().0)?,
    };
    one.work(ops * each)?;
    one.finish()?;
    let done = one.done() / each;
    Ok(if options.json { format!("{{\"ops\":{done}}}\n") } else { format!("{done} operations\n") })
}

/// What the options ask for, if that can be.
fn shape(options: &BenchOptions) -> Result<Shape, BenchError> {
    if options.path == Path::Host && !options.protect.is_empty() {
        let why = "--protect is about what adapters acknowledge: with --path host there is none";
        return Err(BenchError::CannotRun(why.to_owned()));
    }
    Shape::of(options)
}

/// Measures.
pub(super) fn run(options: &BenchOptions) -> Result<Report, BenchError> {
    let shape = shape(options)?;
    let core = take_a_core()?;
    let mut report = Report::new(options, &shape);
    let say = |text: String| if options.json { eprintln!("{text}") } else { println!("{text}") };
    let (count, length) = slices(options);
    say(report.heading(core, count, length));
    let (protect, both) = options.protected();
    let unprotected = both.then(|| ours(options, &shape, false)).transpose()?;
    let reference = options.vs.map(|_| smoltcp(options, &shape)).transpose()?;
    let mut all = [Some(ours(options, &shape, protect)?), unprotected, reference];
    // Once in vain: caches fill, windows open.
    for one in all.iter_mut().flatten() {
        one.slice(length / 2)?;
    }
    for n in 1..=count {
        let mut slices = [None; 3];
        for (slice, one) in slices.iter_mut().zip(&mut all) {
            *slice = one.as_mut().map(|one| one.slice(length)).transpose()?;
        }
        say(report.add(n, slices));
    }
    for one in all.iter_mut().flatten() {
        one.finish()?;
    }
    Ok(report)
}
