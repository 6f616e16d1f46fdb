//! What hosts make their sequence numbers of: a secret, by which those of a connection may soon go past 2^32, or another
//! multiple of 2^28.

use std::ops::Range;
use std::sync::OnceLock;

use mafo_mem::Nanos;
use mafo_tcp::isn::{self, Secret};

use crate::plan::Plan;
use crate::world::{ADDRESSES, BEGINNING, FIRST_PORT, PORT};

/// How far the first connection's numbers begin before that, if they are to go past it.
const LEFT: Range<u32> = 8_000..72_000;
/// Secrets that are known by what they come to. One in 67,000 is of use.
const TRIED: u32 = 1 << 19;

/// The secret of host `n`.
pub(crate) fn of(plan: &Plan, n: usize) -> [u8; 16] {
    let any = [plan.seed as u8 ^ n as u8; 16];
    let Some(first) = plan.connections.first().filter(|_| plan.numbers_wrap[n]) else {
        return any;
    };
    let opens = first.opener.index() == n;
    let near = BEGINNING + Nanos::from_millis(1) + first.at;
    let clock = number(&any, n, opens, near).wrapping_sub(number(&any, n, opens, Nanos::ZERO));
    // The secrets whose numbers lie in the range then: the range as it is at time zero.
    let place = u32::from(plan.numbers_at) << 28;
    let low = place.wrapping_sub(clock.wrapping_add(LEFT.end));
    let high = LEFT.end - LEFT.start;
    let known = known(n, opens);
    let at = known.partition_point(|&(number, _)| number <= low);
    let in_turn = known[at..].iter().chain(&known[..at]);
    let fitting = in_turn.take_while(|&&(number, _)| number.wrapping_sub(low) <= high);
    let fitting: Vec<u32> = fitting.map(|&(_, tried)| tried).collect();
    match fitting.len() as u64 {
        0 => any,
        count => secret(fitting[(plan.seed % count) as usize]),
    }
}

/// The secret that was tried as the so manieth.
fn secret(tried: u32) -> [u8; 16] {
    let mut secret = [0x6d; 16];
    secret[..4].copy_from_slice(&tried.to_le_bytes());
    secret
}

/// The first connection's first number at `now` at host `n`, which opens it or not.
fn number(secret: &[u8; 16], n: usize, opens: bool, now: Nanos) -> u32 {
    let ports = if opens { [FIRST_PORT, PORT] } else { [PORT, FIRST_PORT] };
    let local = (ADDRESSES[n], ports[0]).into();
    let remote = (ADDRESSES[1 - n], ports[1]).into();
    isn::generate(&Secret(*secret), local, remote, now).0
}

/// The numbers that secrets come to at time zero, in their order.
fn known(n: usize, opens: bool) -> &'static [(u32, u32)] {
    static KNOWN: [OnceLock<Vec<(u32, u32)>>; 4] = [const { OnceLock::new() }; 4];
    KNOWN[2 * n + usize::from(opens)].get_or_init(|| {
        let tries = 0..TRIED;
        let numbers = tries.map(|tried| (number(&secret(tried), n, opens, Nanos::ZERO), tried));
        let mut known: Vec<_> = numbers.collect();
        known.sort_unstable();
        known
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_begin_where_they_soon_wrap() {
        for seed in 0..40 {
            let numbers_at = seed as u8 % 16;
            let plan = Plan { numbers_wrap: [true; 2], numbers_at, ..Plan::draw(seed) };
            let first = plan.connections[0];
            for n in 0..2 {
                let now = BEGINNING + Nanos::from_millis(1) + first.at;
                let number = number(&of(&plan, n), n, first.opener.index() == n, now);
                let left = (u32::from(numbers_at) << 28).wrapping_sub(number);
                assert!(LEFT.contains(&left), "seed {seed}, host {n}: {number}");
            }
        }
    }
}
