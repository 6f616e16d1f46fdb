//! The turns: slices of time in which one stack works and the others stand still.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mafo::Nanos;
use mafo::eal::clock::{Clock, thread_cpu_time};
use mafo::eal::lcore;
use mafo::failover::Distribution;
use mafo::wire::impair::{Impairments, Probability};
use mafo::wire::mem::{LinkConfig, link};
use mafo::wire::{Impaired, ImpairedConfig, Wire};

use super::app::{Application, Copies, Endpoint, Role};
use super::cards::CardCore;
use super::figures::{Counts, Figures, Slice, own_cycles};
use super::kernel::{Linux, World};
use super::options::{BenchOptions, Path, Reference, Work};
use super::ours::Ours;
use super::page;
use super::reference::Smoltcp;
use super::report::{KERNEL, OURS, Report, SMOLTCP, STACKS, UNPROTECTED};
use super::tally::{Counted, Tally};
use super::turns::{self, Pace, SLICE};
use super::{BenchError, Shape};
use crate::sys;
use crate::tell::TellOptions;

/// Turns of both hosts between two looks at whether a slice is over.
const TURNS: usize = 16;
/// Polls in which a listener's request reaches its adapter and is answered: more than it takes.
const SETTLING: usize = 64;
/// Opening connections, be they a million, or reading what is under way, takes no longer than this.
pub(super) const PATIENCE: Nanos = Nanos::from_secs(120);

/// About what a turn of 64 exchanges takes.
const TURN: Nanos = Nanos::from_micros(20);

/// What the hosts' time is made of.
fn pace(options: &BenchOptions) -> Pace {
    Pace::of(options.ops, TURN)
}

/// A stack's two hosts.
struct Contestant<E> {
    ends: [(E, Application); 2],
    work: Work,
    /// What each end has sent.
    tallies: Vec<Tally>,
    /// The hosts' time, which stands still while others have their turn: no timer of theirs runs out.
    now: Nanos,
    pace: Pace,
    /// Who goes on until all have ended.
    crowd: Option<Arc<Crowd>>,
}

/// What workers wait for each other with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Listeners have been asked for.
    Listening,
    /// Adapters know of them.
    Settled,
    /// All connections are open.
    Open,
    /// All that was written has been read.
    Through,
}

/// Workers of whom each may have something that the others cannot do without: ARP of all comes to the first, which may also have
/// the cards. So nobody stops taking turns before all have come as far.
#[derive(Debug)]
pub(super) struct Crowd {
    missing: [AtomicUsize; 4],
}

impl Crowd {
    pub(super) fn new(workers: usize) -> Arc<Self> {
        Arc::new(Self { missing: [const { AtomicUsize::new(0) }; 4].map(|_| workers.into()) })
    }

    /// One more has come so far. Once each.
    fn arrive(&self, step: Step) {
        self.missing[step as usize].fetch_sub(1, Ordering::AcqRel);
    }

    /// Whether all have.
    fn is_complete(&self, step: Step) -> bool {
        self.missing[step as usize].load(Ordering::Acquire) == 0
    }
}

/// A stack that gets its turns.
pub(super) trait Turns {
    /// Works for at least `length`.
    fn slice(&mut self, length: Duration) -> Result<Slice, BenchError>;

    /// Works until so many units are done, or a few more.
    fn work(&mut self, units: u64) -> Result<(), BenchError>;

    /// Units of work done since the beginning.
    fn done(&self) -> u64;

    /// Begins no more work, lets what is under way arrive, and says whether every byte came as it was written.
    fn finish(&mut self) -> Result<(), BenchError>;
}

/// The two hosts of a stack, and what is known of them.
struct Pair<E> {
    /// The client's and the server's, with all connections open at `now` unless the work opens them.
    ends: [E; 2],
    tallies: Vec<Tally>,
    now: Nanos,
}

impl<E: Endpoint> Contestant<E> {
    fn new(options: &BenchOptions, shape: &Shape, pair: Pair<E>) -> Result<Self, BenchError> {
        Self::with(options, shape, pair, |_| {})
    }

