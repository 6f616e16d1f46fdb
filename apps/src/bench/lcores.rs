//! Several lcores: a worker a core, each with the shards of both hosts that talk to each other.
//!
//! ```text
//!   core 0   client shard 0 ══ ring ══ server shard 0      frames go between shards of one number, but for ARP,
//!                           ╲ rings ╱                      which the first ones hear and pass on
//!   core 1   client shard 1 ══ ring ══ server shard 1
//! ```
//!
//! With adapters each lcore of a host has software ones of its own, behind the same cable and with the same addresses; or all
//! share one (`--one-card`), behind an ordinary cable, which the first worker polls, or another core (`--asic-core`).
//!
//! Beside them the first core has both hosts whole, with all connections, and they take turns: what several lcores
//! bring together, through what one brings alone, is measured in one run. So are other stacks, with all connections, on the
//! first core as well.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use mafo::Shard;
use mafo::eal::lcore;
use mafo::wire::multiqueue::{QueueEnd, link};

use super::app::Role;
use super::cards::CardCore;
use super::contest::{self, All, Crowd, Places, Turns};
use super::figures::Slice;
use super::kernel::World;
use super::options::BenchOptions;
use super::ours::Ours;
use super::page;
use super::report::{KERNEL, OURS, Report, STACKS, share_of};
use super::tally::{Counted, Tally};
use super::turns::Hooks;
use super::{BenchError, Shape};

/// What a worker is told to do.
#[derive(Clone, Copy, Debug)]
enum Order {
    /// Its share of the connections, as all others do theirs.
    Share(Duration),
    /// All connections, while the others rest.
    All(Duration),
    /// The same, by the stack of this place in a report.
    Reference(usize, Duration),
    /// A connection of such a stack that is alone, with one request at a time, while the others rest.
    One(usize, Duration),
    /// To begin no more work and to say whether all came as it was written.
    Finish,
}

/// What came of it: a slice, or nothing when there is none.
type Answer = Result<Option<Slice>, BenchError>;

/// Who has turns on a worker's core.
struct Contests {
    share: Box<dyn Turns>,
    /// All connections, where the worker does them.
    all: Option<Box<dyn Turns>>,
    references: All,
    world: Option<World>,
}

/// What a worker begins with.
struct Worker {
    lcore: usize,
    core: usize,
    /// What it has of both hosts.
    ends: Ends,
    options: BenchOptions,
    /// With its share of the connections.
    share: Shape,
    /// With all, at the worker that does them, beside the references.
    all: Option<Shape>,
    crowd: Arc<Crowd>,
}

/// What a worker has of the client and of the server.
enum Ends {
    /// A lane of the link, to which it plugs its own adapters or ports.
    Lanes(Box<[(QueueEnd, Shard); 2]>),
    /// Queues of adapters that all share, and what passes on the link, for the first.
    Shared(Box<[Ours; 2]>, Vec<Tally>),
}

impl Worker {
    /// Runs until nobody has orders any more.
    fn run(self, orders: &Receiver<Order>, answers: &Sender<(usize, Answer)>) {
        let (lcore, core) = (self.lcore, self.core);
        let answer = |answer| answers.send((lcore, answer)).is_ok();
        let one = contest::one_request(&self.share);
        // What is broken on purpose is to be found where all work.
        let options = BenchOptions { hooks: Hooks::default(), ..self.options.clone() };
        let Contests { mut share, mut all, mut references, world } = match self.open() {
            Ok(contests) => contests,
            Err(error) => {
                answer(Err(error));
                return;
            }
        };
        let mut go_on = answer(Ok(None));
        while let Ok(order) = orders.recv()
            && go_on
        {
            go_on = answer(match order {
                Order::Share(length) => share.slice(length).map(Some),
                Order::All(length) => all.as_mut().map(|all| all.slice(length)).transpose(),
                Order::Reference(at, length) => {
                    references[at].as_mut().map(|one| one.slice(length)).transpose()
                }
                Order::One(at, length) => contest::stack(
                    at,
                    &options,
                    &one,
                    Places { world: world.as_ref(), core, cards: None },
                    1,
                )
                .and_then(|one| alone(one, length))
                .map(Some),
                Order::Finish => {
                    let ours = [Some(&mut share), all.as_mut()].into_iter().flatten();
                    let mut each = ours.chain(references.iter_mut().flatten());
                    each.try_for_each(|one| one.finish()).map(|()| None)
                }
            });
        }
    }

