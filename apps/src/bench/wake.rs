//! What it costs to wake an lcore that sleeps: two threads and a memory link with a bell between them.

use std::sync::Arc;
use std::time::Duration;

use mafo::eal::lcore;
use mafo::failover::Distribution;
use mafo::wire::Wire;
use mafo::wire::bell::{Bell, Woken};
use mafo::wire::mem::{LinkConfig, MemEnd, link};
use mafo::{Frame, FrameBurst, Nanos};

use super::BenchError;

/// Between two frames: long enough for the other to have fallen asleep.
const PAUSE: Duration = Duration::from_micros(200);
/// Nobody waits so long for a frame.
const LOST: Duration = Duration::from_secs(10);

/// What came of it.
pub(super) struct Wakes {
    /// From the ring to the first instruction of who slept.
    pub(super) times: Distribution,
    /// The core of who slept, if it is not that of who rang.
    pub(super) core: Option<usize>,
}

/// Sends `count` frames from the last core of those that the caller may run on to one who sleeps on the first.
pub(super) fn measure(count: u32) -> Result<Wakes, BenchError> {
    let failed = |why: String| BenchError::Failed(format!("wake-ups: {why}"));
    let offered = lcore::offered();
    let (Some(&first), Some(&last)) = (offered.first(), offered.last()) else {
        return Err(failed("the system names no core to run on".to_owned()));
    };
    let bell = Bell::new().map_err(|e| failed(format!("no eventfd: {e}")))?;
    let (mut near, far) = link(&LinkConfig::default());
    near.ring_on_send(Arc::clone(&bell));
    let mut frame = Frame::with_capacity(64);
    if frame.copy_from(&[0; 64]).is_err() {
        unreachable!("as large as its content");
    }
    let times = std::thread::scope(|scope| {
        // Threads of their own: one that is pinned once has no other core to go to.
        let sleeper = scope.spawn(move || sleep(far, &bell, (count, first)));
        let ringer = scope.spawn(move || {
            lcore::pin(last).map_err(|e| e.to_string())?;
            for _ in 0..count {
                std::thread::sleep(PAUSE);
                near.tx_burst(Nanos::ZERO, core::slice::from_ref(&frame));
            }
            // Its end of the link has to stay until all is read.
            Ok(near)
        });
        let panicked = |_| Err("a thread has panicked".to_owned());
        let near = ringer.join().unwrap_or_else(panicked);
        let times = sleeper.join().unwrap_or_else(|_| Err("a thread has panicked".to_owned()))?;
        near.map(|_| times)
    });
    Ok(Wakes { times: times.map_err(failed)?, core: (first != last).then_some(first) })
}

/// Sleeps whenever there is no frame, until `count` have come.
fn sleep(
    mut end: MemEnd,
    bell: &Bell,
    (count, core): (u32, usize),
) -> Result<Distribution, String> {
    lcore::pin(core).map_err(|e| e.to_string())?;
    let (mut burst, mut came, mut times) = (FrameBurst::new(32, 2048), 0, Distribution::default());
    while came < count {
        burst.clear();
        if end.rx_burst(Nanos::ZERO, &mut burst) == 0 {
            let is_busy = || end.poll_timeout().is_some();
            match bell.sleep(&[], LOST, is_busy).map_err(|e| e.to_string())? {
                Woken::Rung(ago) => times.record(ago),
                Woken::Late => return Err(format!("nobody rang after {came} of {count} frames")),
                Woken::Awake | Woken::Other => {}
            }
        }
        came += burst.len() as u32;
    }
    Ok(times)
}