    /// With the client's application told something before it begins.
    fn with(
        options: &BenchOptions,
        shape: &Shape,
        pair: Pair<E>,
        tell: impl FnOnce(&mut Application),
    ) -> Result<Self, BenchError> {
        let Pair { ends, tallies, now } = pair;
        let mut roles = [Role::Client, Role::Server].into_iter();
        let ends = ends.map(|end| {
            let role = roles.next().expect("two ends");
            (end, Application::new(shape, role))
        });
        let pace = if shape.held { Pace::Worked } else { pace(options) };
        let mut contestant = Self { ends, work: shape.work, tallies, now, pace, crowd: None };
        #[cfg(debug_assertions)]
        if options.hooks.spoils() {
            contestant.ends[0].1.spoil();
        }
        tell(&mut contestant.ends[0].1);
        for (end, application) in &mut contestant.ends {
            application.begin(now, end)?;
        }
        Ok(contestant)
    }

    /// One turn of either end.
    fn turn(&mut self, now: Nanos) -> Result<(), BenchError> {
        if self.work == Work::Bulk {
            let [(_, client), (_, server)] = &mut self.ends;
            client.note_arrivals(now, server);
            server.note_arrivals(now, client);
        }
        for (end, application) in &mut self.ends {
            end.poll(now)?;
            application.turn(now, end)?;
            end.flush(now);
        }
        Ok(())
    }

    /// What was counted since the beginning.
    fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for tally in &self.tallies {
            let passed = tally.passed();
            counts.frames += passed.frames;
            counts.bursts += passed.bursts;
            counts.copied += passed.bytes;
        }
        for (end, application) in &self.ends {
            let (sent, received) = application.bytes();
            let Copies { out, into, by_adapters, doorbells } = end.copies();
            counts.copied += sent * out + received * into + by_adapters;
            counts.doorbells += doorbells;
        }
        counts
    }

    fn take_times(&mut self) -> Distribution {
        let mut times = Distribution::default();
        for (_, application) in &mut self.ends {
            times.add(&application.take_times());
        }
        times
    }
}

impl<E: Endpoint> Turns for Contestant<E> {
    fn done(&self) -> u64 {
        let [(_, client), (_, server)] = &self.ends;
        match self.work {
            Work::Rpc | Work::Cps => client.done(),
            Work::Bulk => client.done() + server.done(),
        }
    }

    fn slice(&mut self, length: Duration) -> Result<Slice, BenchError> {
        let length = Nanos(length.as_nanos() as u64);
        let (done, began, counts) = (self.done(), self.now, self.counts());
        self.take_times();
        let mut watch = self.pace.start();
        let (clock, cycles, cpu) = (Clock::start(), sys::cycles(), thread_cpu_time());
        while self.now - began < length {
            for _ in 0..TURNS {
                self.now = began + watch.now();
                self.turn(self.now)?;
            }
        }
        let cpu = thread_cpu_time() - cpu;
        let (cycles, time) = (sys::cycles() - cycles, clock.now());
        // What the counter counted while the thread was at work.
        let cycles = own_cycles(cycles, cpu, time) as u64;
        Ok(Slice {
            done: self.done() - done,
            cpu,
            cycles,
            counts: self.counts() - counts,
            times: self.take_times(),
        })
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
        let mut has_arrived = false;
        loop {
            let [(_, client), (_, server)] = &self.ends;
            let passed = watch.now();
            let mut is_through = client.has_all_of(server) && server.has_all_of(client);
            if let Some(crowd) = self.crowd.as_ref().filter(|_| is_through) {
                if !core::mem::replace(&mut has_arrived, true) {
                    crowd.arrive(Step::Through);
                }
                is_through = crowd.is_complete(Step::Through);
            }
            if is_through || passed > PATIENCE {
                return compare(client, server);
            }
            self.now = began + passed;
            self.turn(self.now)?;
        }
    }
}

/// Whether all that was written was read, as it was written, after a last wait for it.
pub(super) fn compare(client: &Application, server: &Application) -> Result<(), BenchError> {
    if !(client.has_all_of(server) && server.has_all_of(client)) {
        let why = "what was written has not arrived, or connections have not ended";
        return Err(BenchError::Failed(why.to_owned()));
    }
    match client.wrong() + server.wrong() {
        0 => Ok(()),
        wrong => {
            let why = format!("on {wrong} streams other bytes were read than were written");
            Err(BenchError::Failed(why))
        }
    }
}

