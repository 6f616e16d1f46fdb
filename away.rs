//! Where a software adapter is polled: in its host's turn, or by a thread of its own, as a card works for itself.
//!
//! ```text
//!   host's lcore                              cards' lcore
//!   Host ── driver ── rings, doorbells ────►  CardRunner ── SoftAdapter ── wires
//!                 ◄── messages, frames ─────
//!          Seat::Away ──── orders ─────────►  carried out between two turns
//! ```
//!
//! The data path between them is what it is with a card: memory that both reach, whose words change hands by release and
//! acquire, and doorbells, which are words as well. No lock is in it. What a host asks of a card that a real one
//! would be asked by other means (power, counters of its own) goes by a channel, and the host waits for the answer.

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use mafo_asic::InUse;
use mafo_asic::bar::ResetLine;
use mafo_mem::Nanos;
use mafo_pmd::eal::dma::Domain;
use mafo_pmd::stats::See;
use mafo_t4::Bar;
use mafo_t4::regs::le::LE_DB_ACT_CNT_IPV4;

use crate::soft::SoftAdapter;

/// What is done with a card between two of its turns.
type Order = Box<dyn FnOnce(&mut SoftAdapter) + Send>;

/// Where a software adapter is polled.
#[derive(Debug)]
pub(crate) enum Seat {
    /// Here, in the host's turn.
    Here(Box<SoftAdapter>),
    /// By a [`CardRunner`].
    Away(Away),
}

/// What a host keeps of a card that somebody else polls.
pub(crate) struct Away {
    bar: Arc<dyn Bar + Send + Sync>,
    line: ResetLine,
    orders: Sender<Order>,
}

impl fmt::Debug for Away {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("software T5 that another thread polls")
    }
}

impl Away {
    /// What `act` finds out about the card, or does to it, between two of its turns; `None` if nobody polls it any more.
    fn ask<R: Send + 'static>(
        &self,
        act: impl FnOnce(&mut SoftAdapter) -> R + Send + 'static,
    ) -> Option<R> {
        let (answer, answered) = channel();
        let order = move |card: &mut SoftAdapter| {
            // Who asked waits; else nobody wants to know.
            let _ = answer.send(act(card));
        };
        self.orders.send(Box::new(order)).ok()?;
        answered.recv().ok()
    }
}

impl Seat {
    /// The card, if it is here.
    pub(crate) fn here(&self) -> Option<&SoftAdapter> {
        match self {
            Self::Here(card) => Some(card),
            Self::Away(_) => None,
        }
    }

    /// The card, if it is here.
    pub(crate) fn here_mut(&mut self) -> Option<&mut SoftAdapter> {
        match self {
            Self::Here(card) => Some(card),
            Self::Away(_) => None,
        }
    }

    /// A turn of the card, if it is this thread's to take it.
    pub(crate) fn run(&mut self, now: Nanos, briefly: bool) {
        if let Self::Here(card) = self {
            card.run(now, briefly);
        }
    }

    /// As [`SoftAdapter::silence`]. One that nobody polls says nothing any more.
    pub(crate) fn silence(&mut self, now: Nanos) {
        match self {
            Self::Here(card) => card.silence(now),
            Self::Away(away) => {
                // At once, and not after its turn.
                away.line.assert();
                away.ask(move |card| card.silence(now));
            }
        }
    }

    /// As [`SoftAdapter::power_cycle`].
    pub(crate) fn power_cycle(&mut self, domain: &Arc<Domain>) {
        match self {
            Self::Here(card) => card.power_cycle(domain),
            Self::Away(away) => {
                let domain = Arc::clone(domain);
                let renewed = away.ask(move |card| {
                    card.power_cycle(&domain);
                    (card.bar(), card.reset_line())
                });
                if let Some((bar, line)) = renewed {
                    (away.bar, away.line) = (bar, line);
                }
            }
        }
    }

    pub(crate) fn bar(&self) -> Arc<dyn Bar + Send + Sync> {
        match self {
            Self::Here(card) => card.bar(),
            Self::Away(away) => Arc::clone(&away.bar),
        }
    }

    /// As [`SoftAdapter::in_use`]; nothing of a card that nobody polls any more.
    pub(crate) fn in_use(&self) -> InUse {
        match self {
            Self::Here(card) => card.in_use(),
            Self::Away(away) => away.ask(|card| card.in_use()).unwrap_or_default(),
        }
    }

    /// As [`SoftAdapter::each_stat`]; none of a card that nobody polls any more.
    pub(crate) fn each_stat(&self, see: &mut See<'_>) {
        match self {
            Self::Here(card) => card.each_stat(see),
            Self::Away(away) => {
                let all = away.ask(|card| card.xstats()).unwrap_or_default();
                all.into_iter().for_each(|stat| see(format_args!("{}", stat.name), stat.value));
            }
        }
    }

    /// Connections that the card owns, as the register that counts them says.
    pub(crate) fn active_connections(&self) -> usize {
        LE_DB_ACT_CNT_IPV4::read(&*self.bar()).0 as usize
    }

    /// When the card has something to do in the host's turn.
    pub(crate) fn poll_timeout(&self) -> Option<Nanos> {
        self.here().and_then(SoftAdapter::poll_timeout)
    }

    /// Gives the card to a runner, if it is here.
    fn leave(&mut self) -> Option<Run> {
        let Self::Here(card) = self else { return None };
        let (orders, received) = channel();
        let away = Away { bar: card.bar(), line: card.reset_line(), orders };
        let Self::Here(card) = core::mem::replace(self, Self::Away(away)) else { return None };
        Some(Run { card, orders: received })
    }
}

/// A card and what is asked of it.
struct Run {
    card: Box<SoftAdapter>,
    orders: Receiver<Order>,
}

/// The software adapters of a host, for a thread of their own ([`crate::Host::part_with_cards`]).
pub struct CardRunner {
    cards: Vec<Run>,
}

impl fmt::Debug for CardRunner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "runner of {} software adapters", self.cards.len())
    }
}

impl CardRunner {
    pub(crate) fn of<'a>(seats: impl Iterator<Item = &'a mut Seat>) -> Self {
        Self { cards: seats.filter_map(Seat::leave).collect() }
    }

    /// A turn of every card. `now` is the clock of their host.
    pub fn poll(&mut self, now: Nanos) {
        for Run { card, orders } in &mut self.cards {
            card.poll(now);
            while let Ok(order) = orders.try_recv() {
                order(card);
            }
        }
    }

    /// When [`CardRunner::poll`] has something to do though no frame comes in and nobody rings a doorbell or asks anything.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Nanos> {
        self.cards.iter().filter_map(|run| run.card.poll_timeout()).min()
    }
}

/// It is made to go to another thread.
const _: () = {
    const fn assert_send<T: Send>() {}
    assert_send::<CardRunner>();
};
