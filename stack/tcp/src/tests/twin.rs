//! A copy of a connection on another engine, made of a checkpoint, that must go on as the original does.

use mafo_mem::Nanos;

use super::rng::Rng;
use crate::script::{Endpoint, EngineEndpoint};
use crate::{Connection, Segment};

pub(super) struct Twin {
    end: EngineEndpoint,
    /// The twin's clock is ahead of the original's by this.
    ahead: Nanos,
}

impl Twin {
    /// A twin of `original` from now on, whose engine has another clock and another epoch.
    pub(super) fn of(original: &EngineEndpoint, rng: &mut Rng) -> Option<Self> {
        let tick = original.engine.config.ts_clock.tick;
        let ahead = Nanos(tick.0 * rng.below(1 << 30));
        let conn = original.conn.as_ref()?;
        let mut checkpoint = conn.checkpoint(original.now);
        let mut end = original.clone();
        end.now = original.now + ahead;
        let clock = &mut end.engine.config.ts_clock;
        clock.epoch = Nanos(tick.0 * rng.below(1 << 31));
        if let Some(timestamps) = &mut checkpoint.timestamps {
            let (ours, theirs) = (original.engine.config.ts_clock, *clock);
            // Ticks are whole on both sides only together with what the epoch leaves over.
            end.engine.config.ts_clock.epoch = theirs.epoch + Nanos(ours.epoch.0 % tick.0);
            let theirs = end.engine.config.ts_clock.ticks(end.now);
            let behind = ours.ticks(original.now).wrapping_sub(theirs);
            timestamps.offset = timestamps.offset.wrapping_add(behind);
        }
        end.conn = Some(Connection::restore(&mut end.engine, end.now, &checkpoint));
        Some(Self { end, ahead })
    }

    pub(super) fn follow(&mut self, now: Nanos, call: impl Fn(&mut EngineEndpoint)) {
        self.end.now = now + self.ahead;
        call(&mut self.end);
    }

    pub(super) fn take(&mut self, now: Nanos) -> Option<(Segment, Vec<u8>)> {
        self.end.now = now + self.ahead;
        self.end.take()
    }

    /// Both would answer the same to anything: their checkpoints differ in nothing but the clock's offset.
    pub(super) fn compare(&self, original: &EngineEndpoint) {
        let (Some(ours), Some(theirs)) = (&original.conn, &self.end.conn) else { return };
        let ours = ours.checkpoint(original.now);
        let mut theirs = theirs.checkpoint(self.end.now);
        if let (Some(ours), Some(theirs)) = (&ours.timestamps, &mut theirs.timestamps) {
            theirs.offset = ours.offset;
        }
        assert_eq!(theirs, ours, "the restored copy knows the same");
    }
}