/// The link that every stack gets: it copies whole frames of at most the MTU and an Ethernet header.
pub(super) fn link_config(shape: &Shape) -> LinkConfig {
    let usual = LinkConfig::default();
    // Acknowledgements that were delayed on many connections leave together.
    let queue_frames = usual.queue_frames * if shape.held { 4 } else { 1 };
    LinkConfig { mtu: shape.mtu.into(), queue_frames, ..usual }
}

/// The end of `wire` at which `role` sends, with the losses that are asked for.
pub(super) fn cable(wire: impl Wire + 'static, shape: &Shape, role: Role) -> Box<dyn Wire> {
    if shape.loss == Probability::NEVER {
        return Box::new(wire);
    }
    let tx = Impairments { loss: shape.loss, ..Impairments::NONE };
    // The same frames of each run, and others of either direction.
    let seed = if role == Role::Client { 1 } else { 2 };
    let mtu = shape.mtu.into();
    Box::new(Impaired::new(wire, &ImpairedConfig { mtu, tx, seed, ..ImpairedConfig::default() }))
}

/// A link, and what each end has sent.
pub(super) fn wire(shape: &Shape) -> ([Counted<Box<dyn Wire>>; 2], Vec<Tally>) {
    let (a, b) = link(&link_config(shape));
    let (a, first) = Counted::new(cable(a, shape, Role::Client));
    let (b, second) = Counted::new(cable(b, shape, Role::Server));
    ([a, b], vec![first, second])
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
pub(super) fn ours(
    options: &BenchOptions,
    shape: &Shape,
    protect: bool,
    cards: Option<&CardCore>,
) -> Result<Box<dyn Turns>, BenchError> {
    let (pair, _) = our_pair(options, shape, protect, cards)?;
    Ok(Box::new(Contestant::new(options, shape, pair)?))
}

/// Connections of ours that are open and that nobody has used.
pub(super) struct Held {
    pair: Pair<Ours>,
    shape: Shape,
    /// How long it took to open them, by the clock and of processor time.
    pub(super) standing: [Nanos; 2],
}

impl Held {
    pub(super) fn open(options: &BenchOptions) -> Result<Self, BenchError> {
        let shape = Shape { held: true, ..Shape::of(options)? };
        let (pair, standing) = our_pair(options, &shape, true, None)?;
        Ok(Self { pair, shape, standing })
    }

    /// Bytes that both ends take: of hosts, of adapters, of buffers for payload, and of the bench itself.
    pub(super) fn footprint(&self) -> [usize; 4] {
        let mut all = [0; 4];
        for end in &self.pair.ends {
            let (host, card, payload) = end.footprint();
            for (sum, more) in all.iter_mut().zip([host, card, payload, end.own_footprint()]) {
                *sum += more;
            }
        }
        all
    }

    /// Exchanges, and what they take: on all connections in turn, and on the first `window` of them. As many are outstanding
    /// each time.
    pub(super) fn figures(
        self,
        options: &BenchOptions,
        window: usize,
    ) -> Result<[Figures; 2], BenchError> {
        let Self { pair, shape, .. } = self;
        let (count, length) = slices(options);
        let lens = [shape.connections, window];
        let mut contestant = Contestant::with(options, &shape, pair, |application| {
            application.walk(shape.connections, window);
        })?;
        let mut figures = [Figures::default(), Figures::default()];
        // Once in vain.
        for n in 0..=count {
            for (figures, len) in figures.iter_mut().zip(lens) {
                contestant.ends[0].1.walk(len, window);
                let slice = contestant.slice(length)?;
                if n > 0 {
                    figures.add(slice.done as f64 / slice.cpu.as_secs_f64(), &[slice]);
                }
            }
        }
        contestant.finish()?;
        Ok(figures)
    }
}

/// The same, before they have applications; and how long it took to open the connections.
fn our_pair(
    options: &BenchOptions,
    shape: &Shape,
    protect: bool,
    cards: Option<&CardCore>,
) -> Result<(Pair<Ours>, [Nanos; 2]), BenchError> {
    let ([a, b], tallies) = wire(shape);
    let end = |role, wire| Ours::new((options.path, protect), role, shape, (wire, None));
    let mut ends = [end(Role::Client, a)?, end(Role::Server, b)?];
    if let Some(core) = cards {
        let [client, server] = &mut ends;
        client.part_with_cards(server, core)?;
    }
    // What is measured beside it tells nobody.
    let tell = (protect == options.protected().0).then_some(&options.tell);
    connected_pair(options, (ends, tallies), &Crowd::new(1), tell)
}

/// Two hosts of mafo's, or what an lcore has of them, that connect now, as all of the crowd do.
pub(super) fn connected(
    options: &BenchOptions,
    shape: &Shape,
    ends: ([Ours; 2], Vec<Tally>),
    crowd: Arc<Crowd>,
) -> Result<Box<dyn Turns>, BenchError> {
    if options.tell.is_wanted() {
        let why = "--telemetry and --metrics are for one core: with several nobody tells";
        return Err(BenchError::CannotRun(why.to_owned()));
    }
    let (pair, _) = connected_pair(options, ends, &crowd, None)?;
    let contestant = Contestant::new(options, shape, pair)?;
    Ok(Box::new(Contestant { crowd: Some(crowd), ..contestant }))
}

fn connected_pair(
    options: &BenchOptions,
    (mut ends, tallies): ([Ours; 2], Vec<Tally>),
    crowd: &Crowd,
    tell: Option<&TellOptions>,
) -> Result<(Pair<Ours>, [Nanos; 2]), BenchError> {
    let (pace, mut now) = (pace(options), Nanos::ZERO);
    open(&mut ends, (pace, &mut now), "mafo", |ends, _| Ok(ends.iter().all(Ours::is_up)))?;
    // The server first: it has to listen, in its adapter too, when the client asks.
    if let Some(tell) = tell {
        Ours::tell(&mut ends, tell)?;
    }
    let [_, server] = &mut ends;
    server.open(now)?;
    for step in [Step::Listening, Step::Settled] {
        crowd.arrive(step);
        let mut turns = 0;
        open(&mut ends, (pace, &mut now), "other lcores", |_, _| {
            turns += 1;
            Ok(turns > SETTLING && crowd.is_complete(step))
        })?;
    }
    let [client, _] = &mut ends;
    client.open(now)?;
    let (began, cpu) = (Clock::start(), thread_cpu_time());
    let mut has_arrived = false;
    open(&mut ends, (pace, &mut now), "connections", |[client, server], now| {
        let is_open = client.is_open(now)? & server.is_open(now)?;
        if is_open && !core::mem::replace(&mut has_arrived, true) {
            crowd.arrive(Step::Open);
        }
        Ok(is_open && crowd.is_complete(Step::Open))
    })?;
    Ok((Pair { ends, tallies, now }, [began.now(), thread_cpu_time() - cpu]))
}

/// smoltcp's two hosts, connected.
fn smoltcp(options: &BenchOptions, shape: &Shape) -> Result<Box<dyn Turns>, BenchError> {
    let ([a, b], tallies) = wire(shape);
    let mut ends = [Smoltcp::new(Role::Client, shape, a), Smoltcp::new(Role::Server, shape, b)];
    let mut now = Nanos::ZERO;
    for end in ends.iter_mut().rev() {
        end.open()?;
    }
    open(&mut ends, (pace(options), &mut now), "smoltcp's connections", |ends, _| {
        Ok(ends.iter().all(Smoltcp::are_open))
    })?;
    let pair = Pair { ends, tallies, now };
    Ok(Box::new(Contestant::new(options, shape, pair)?))
}

/// How many slices, and how long each is.
pub(super) fn slices(options: &BenchOptions) -> (u32, Duration) {
    turns::slices(Duration::from_secs_f64(options.seconds), SLICE, options.hooks)
}

/// Puts the thread on one core, `wanted` or the last, and keeps it there.
pub(super) fn take_a_core(wanted: Option<usize>) -> Result<usize, BenchError> {
    let core = wanted
        .or_else(|| lcore::offered().last().copied())
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
    if let Some(core) = super::lcores::take_cores(&options.lcores)?.first() {
        take_a_core(Some(*core))?;
    }
    let each = match shape.work {
        Work::Rpc | Work::Cps => 1,
        Work::Bulk => shape.size as u64,
    };
    let mut one = match options.vs[..] {
        [Reference::Smoltcp] => smoltcp(options, &shape)?,
        [] => ours(options, &shape, options.protected().0, None)?,
        [..] => {
            let why = "--ops does the work of one, in a time of its own: ours, or --vs smoltcp";
            return Err(BenchError::CannotRun(why.to_owned()));
        }
    };
    one.work(ops * each)?;
    one.finish()?;
    let done = one.done() / each;
    Ok(if options.json { format!("{{\"ops\":{done}}}\n") } else { format!("{done} operations\n") })
}

/// What the options ask for, if that can be.
pub(super) fn shape(options: &BenchOptions) -> Result<Shape, BenchError> {
    if options.loss > 0.0 && options.vs.contains(&Reference::Kernel) {
        let why = "--loss is of the memory link, which Linux does not have: --vs smoltcp";
        return Err(BenchError::CannotRun(why.to_owned()));
    }
    if options.path == Path::Host && !options.protect.is_empty() {
        let why = "--protect is about what adapters acknowledge: with --path host there is none";
        return Err(BenchError::CannotRun(why.to_owned()));
    }
    if options.asic_core.is_some() {
        check_asic_core(options)?;
    }
    if options.one_card {
        check_one_card(options)?;
    }
    Shape::of(options)
}

fn check_one_card(options: &BenchOptions) -> Result<(), BenchError> {
    let why = if options.path == Path::Host {
        "--one-card is about adapters: with --path host there are none"
    } else if options.lcores.len() < 2 {
        "--one-card is what several lcores share: name several cores to -l"
    } else {
        return Ok(());
    };
    Err(BenchError::CannotRun(why.to_owned()))
}

fn check_asic_core(options: &BenchOptions) -> Result<(), BenchError> {
    let why = if options.path == Path::Host {
        "--asic-core is where adapters work: with --path host there are none"
    } else if options.lcores.len() > 1 && !options.one_card {
        "--asic-core is beside one core of hosts: with several of -l each has its adapters with it, but for --one-card"
    } else if options.protected().1 {
        "--asic-core polls the adapters of one pair of hosts: --protect is on or off then, not both"
    } else {
        return Ok(());
    };
    Err(BenchError::CannotRun(why.to_owned()))
}

/// Every stack that is asked for, by its place in a report.
pub(super) type All = [Option<Box<dyn Turns>>; STACKS];

/// Whose work is asked for.
pub(super) fn wanted(options: &BenchOptions) -> [bool; STACKS] {
    let mut wanted = [false; STACKS];
    wanted[OURS] = true;
    wanted[UNPROTECTED] = options.protected().1;
    wanted[SMOLTCP] = options.vs.contains(&Reference::Smoltcp);
    wanted[KERNEL] = options.vs.contains(&Reference::Kernel);
    wanted
}

/// What stacks need beside the core that they all share.
#[derive(Clone, Copy)]
pub(super) struct Places<'a> {
    /// Linux's namespaces, if it is asked for.
    pub(super) world: Option<&'a World>,
    /// The core.
    pub(super) core: usize,
    /// Who polls our cards, if that is another.
    pub(super) cards: Option<&'a CardCore>,
}

