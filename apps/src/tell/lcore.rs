//! The lcore's part: it looks at itself in slices, between its turns.

use std::sync::{Arc, OnceLock};

use mafo::{Core, Host, Info, LinkId, MemberId, Nanos, See, SocketId, Stack};
use mafo_telemetry::{Publisher, Scope};

use super::told::{BondTold, LcoreTold, MEMBERS_MAX, PortTold, Told, put};

/// Connections looked at in a turn.
pub(super) const SLICE: usize = 32;
/// Registers of a MAC read in a turn.
const REGISTERS: usize = 16;
/// How long adapters may take to say how their connections stand, and how many turns; then it is told without.
const PATIENCE: Nanos = Nanos::from_millis(2);
const TURNS: u32 = 8;

/// What an lcore has that can be told of: a host, or a stack alone.
pub(crate) trait Whole {
    /// Its sockets.
    fn core(&self) -> &Core;
    /// The same, to ask adapters about them.
    fn core_mut(&mut self) -> &mut Core;
    /// Shows all that is counted.
    fn each_stat(&self, see: &mut See<'_>);
    /// What has ports and a bond, if there is one.
    fn host(&self) -> Option<&Host>;

    /// Its ports.
    fn ports(&self) -> &[LinkId] {
        self.host().map_or(&[], Host::ports)
    }
}

impl Whole for Host {
    fn core(&self) -> &Core {
        self.sockets()
    }

    fn core_mut(&mut self) -> &mut Core {
        self.sockets_mut()
    }

    fn each_stat(&self, see: &mut See<'_>) {
        self.each_stat(see);
    }

    fn host(&self) -> Option<&Host> {
        Some(self)
    }
}

impl Whole for Stack {
    fn core(&self) -> &Core {
        self.core()
    }

    fn core_mut(&mut self) -> &mut Core {
        self.core_mut()
    }

    fn each_stat(&self, see: &mut See<'_>) {
        self.core().each_stat(see);
    }

    fn host(&self) -> Option<&Host> {
        None
    }
}

/// What the numbers of an lcore are called; there when its adapters are up.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) stats: Vec<String>,
    /// Of each port of the bond.
    pub(super) ports: Vec<Vec<String>>,
}

/// What is done in the next turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Statistics, ports, the bond.
    Whole,
    /// What the MAC of port `port` counts, from number `from` on.
    Registers { port: usize, from: usize },
    /// Adapters are asked for a slice of the connections, those in places from `from` on.
    Ask { from: usize },
    /// Their answers are awaited.
    Hear { since: Nanos, turns: u32 },
    /// The connections that are over.
    Closed,
}

/// A question that is being answered.
#[derive(Debug)]
struct Work {
    told: Told,
    scope: Scope,
    step: Step,
}

/// A connection of the present slice, and what its adapter has said.
#[derive(Clone, Copy, Debug)]
struct Looked {
    id: SocketId,
    is_asked: bool,
    info: Option<Info>,
}

/// What tells of an lcore.
#[derive(Debug)]
pub(crate) struct Teller {
    publisher: Publisher<Told>,
    names: Arc<OnceLock<Names>>,
    work: Option<Work>,
    slice: [Option<Looked>; SLICE],
    turns: u64,
    busy: u64,
}

impl Teller {
    pub(super) fn new(publisher: Publisher<Told>) -> (Self, Arc<OnceLock<Names>>) {
        let names = Arc::new(OnceLock::new());
        let known = Arc::clone(&names);
        (Self { publisher, names, work: None, slice: [None; SLICE], turns: 0, busy: 0 }, known)
    }

    /// The host is up: what it counts has names, which are made here, once.
    pub(crate) fn learn_names(&mut self, host: &impl Whole) {
        let mut stats = Vec::new();
        host.each_stat(&mut |name, _| stats.push(name.to_string()));
        let has_ports = host.host().into_iter();
        let ports = has_ports
            .flat_map(|host| host.ports().iter().map(|&link| host.port_stat_names(link)))
            .collect();
        // They are always the same.
        let _ = self.names.set(Names { stats, ports });
    }

    /// A turn is over, in which there was something to do or not.
    #[inline]
    pub(crate) fn turn(&mut self, now: Nanos, host: &mut impl Whole, is_busy: bool) {
        self.turns += 1;
        self.busy += u64::from(is_busy);
        if self.publisher.is_wanted() {
            self.answer(now, host);
        }
    }

    /// Whether it is in the middle of an answer: who sleeps now has somebody wait.
    pub(crate) fn is_telling(&self) -> bool {
        self.work.is_some()
    }

    /// The next piece of an answer.
    #[cold]
    fn answer(&mut self, now: Nanos, host: &mut impl Whole) {
        let mut work = match self.work.take() {
            Some(work) => work,
            None => match self.publisher.take() {
                Some((mut told, scope)) => {
                    told.clear();
                    Work { told, scope, step: Step::Whole }
                }
                None => return,
            },
        };
        match self.step(now, host, &mut work) {
            Some(next) => {
                work.step = next;
                self.work = Some(work);
            }
            None => self.publisher.publish(work.told),
        }
    }