    /// Its share, and all connections and the references where it has them.
    fn open(self) -> Result<Contests, BenchError> {
        lcore::pin(self.core).map_err(|e| BenchError::CannotRun(e.to_string()))?;
        let protect = self.options.protected().0;
        let (ends, tallies) = match self.ends {
            Ends::Shared(ends, tallies) => (*ends, tallies),
            Ends::Lanes(ends) => {
                let mut roles = [Role::Client, Role::Server].into_iter();
                let mut tallies = Vec::new();
                let [client, server] = ends.map(|(wire, shard)| {
                    let role = roles.next().expect("two ends");
                    let (wire, tally) = Counted::new(contest::cable(wire, &self.share, role));
                    tallies.push(tally);
                    Ours::new((self.options.path, protect), role, &self.share, (wire, Some(shard)))
                });
                ([client?, server?], tallies)
            }
        };
        let share = contest::connected(&self.options, &self.share, (ends, tallies), self.crowd)?;
        let (mut all, mut world, mut references) = (None, None, All::default());
        if let Some(shape) = self.all {
            all = Some(contest::ours(&self.options, &shape, protect, None)?);
            let wanted = wanted_references(&self.options);
            if wanted[KERNEL] {
                world = Some(World::new(shape.mtu)?);
            }
            let places = Places { world: world.as_ref(), core: self.core, cards: None };
            references = contest::stacks(wanted, &self.options, &shape, places, 0)?;
        }
        Ok(Contests { share, all, references, world })
    }
}

/// Stacks that ours is compared with.
fn wanted_references(options: &BenchOptions) -> [bool; STACKS] {
    let mut wanted = contest::wanted(options);
    wanted[OURS] = false;
    wanted
}

/// What a connection alone does in a slice.
fn alone(mut one: Box<dyn Turns>, length: Duration) -> Result<Slice, BenchError> {
    one.slice(length / 4)?;
    let slice = one.slice(length)?;
    one.finish()?;
    Ok(slice)
}

/// The workers, seen from the thread that gives orders.
struct Crew {
    orders: Vec<Sender<Order>>,
    answers: Receiver<(usize, Answer)>,
}

impl Crew {
    /// A worker on each of `cores`, with everything open.
    fn new(
        options: &BenchOptions,
        shape: &Shape,
        cores: &[usize],
        asic: Option<&CardCore>,
    ) -> Result<Self, BenchError> {
        let count = cores.len();
        let shares: Vec<Shape> = (0..count)
            .map(|lcore| {
                let connections = share_of(shape.connections, count, lcore);
                Shape { connections, ..*shape }
            })
            .collect();
        let ends = if options.one_card {
            shared(options, shape, &shares, asic)?
        } else {
            lanes(shape, count)
        };
        let crowd = Crowd::new(count);
        let (sender, answers) = channel();
        let mut orders = Vec::new();
        for (lcore, (ends, share)) in ends.into_iter().zip(shares).enumerate() {
            let worker = Worker {
                lcore,
                core: cores[lcore],
                ends,
                options: options.clone(),
                share,
                all: (lcore == 0).then_some(*shape),
                crowd: Arc::clone(&crowd),
            };
            let (order, receiver) = channel();
            orders.push(order);
            let answers = sender.clone();
            // Nobody joins it: it ends with the orders, or with the program.
            thread::Builder::new()
                .name(format!("lcore {lcore}"))
                .spawn(move || worker.run(&receiver, &answers))
                .map_err(|e| BenchError::CannotRun(format!("no thread for lcore {lcore}: {e}")))?;
        }
        let crew = Self { orders, answers };
        crew.collect(count)?;
        Ok(crew)
    }

    /// The answers of `count` workers, by their numbers.
    fn collect(&self, count: usize) -> Result<Vec<Option<Slice>>, BenchError> {
        let mut slices = vec![None; self.orders.len()];
        for _ in 0..count {
            let (lcore, answer) = self.answers.recv().map_err(|_| gone())?;
            slices[lcore] = answer?;
        }
        Ok(slices)
    }

    fn tell(worker: &Sender<Order>, order: Order) -> Result<(), BenchError> {
        worker.send(order).map_err(|_| gone())
    }

    /// What every worker makes of an order.
    fn order(&self, order: Order) -> Result<Vec<Slice>, BenchError> {
        for worker in &self.orders {
            Self::tell(worker, order)?;
        }
        Ok(self.collect(self.orders.len())?.into_iter().flatten().collect())
    }

    /// What the first one makes of an order that is for it alone.
    fn first(&self, order: Order) -> Result<Slice, BenchError> {
        Self::tell(&self.orders[0], order)?;
        let slice = self.collect(1)?.swap_remove(0);
        slice.ok_or_else(|| BenchError::Failed("the first worker has no figures".to_owned()))
    }
}