/// The stack of place `at`, connected; `pair` tells those of one run apart.
pub(super) fn stack(
    at: usize,
    options: &BenchOptions,
    shape: &Shape,
    places: Places<'_>,
    pair: u16,
) -> Result<Box<dyn Turns>, BenchError> {
    match at {
        SMOLTCP => smoltcp(options, shape),
        KERNEL => {
            let nowhere = || BenchError::Failed("no namespaces".to_owned());
            let world = places.world.ok_or_else(nowhere)?;
            Ok(Box::new(Linux::new(options, shape, (world, places.core), pair)?))
        }
        _ => ours(options, shape, at == OURS && options.protected().0, places.cards),
    }
}

/// All of `wanted`, connected.
pub(super) fn stacks(
    wanted: [bool; STACKS],
    options: &BenchOptions,
    shape: &Shape,
    places: Places<'_>,
    pair: u16,
) -> Result<All, BenchError> {
    let mut all: All = Default::default();
    for at in (0..STACKS).filter(|&at| wanted[at]) {
        all[at] = Some(stack(at, options, shape, places, pair)?);
    }
    Ok(all)
}

/// Measures.
pub(super) fn run(options: &BenchOptions) -> Result<Report, BenchError> {
    let shape = shape(options)?;
    let wished = super::lcores::take_cores(&options.lcores)?.first().copied();
    let cards =
        options.asic_core.map(|core| CardCore::take(core, wished.as_slice())).transpose()?;
    let core = take_a_core(wished)?;
    let page = page::create(options)?;
    let mut report = Report::new(options, &shape, &[core]);
    let say = |text: String| if options.json { eprintln!("{text}") } else { println!("{text}") };
    let (count, length) = slices(options);
    let wanted = wanted(options);
    let world = wanted[KERNEL].then(|| World::new(shape.mtu)).transpose()?;
    let places = Places { world: world.as_ref(), core, cards: cards.as_ref() };
    let heading = report.heading(count, length);
    say(heading.clone());
    let mut many = stacks(wanted, options, &shape, places, 0)?;
    // Once in vain: caches fill, windows open.
    for one in many.iter_mut().flatten() {
        one.slice(length / 2)?;
    }
    for n in 1..=count {
        let mut slices: [Option<Slice>; STACKS] = Default::default();
        for (slice, one) in slices.iter_mut().zip(&mut many) {
            *slice = one.as_mut().map(|one| one.slice(length)).transpose()?;
        }
        say(report.add(n, slices));
    }
    finish(many)?;
    let mut single = stacks(wanted, options, &one_request(&shape), places, 1)?;
    for (at, one) in single.iter_mut().enumerate() {
        let Some(one) = one else { continue };
        one.slice(length / 4)?;
        report.add_single(at, one.slice(length)?.times);
    }
    finish(single)?;
    page::write(page, &report, &heading)?;
    Ok(report)
}

