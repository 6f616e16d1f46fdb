//! A connection that never stays: before everything that happens to it, it goes on with another engine,
//! whose clock and epoch are others.

use mafo_mem::Nanos;

use super::{Bench, Endpoint, EngineEndpoint, Setup};
use crate::{
    Checkpoint, Connection, Counters, Ended, IcmpError, Patience, Segment, SeqNum, State, Switches,
};

/// Runs scripts on connections that are taken apart and put together again before each call.
#[derive(Clone, Copy, Debug, Default)]
pub struct TravellingBench;

impl Bench for TravellingBench {
    fn start(&mut self, setup: &Setup) -> Box<dyn Endpoint> {
        let end = EngineEndpoint::new(setup, Nanos::from_secs(1_000));
        Box::new(Traveller { end, ahead: Nanos::ZERO, stops: 1 })
    }
}

struct Traveller {
    end: EngineEndpoint,
    /// The present engine's clock is ahead of the script's by this.
    ahead: Nanos,
    /// How often it went on; decides where to.
    stops: u64,
}

impl Traveller {
    /// To an engine that knows nothing but the checkpoint, settings and counters apart.
    fn travel(&mut self) {
        let Some(conn) = &self.end.conn else { return };
        let mut checkpoint = conn.checkpoint(self.end.now);
        self.stops = self.stops.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23) | 1;
        let clock = self.end.engine.config.ts_clock;
        let before = clock.ticks(self.end.now);
        // Any clock does whose ticks, and milliseconds, begin when they began before: then TSval goes on as it
        // did, and so does what is measured in milliseconds.
        let forward = Nanos::from_millis(self.stops >> 44);
        let turned = (self.stops >> 16) & 0xffff_ffff;
        let epoch = clock.epoch.0.wrapping_sub(forward.0).wrapping_add(turned * clock.tick.0);
        self.end.engine.config.ts_clock.epoch = Nanos(epoch);
        self.end.now += forward;
        self.ahead += forward;
        if let Some(timestamps) = &mut checkpoint.timestamps {
            let after = self.end.engine.config.ts_clock.ticks(self.end.now);
            timestamps.offset = timestamps.offset.wrapping_add(before.wrapping_sub(after));
        }
        let bytes = checkpoint.to_bytes();
        assert_eq!(Checkpoint::from_bytes(&bytes).as_ref(), Ok(&checkpoint), "as bytes");
        let restored = Connection::restore(&mut self.end.engine, self.end.now, &checkpoint);
        assert_eq!(restored.checkpoint(self.end.now), checkpoint, "what arrived is what left");
        self.end.conn = Some(restored);
    }

    fn here(&mut self) -> &mut EngineEndpoint {
        self.travel();
        &mut self.end
    }
}

impl Endpoint for Traveller {
    fn now(&self) -> Nanos {
        self.end.now() - self.ahead
    }

    fn advance(&mut self, to: Nanos) {
        self.travel();
        self.end.advance(to + self.ahead);
    }

    fn inject(&mut self, segment: &Segment, payload: &[u8]) {
        self.here().inject(segment, payload);
    }

    fn take(&mut self) -> Option<(Segment, Vec<u8>)> {
        self.here().take()
    }

    fn connect(&mut self) {
        self.here().connect();
    }

    fn listen(&mut self) {
        self.here().listen();
    }

    fn send(&mut self, bytes: &[u8]) {
        self.here().send(bytes);
    }

    fn send_urgent(&mut self, bytes: &[u8]) {
        self.here().send_urgent(bytes);
    }

    fn urgent_end(&self) -> Option<u64> {
        self.end.urgent_end()
    }

    fn recv(&mut self, max: usize) -> Vec<u8> {
        self.here().recv(max)
    }

    fn is_at_end(&self) -> bool {
        self.end.is_at_end()
    }

    fn close(&mut self) {
        self.here().close();
    }

    fn abort(&mut self) {
        self.here().abort();
    }

    fn set_switches(&mut self, switches: Switches) {
        self.here().set_switches(switches);
    }

    fn set_mss(&mut self, mss: u16) {
        self.here().set_mss(mss);
    }

    fn set_patience(&mut self, patience: Patience) {
        self.here().set_patience(patience);
    }

    fn icmp(&mut self, seq: SeqNum, error: IcmpError) {
        self.here().icmp(seq, error);
    }

    fn too_big(&mut self, seq: SeqNum, mss: u16) {
        self.here().too_big(seq, mss);
    }

    fn soft_error(&self) -> Option<IcmpError> {
        self.end.soft_error()
    }

    fn stall(&mut self, stalled: bool) -> bool {
        self.here().stall(stalled)
    }

    fn state(&self) -> State {
        self.end.state()
    }

    fn ended(&self) -> Option<Ended> {
        self.end.ended()
    }

    fn counters(&self) -> Counters {
        self.end.counters()
    }
}
