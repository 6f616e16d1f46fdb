//! What adapters and the bond have room for, and tables of adapters that differ.

use mafo_mem::Nanos;

use super::{Breakage, Fault, Plan, Trigger};
use crate::draw::Draw;

/// Sizes of what silicon and settings leave open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// The MTU table of each adapter, if it is not what the card comes with.
    pub mtus: [Option<[u16; 16]>; 2],
    /// Connections, and entries for them, that each adapter has room for. Half as many can be opened at a time.
    pub tids: [u32; 2],
    /// Frames that are held for a connection that has no owner.
    pub hold_frames: usize,
    /// Frames of the host that an Ethernet queue of each adapter takes at a time.
    pub eth_buffers: [u16; 2],
}

impl Default for Room {
    /// Less than a window is held: that overflows now and then.
    fn default() -> Self {
        Self { mtus: [None; 2], tids: [96, 80], hold_frames: 64, eth_buffers: [64, 96] }
    }
}

/// What the eighth edition decides beside all that others did.
pub(super) fn draw_room(draw: &mut Draw, plan: &mut Plan) {
    if draw.chance(0.2) {
        for mtus in &mut plan.room.mtus {
            *mtus = draw.chance(0.7).then(|| table(draw));
        }
    }
    let few = |draw: &mut Draw, least, most| draw.log_time(Nanos(least), Nanos(most)).0;
    if draw.chance(0.15) {
        plan.room.hold_frames = few(draw, 1, 64) as usize;
    }
    if draw.chance(0.15) {
        plan.room.eth_buffers = [(); 2].map(|()| few(draw, 2, 96) as u16);
    }
    if draw.chance(0.05) {
        flaps(draw, plan);
    }
}

/// Sixteen sizes that ascend. What the links carry, 1500 bytes, is among them or not, and has any number.
fn table(draw: &mut Draw) -> [u16; 16] {
    let below = draw.within(3, 12);
    let size = if draw.chance(0.8) { 1500 } else { draw.within(1468, 1499) };
    let mut any = |first: u64, last: u64, n: u64, of: u64| {
        let step = (last - first) / of;
        first + n * step + draw.below(step)
    };
    core::array::from_fn(|n| {
        let n = n as u64;
        let mtu = match n.checked_sub(below + 1) {
            Some(above) => any(1501, 9600, above, 15 - below),
            None if n == below => size,
            None => any(68, 1468, n, below),
        };
        mtu as u16
    })
}

/// The active link goes and comes all the time, before anything else breaks.
fn flaps(draw: &mut Draw, plan: &mut Plan) {
    let mut at = draw.log_time(Nanos::from_micros(100), Nanos::from_millis(100));
    let flap = |_| {
        at += draw.log_time(Nanos::from_micros(500), Nanos::from_millis(6));
        let time = draw.log_time(Nanos::from_micros(50), Nanos::from_millis(3));
        Fault { when: Trigger::At(at), what: Breakage::Active(time) }
    };
    let flaps: Vec<Fault> = (0..20).map(flap).collect();
    plan.faults.splice(0..0, flaps);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_ascend_and_have_what_links_carry_by_many_numbers() {
        let mut numbers = [0; 16];
        for seed in 0..400 {
            let table = table(&mut Draw::new(seed, 8));
            assert!(table.is_sorted_by(|a, b| a < b), "{table:?}");
            assert!(table[0] >= 68 && table[15] <= 9600, "{table:?}");
            let fits = table.iter().rposition(|&mtu| mtu <= 1500).expect("one fits");
            assert!(table[fits] >= 1468, "{table:?}");
            numbers[fits] += 1;
        }
        assert!(numbers[3..=12].iter().all(|&count| count > 10), "{numbers:?}");
    }
}