/// One request at a time, on the link and of the size of `shape`: what a rate has been bought with shows here.
pub(super) fn one_request(shape: &Shape) -> Shape {
    let size = if shape.work == Work::Bulk { 64 } else { shape.size };
    Shape { work: Work::Rpc, connections: 1, size, ..*shape }
}

fn finish(mut all: All) -> Result<(), BenchError> {
    all.iter_mut().flatten().try_for_each(|one| one.finish())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use mafo::FrameBurst;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: BenchOptions,
    }

    /// Of 10,000 frames those that arrive, each with its number.
    fn arrived(loss: &str, role: Role) -> Vec<u8> {
        let options = Line::parse_from(["bench", "bulk", "--loss", loss]).options;
        let shape = Shape::of(&options).expect("work");
        let (a, mut b) = link(&link_config(&shape));
        let mut a = cable(a, &shape, role);
        let (mut burst, mut all) = (FrameBurst::new(10, 2048), Vec::new());
        for turn in 0..1000_usize {
            burst.clear();
            for n in 0..10 {
                let frame = burst.spare().expect("room");
                frame.set_len(60);
                frame.as_mut_slice()[0] = (10 * turn + n) as u8;
                burst.commit();
            }
            assert_eq!(a.tx_burst(Nanos::ZERO, burst.frames()), 10);
            burst.clear();
            b.rx_burst(Nanos::ZERO, &mut burst);
            all.extend(burst.frames().iter().map(|frame| frame.as_slice()[0]));
        }
        all
    }

    #[test]
    fn so_many_frames_are_lost_and_the_same_ones_each_time() {
        assert_eq!(arrived("0", Role::Client).len(), 10_000);
        let some = arrived("0.1", Role::Client);
        // Five standard deviations of a binomial distribution: 150.
        assert!((8_850..=9_150).contains(&some.len()), "{}", some.len());
        assert_eq!(arrived("0.1", Role::Client), some);
        assert_ne!(arrived("0.1", Role::Server), some, "others the other way");
    }
}
