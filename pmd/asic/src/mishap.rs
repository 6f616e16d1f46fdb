//! What can go wrong with the answers to a host's control messages: for whoever tests how that is lived with.
//!
//! An answer is lost, comes twice, or late, and a request is refused that could be carried out. On silicon none of this is
//! known to happen one by one: DMA writes are not lost, and an ingress queue keeps its order. That is why an answer that
//! is late makes its whole queue late, and one that comes twice does so without anything in between. A lost one stands for
//! a TP, or a firmware, that does not get to it. Data (RX_DATA), credits (FW4_ACK) and handshakes are never concerned: no
//! driver could live without one of them.

use mafo_mem::Nanos;
use rand_core::Rng as _;
use rand_pcg::Pcg64Mcg;

/// A control message that is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlKind {
    /// A NON_OFFLOAD open: ACT_OPEN_RPL.
    Open,
    /// GET_TCB.
    GetTcb,
    /// SET_TCB_FIELD, where it wants an answer.
    SetTcb,
    /// ABORT_REQ: ABORT_RPL_RSS. It is never refused.
    Abort,
    /// L2T_WRITE_REQ.
    L2t,
    /// FW_FILTER_WR; a deletion is never refused.
    Filter,
}

impl ControlKind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Open, Self::GetTcb, Self::SetTcb, Self::Abort, Self::L2t, Self::Filter];
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// It is carried out, and no answer comes.
    Lost,
    /// The answer comes twice.
    Twice,
    /// The answer, and all that is told by the same queue, comes late.
    Late,
    /// It is not carried out, and the answer says so; of what cannot be refused nothing comes.
    Refused,
}

/// How often, and to what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mishaps {
    /// Times in a thousand: lost, twice, late, refused.
    pub chances: [u16; 4],
    /// The one kind of message that they happen to; `None`: all.
    pub only: Option<ControlKind>,
    /// How many happen at most.
    pub count: u32,
    /// How late an answer is at most.
    pub late_max: Nanos,
    /// Of what is drawn.
    pub seed: u64,
}

impl Mishaps {
    /// Nothing goes wrong.
    pub const NONE: Self = Self {
        chances: [0; 4],
        only: None,
        count: u32::MAX,
        late_max: Nanos::from_millis(50),
        seed: 0,
    };
}

/// Where mishaps are drawn.
#[derive(Debug)]
pub(crate) struct Misfortune {
    mishaps: Mishaps,
    rng: Pcg64Mcg,
}

impl Misfortune {
    pub(crate) fn new(mishaps: Mishaps) -> Self {
        let state =
            u128::from(mishaps.seed).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        Self { mishaps, rng: Pcg64Mcg::new(state | 1) }
    }

    /// What goes wrong with a request of this kind.
    pub(crate) fn draw(&mut self, what: ControlKind) -> Option<Mishap> {
        let Mishaps { chances, only, count, .. } = self.mishaps;
        if chances == [0; 4] || count == 0 || only.is_some_and(|only| only != what) {
            return None;
        }
        let mut drawn = self.rng.next_u64() % 1000;
        let kinds = [Mishap::Lost, Mishap::Twice, Mishap::Late, Mishap::Refused];
        let hit = kinds.into_iter().zip(chances).find(|&(_, chance)| {
            let hit = drawn < u64::from(chance);
            drawn = drawn.saturating_sub(chance.into());
            hit
        });
        self.mishaps.count -= u32::from(hit.is_some());
        hit.map(|(kind, _)| kind)
    }

    /// How late an answer is.
    pub(crate) fn lateness(&mut self) -> Nanos {
        Nanos(1 + self.rng.next_u64() % self.mishaps.late_max.0.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_as_frequent_as_it_is_to_be() {
        let mut drawn =
            Misfortune::new(Mishaps { chances: [100, 50, 0, 200], seed: 3, ..Mishaps::NONE });
        let all: Vec<_> = (0..10_000).map(|_| drawn.draw(ControlKind::Abort)).collect();
        for (kind, least) in [(Mishap::Lost, 900), (Mishap::Twice, 400), (Mishap::Refused, 1800)] {
            let times = all.iter().filter(|&&what| what == Some(kind)).count();
            assert!((least..least + 400).contains(&times), "{kind:?}: {times}");
        }
        assert!(!all.contains(&Some(Mishap::Late)));
    }

    #[test]
    fn only_some_of_one_kind() {
        let mishaps = Mishaps {
            chances: [1000, 0, 0, 0],
            only: Some(ControlKind::L2t),
            count: 2,
            ..Mishaps::NONE
        };
        let mut drawn = Misfortune::new(mishaps);
        assert_eq!(drawn.draw(ControlKind::Open), None);
        assert_eq!(
            [0; 3].map(|_| drawn.draw(ControlKind::L2t)),
            [Some(Mishap::Lost), Some(Mishap::Lost), None]
        );
    }
}