    /// Does a step; the next one, if there is one.
    fn step(&mut self, now: Nanos, host: &mut impl Whole, work: &mut Work) -> Option<Step> {
        let Work { told, scope, step } = work;
        let after_counters = (*scope == Scope::All).then_some(Step::Ask { from: 0 });
        match *step {
            // Nothing has a name yet.
            Step::Whole if self.names.get().is_none() => None,
            Step::Whole => {
                told.at = now;
                told.lcore = LcoreTold {
                    turns: self.turns,
                    busy: self.busy,
                    sockets: host.core().sockets(),
                };
                tell_whole(host, told);
                Some(Step::Registers { port: 0, from: 0 })
            }
            Step::Registers { port, from } => {
                let Some(&link) = host.ports().get(port) else { return after_counters };
                let names = self.names.get().and_then(|names| names.ports.get(port));
                let known = names.map_or(0, Vec::len);
                if from >= known {
                    return Some(Step::Registers { port: port + 1, from: 0 });
                }
                let count = REGISTERS.min(known - from);
                if let Some(host) = host.host() {
                    tell_registers(host, link, (from, count), told);
                }
                Some(Step::Registers { port, from: from + count })
            }
            Step::Ask { from } => self.ask(now, host.core_mut(), from),
            Step::Hear { since, turns } => self.hear(now, host.core_mut(), (since, turns), told),
            Step::Closed => {
                let core = host.core();
                told.closed_total = core.closed_total();
                core.closed().for_each(|&closed| put(&mut told.closed, closed));
                None
            }
        }
    }

    /// Asks the adapters for the next connections.
    fn ask(&mut self, now: Nanos, core: &mut Core, from: usize) -> Option<Step> {
        self.slice = [None; SLICE];
        for (looked, id) in self.slice.iter_mut().zip(core.sockets_from(from)) {
            *looked = Some(Looked { id, is_asked: false, info: None });
        }
        core.forget_looks();
        for looked in self.slice.iter_mut().flatten() {
            looked.is_asked = core.look_at_card(looked.id);
        }
        let is_empty = self.slice[0].is_none();
        Some(if is_empty { Step::Closed } else { Step::Hear { since: now, turns: 0 } })
    }

    /// Tells of the slice when all have answered, or late.
    fn hear(
        &mut self,
        now: Nanos,
        core: &mut Core,
        (since, turns): (Nanos, u32),
        told: &mut Told,
    ) -> Option<Step> {
        let mut is_whole = true;
        for looked in self.slice.iter_mut().flatten().filter(|looked| looked.is_asked) {
            looked.info = looked.info.or_else(|| core.take_look(looked.id));
            is_whole &= looked.info.is_some();
        }
        if !is_whole && (now - since < PATIENCE || turns < TURNS) {
            return Some(Step::Hear { since, turns: turns + 1 });
        }
        let mut from = 0;
        for looked in self.slice.iter().flatten() {
            from = looked.id.index() + 1;
            if let Some(portrait) = core.portrait(looked.id, looked.info) {
                put(&mut told.portraits, portrait);
            }
        }
        let is_full = told.portraits.len() == told.portraits.capacity();
        Some(if is_full { Step::Closed } else { Step::Ask { from } })
    }
}

fn tell_whole(host: &impl Whole, told: &mut Told) {
    let stats = &mut told.stats;
    host.each_stat(&mut |_, value| put(stats, value));
    let Some(host) = host.host() else { return };
    for &link in host.ports() {
        let counts_as_up = host.bond().is_some_and(|bond| bond.is_up(link));
        put(&mut told.ports, PortTold { link, view: host.port(link), counts_as_up });
    }
    let Some(bond) = host.bond() else { return };
    let members = host.members().min(MEMBERS_MAX);
    let mut view = BondTold {
        is_up: host.is_up(),
        active: bond.active(),
        is_moving: bond.is_moving(),
        sheltered: bond.refugees(),
        members,
        ..BondTold::default()
    };
    for n in 0..members {
        view.is_dead[n] = host.is_dead(n);
        let is_adapter = host.sockets().is_adapter(MemberId(n as u8)) && !view.is_dead[n];
        view.offloaded[n] = if is_adapter { host.offloaded(n) } else { 0 };
    }
    told.bond = view;
}

/// So many registers; zeros where a card has gone, since each number has its place.
fn tell_registers(host: &Host, link: LinkId, (from, count): (usize, usize), told: &mut Told) {
    let end = told.port_stats.len() + count;
    host.port_stats(link, from, count, |value| put(&mut told.port_stats, value));
    while told.port_stats.len() < end.min(told.port_stats.capacity()) {
        told.port_stats.push(0);
    }
}
