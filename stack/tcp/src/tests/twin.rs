//! A copy of a connection that goes on with another engine before each call, as a checkpoint's bytes, and must
//! do as the original does, which stays where it is.

use mafo_mem::Nanos;

use crate::script::{Chance, Endpoint, EngineEndpoint};
use crate::{Checkpoint, Connection, Segment};

pub(super) struct Twin {
    end: EngineEndpoint,
    /// The twin's clock is ahead of the original's by this.
    ahead: Nanos,
    rng: Chance<'static>,
}

impl Twin {
    /// A twin of `original` from now on.
    pub(super) fn of(original: &EngineEndpoint, rng: &mut Chance<'_>) -> Self {
        let (end, ahead) = (original.clone(), Nanos::ZERO);
        let mut twin = Self { end, ahead, rng: Chance::Seed(rng.number()) };
        twin.travel();
        twin
    }

    /// On to an engine that has another clock and another epoch, as bytes.
    fn travel(&mut self) {
        let Some(conn) = &self.end.conn else { return };
        let mut checkpoint = conn.checkpoint(self.end.now);
        let clock = self.end.engine.config.ts_clock;
        let before = clock.ticks(self.end.now);
        // A tick, and a millisecond, begins when it began before, or neither TSval nor what is measured in
        // milliseconds would go on as it did.
        let whole = clock.tick.0 * 1_000_000;
        let left_over = clock.epoch.0 % clock.tick.0;
        let epoch = Nanos(clock.tick.0 * self.rng.below(1 << 31) + left_over);
        self.end.engine.config.ts_clock.epoch = epoch;
        let here = self.end.now - self.ahead;
        self.ahead = Nanos(whole * self.rng.below(1 << 18));
        self.end.now = here + self.ahead;
        if let Some(timestamps) = &mut checkpoint.timestamps {
            let after = self.end.engine.config.ts_clock.ticks(self.end.now);
            timestamps.offset = timestamps.offset.wrapping_add(before.wrapping_sub(after));
        }
        let checkpoint = Checkpoint::from_bytes(&checkpoint.to_bytes()).expect("as it was made");
        let restored = Connection::restore(&mut self.end.engine, self.end.now, &checkpoint);
        self.end.conn = Some(restored);
    }

    pub(super) fn follow(&mut self, now: Nanos, call: impl Fn(&mut EngineEndpoint)) {
        self.end.now = now + self.ahead;
        self.travel();
        call(&mut self.end);
    }

    pub(super) fn take(&mut self, now: Nanos) -> Option<(Segment, Vec<u8>)> {
        self.end.now = now + self.ahead;
        self.travel();
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
