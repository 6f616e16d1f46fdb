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
    let number_of = |known: u64| (known >> 32) as u32;
    let at = known.partition_point(|&known| number_of(known) <= low);
    let in_turn = known[at..].iter().chain(&known[..at]);
    let fitting = in_turn.take_while(|&&known| number_of(known).wrapping_sub(low) <= high);
    let fitting: Vec<u32> = fitting.map(|&known| known as u32).collect();
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

/// The numbers that secrets come to at time zero, in their order: each with what was tried below it, which sorts in half
/// the time of pairs.
fn known(n: usize, opens: bool) -> &'static [u64] {
    static KNOWN: [OnceLock<Vec<u64>>; 4] = [const { OnceLock::new() }; 4];
    KNOWN[2 * n + usize::from(opens)].get_or_init(|| {
        let number = |tried| number(&secret(tried), n, opens, Nanos::ZERO);
        let mut known: Vec<_> =
            (0..TRIED).map(|tried| u64::from(number(tried)) << 32 | u64::from(tried)).collect();
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
