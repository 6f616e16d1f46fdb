//! Checkpoints that were damaged on the way: refused, or else a connection like any other.

use std::sync::atomic::{AtomicU32, Ordering};

use mafo_mem::Nanos;

use super::rng::Rng;
use super::{hostile, run_seeds};
use crate::Checkpoint;
use crate::script::{Endpoint, EngineEndpoint};

/// More than this would be posted, held or undelivered only by damage; a test has no buffers for it.
const BUFFER_MAX: u32 = 1 << 20;

/// A connection that has seen something, as bytes.
fn draw(rng: &mut Rng) -> Option<Vec<u8>> {
    let setup = hostile::draw_setup(rng);
    let mut end = EngineEndpoint::new(&setup, Nanos::from_secs(rng.below(1 << 20)));
    if rng.chance(500) {
        end.connect()
    } else {
        end.listen()
    }
    let steps = rng.below(60) as u32;
    hostile::assault(rng, &mut end, 0..steps);
    Some(end.conn?.checkpoint(end.now).to_bytes())
}

fn damage(rng: &mut Rng, bytes: &mut Vec<u8>) {
    for _ in 0..1 + rng.below(3) {
        let at = rng.below(bytes.len() as u64) as usize;
        match rng.below(8) {
            0 if bytes.len() > 1 => drop(bytes.remove(at)),
            1 => bytes.insert(at, rng.next() as u8),
            2 => bytes.truncate(at + 1),
            3..=5 => bytes[at] ^= 1 << rng.below(8),
            _ => bytes[at] = rng.next() as u8,
        }
    }
}

/// Answers whether it was taken.
fn try_to_restore(seed: u64) -> bool {
    let mut rng = Rng(seed);
    let Some(mut bytes) = draw(&mut rng) else { return false };
    damage(&mut rng, &mut bytes);
    let Ok(checkpoint) = Checkpoint::from_bytes(&bytes) else { return false };
    let posted = checkpoint.tx_max.since(checkpoint.snd_una);
    if posted.max(checkpoint.undelivered) > BUFFER_MAX {
        return false;
    }
    let setup = hostile::draw_setup(&mut rng);
    let now = Nanos::from_secs(rng.below(1 << 20));
    let mut end = EngineEndpoint::restored(&setup, now, &checkpoint);
    hostile::assault(&mut rng, &mut end, 0..20);
    true
}

#[test]
fn a_damaged_checkpoint_is_refused_or_a_connection() {
    let taken = AtomicU32::new(0);
    run_seeds(0, 5_000, |seed| {
        taken.fetch_add(try_to_restore(seed).into(), Ordering::Relaxed);
    });
    println!("{} restored", taken.load(Ordering::Relaxed));
}