/// A lane between any two lcores of one number.
fn lanes(shape: &Shape, count: usize) -> Vec<Ends> {
    let (a, b) = link(&contest::link_config(shape), count);
    let ends = a.into_iter().zip(Shard::set(count)).zip(b.into_iter().zip(Shard::set(count)));
    ends.map(|(client, server)| Ends::Lanes(Box::new([client, server]))).collect()
}

/// What each lcore has of two hosts with an adapter each.
fn shared(
    options: &BenchOptions,
    shape: &Shape,
    shares: &[Shape],
    asic: Option<&CardCore>,
) -> Result<Vec<Ends>, BenchError> {
    let (wires, tallies) = contest::wire(shape);
    let mut roles = [Role::Client, Role::Server].into_iter();
    let [clients, servers] = wires.map(|wire| {
        let role = roles.next().expect("two ends");
        Ours::on_lcores(options.protected().0, role, shares, wire)
    });
    let mut pairs: Vec<_> = clients?.into_iter().zip(servers?).map(|(a, b)| [a, b]).collect();
    if let (Some(core), [[client, server], ..]) = (asic, &mut pairs[..]) {
        client.part_with_cards(server, core)?;
    }
    let tallies = [tallies].into_iter().chain(std::iter::repeat_with(Vec::new));
    let each = pairs.into_iter().zip(tallies);
    Ok(each.map(|(pair, tallies)| Ends::Shared(Box::new(pair), tallies)).collect())
}

fn gone() -> BenchError {
    BenchError::Failed("a worker has ended before its time".to_owned())
}

/// The cores that were asked for, if this can be measured on them.
fn check(options: &BenchOptions, shape: &Shape) -> Result<Vec<usize>, BenchError> {
    let cores = take_cores(&options.lcores)?;
    let no = |why: String| Err(BenchError::CannotRun(why));
    if options.protected().1 {
        return no("--protect is on or off with several lcores, not both".to_owned());
    }
    if options.ops.is_some() {
        return no("--ops is for one lcore: name one core to -l".to_owned());
    }
    if shape.connections < cores.len() {
        let (connections, cores) = (shape.connections, cores.len());
        return no(format!(
            "{connections} connections for {cores} lcores: --connections {cores} at least"
        ));
    }
    Ok(cores)
}

/// Cores of this process, each once.
pub(super) fn take_cores(cores: &[usize]) -> Result<Vec<usize>, BenchError> {
    let (no, offered) = (|why: String| Err(BenchError::CannotRun(why)), lcore::offered());
    if (1..cores.len()).any(|n| cores[..n].contains(&cores[n])) {
        return no("-l names a core twice: each worker has one to itself".to_owned());
    }
    if cores.len() > offered.len() {
        let (asked, has) = (cores.len(), offered.len());
        return no(format!(
            "-l asks for {asked} cores, this process has {has}: name some of {offered:?}"
        ));
    }
    if let Some(core) = cores.iter().find(|core| !offered.contains(core)) {
        return no(format!(
            "core {core} is not among those of this process: name some of {offered:?} to -l"
        ));
    }
    Ok(cores.to_vec())
}

/// Measures.
pub(super) fn run(options: &BenchOptions) -> Result<Report, BenchError> {
    let shape = contest::shape(options)?;
    let cores = check(options, &shape)?;
    let say = |text: String| if options.json { eprintln!("{text}") } else { println!("{text}") };
    let asic = options.asic_core.map(|core| CardCore::take(core, &cores)).transpose()?;
    let (count, length) = contest::slices(options);
    let page = page::create(options)?;
    let mut report = Report::new(options, &shape, &cores);
    let heading = report.heading(count, length);
    say(heading.clone());
    let crew = Crew::new(options, &shape, &cores, asic.as_ref())?;
    // Once in vain: caches fill, windows open.
    crew.order(Order::Share(length / 2))?;
    crew.first(Order::All(length / 2))?;
    let references: Vec<usize> = (0..STACKS).filter(|&at| wanted_references(options)[at]).collect();
    for &at in &references {
        crew.first(Order::Reference(at, length / 2))?;
    }
    for n in 1..=count {
        let slices = crew.order(Order::Share(length))?;
        let alone = crew.first(Order::All(length))?;
        let mut others: [Option<Slice>; STACKS] = Default::default();
        for &at in &references {
            others[at] = Some(crew.first(Order::Reference(at, length))?);
        }
        say(report.add_lcores(n, &slices, &alone, others));
    }
    crew.order(Order::Finish)?;
    for at in [OURS].into_iter().chain(references) {
        report.add_single(at, crew.first(Order::One(at, length))?.times);
    }
    page::write(page, &report, &heading)?;
    Ok(report)
}
