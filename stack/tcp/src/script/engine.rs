//! The plainest owner of the engine: buffers, a clock that stands still until moved, no wire.

use std::collections::VecDeque;

use mafo_mem::Nanos;

use super::{Bench, Endpoint, Setup};
use crate::{
    Checkpoint, Connection, Counters, Ended, Engine, Events, IcmpError, Open, Patience, Payload,
    Segment, SeqNum, State, Switches, Then, reset_for,
};

/// Runs scripts on the engine itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct EngineBench;

impl Bench for EngineBench {
    fn start(&mut self, setup: &Setup) -> Box<dyn Endpoint> {
        Box::new(EngineEndpoint::new(setup, Nanos::from_secs(1_000)))
    }
}

/// A connection with its owner's buffers and its application's.
#[derive(Clone, Debug)]
pub struct EngineEndpoint {
    /// Settings and counters.
    pub engine: Engine,
    /// The connection, once opened.
    pub conn: Option<Connection>,
    /// The clock.
    pub now: Nanos,
    /// What to open with.
    pub open: Open,
    listening: bool,
    /// Segments that wait to be taken.
    waiting: VecDeque<(Segment, Vec<u8>)>,
    /// Posted and not acknowledged.
    send_buffer: VecDeque<u8>,
    /// From `rcv_nxt − undelivered` on: in order, then holes and held bytes.
    store: VecDeque<u8>,
    /// What the application can read.
    readable: VecDeque<u8>,
    delivered: u64,
    end_seen: bool,
    urgent_end: Option<u64>,
    stalled: bool,
    way_out: WayOut,
    rcv_buf: usize,
}

/// Whether segments get out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WayOut {
    Open,
    Blocked,
}

impl EngineEndpoint {
    /// An endpoint whose clock shows `now`.
    #[must_use]
    pub fn new(setup: &Setup, now: Nanos) -> Self {
        let open = Open {
            local_port: 7,
            remote_port: 40_000,
            iss: setup.iss,
            mss: setup.mss,
            rcv_wnd: setup.rcv_buf,
            window_scale: setup.window_scale,
            timestamps: setup.timestamps,
            ts_offset: 0xffff_ff00,
            sack: setup.sack,
            congestion: setup.congestion,
            ecn: setup.ecn,
            switches: setup.switches,
        };
        Self {
            engine: Engine::new(setup.config.clone()),
            conn: None,
            now,
            open,
            listening: false,
            waiting: VecDeque::new(),
            send_buffer: VecDeque::new(),
            store: VecDeque::new(),
            readable: VecDeque::new(),
            delivered: 0,
            end_seen: false,
            urgent_end: None,
            stalled: false,
            way_out: WayOut::Open,
            rcv_buf: setup.rcv_buf as usize,
        }
    }

    /// An endpoint that goes on with a connection: what is posted is [`super::pattern`], and what was
    /// received and is not delivered is zeros.
    #[must_use]
    pub fn restored(setup: &Setup, now: Nanos, checkpoint: &Checkpoint) -> Self {
        let mut end = Self::new(setup, now);
        let posted = checkpoint.tx_max.since(checkpoint.snd_una);
        let held = checkpoint.held.last().map_or(0, |last| last.end.since(checkpoint.rcv_nxt));
        let received = (checkpoint.undelivered + held) as usize;
        end.send_buffer = (0..posted).map(super::pattern).collect();
        end.store = std::iter::repeat_n(0, received).collect();
        end.rcv_buf = end.rcv_buf.max(received + checkpoint.rcv_wnd as usize);
        end.conn = Some(Connection::restore(&mut end.engine, now, checkpoint));
        end
    }

    /// The application sends, and says what follows.
    pub fn send_with(&mut self, bytes: &[u8], then: Then) {
        let Some(conn) = &mut self.conn else { panic!("sent before it was opened") };
        self.send_buffer.extend(bytes);
        conn.post_with(bytes.len() as u32, then);
    }

    /// Bytes posted and not acknowledged.
    #[must_use]
    pub fn unacked(&self) -> usize {
        self.send_buffer.len()
    }

    /// Bytes that the application has read or could read.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Whether the application can see that no more bytes come.
    #[must_use]
    pub fn end_seen(&self) -> bool {
        self.end_seen
    }

    /// When the next timer runs out.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Nanos> {
        self.conn.as_ref().and_then(Connection::poll_timeout)
    }

    /// Runs the timers due.
    pub fn handle_timeout(&mut self) {
        if let Some(conn) = &mut self.conn {
            conn.handle_timeout(&mut self.engine, self.now);
        }
    }

    fn place(&mut self, at: usize, bytes: &[u8]) {
        if self.store.len() < at + bytes.len() {
            self.store.resize(at + bytes.len(), 0);
        }
        for (slot, byte) in self.store.range_mut(at..).zip(bytes) {
            *slot = *byte;
        }
        let stored = self.store.len() + self.readable.len();
        assert!(stored <= self.rcv_buf, "{stored} bytes in a buffer of {}", self.rcv_buf);
    }

    /// Shows the application what is in order.
    fn deliver(&mut self) {
        let Some(conn) = &mut self.conn else { return };
        if self.stalled {
            return;
        }
        let undelivered = conn.undelivered();
        self.readable.extend(self.store.drain(..undelivered as usize));
        self.delivered += u64::from(undelivered);
        conn.deliver(undelivered);
        if conn.peer_fin() == crate::PeerFin::Undelivered {
            self.end_seen = true;
            conn.deliver_fin();
        }
    }
}

impl Endpoint for EngineEndpoint {
    fn now(&self) -> Nanos {
        self.now
    }

    fn advance(&mut self, to: Nanos) {
        loop {
            if let Some(output) = self.take() {
                self.waiting.push_front(output);
                return;
            }
            match self.poll_timeout() {
                Some(due) if due <= to => {
                    self.now = self.now.max(due);
                    self.handle_timeout();
                }
                _ => {
                    self.now = self.now.max(to);
                    return;
                }
            }
        }
    }

    fn inject(&mut self, segment: &Segment, payload: &[u8]) {
        let Some(conn) = &mut self.conn else {
            if self.listening {
                self.conn = Connection::accept(&mut self.engine, self.now, &self.open, segment);
            }
            if self.conn.is_none() {
                self.waiting.extend(reset_for(segment).map(|reset| (reset, Vec::new())));
            }
            return;
        };
        let undelivered = conn.undelivered() as usize;
        let input = conn.handle_segment(&mut self.engine, self.now, segment);
        if let Some(ahead) = input.urgent {
            self.urgent_end = Some(self.delivered + undelivered as u64 + u64::from(ahead));
        }
        self.send_buffer.drain(..input.acked as usize);
        match input.payload {
            Payload::Drop => {}
            Payload::Deliver { skip, len } => {
                self.place(undelivered, &payload[skip as usize..][..len as usize]);
            }
            Payload::Hold { skip, len, offset } => {
                let at = undelivered + offset as usize;
                self.place(at, &payload[skip as usize..][..len as usize]);
            }
        }
        if input.events.contains(Events::REOPEN) && self.listening {
            self.store.clear();
            self.readable.clear();
            (self.delivered, self.end_seen) = (0, false);
            self.conn = Connection::accept(&mut self.engine, self.now, &self.open, segment);
            return;
        }
        self.deliver();
    }

    fn take(&mut self) -> Option<(Segment, Vec<u8>)> {
        if let Some(output) = self.waiting.pop_front() {
            return Some(output);
        }
        let conn = self.conn.as_mut()?;
        let output = match self.way_out {
            WayOut::Open => conn.poll_output(&mut self.engine, self.now),
            WayOut::Blocked => {
                conn.hold_output(&self.engine, self.now);
                None
            }
        };
        let Some(output) = output else {
            if let Some(conn) = &self.conn {
                super::law::timers_run(conn, &self.engine, self.now);
            }
            return None;
        };
        let start = output.offset as usize;
        let len = output.segment.payload_len as usize;
        let payload = match len {
            0 => Vec::new(),
            _ => self.send_buffer.range(start..start + len).copied().collect(),
        };
        Some((output.segment, payload))
    }

    fn connect(&mut self) {
        self.conn = Some(Connection::connect(&mut self.engine, self.now, &self.open));
    }

    fn listen(&mut self) {
        self.listening = true;
    }

    fn send(&mut self, bytes: &[u8]) {
        self.send_with(bytes, Then::Nothing);
    }

    fn send_urgent(&mut self, bytes: &[u8]) {
        self.send(bytes);
        if let Some(conn) = &mut self.conn {
            conn.mark_urgent();
        }
    }

    fn urgent_end(&self) -> Option<u64> {
        self.urgent_end
    }

    fn recv(&mut self, max: usize) -> Vec<u8> {
        let len = max.min(self.readable.len());
        let bytes = self.readable.drain(..len).collect();
        if let Some(conn) = &mut self.conn {
            conn.credit(len as u32);
        }
        bytes
    }

    fn is_at_end(&self) -> bool {
        self.end_seen && self.readable.is_empty()
    }

    fn close(&mut self) {
        if let Some(conn) = &mut self.conn {
            conn.close();
        }
    }

    fn abort(&mut self) {
        if let Some(conn) = &mut self.conn {
            conn.abort();
        }
    }

    fn set_switches(&mut self, switches: Switches) {
        if let Some(conn) = &mut self.conn {
            conn.set_switches(&self.engine, self.now, switches);
        }
    }

    fn set_mss(&mut self, mss: u16) {
        if let Some(conn) = &mut self.conn {
            conn.set_path_mss(&mut self.engine, mss);
        }
    }

    fn set_patience(&mut self, patience: Patience) {
        if let Some(conn) = &mut self.conn {
            conn.set_patience(&self.engine, self.now, patience);
        }
    }

    fn icmp(&mut self, seq: SeqNum, error: IcmpError) {
        if let Some(conn) = &mut self.conn {
            let _ = conn.handle_icmp(&mut self.engine, seq, error);
        }
    }

    fn too_big(&mut self, seq: SeqNum, mss: u16) {
        if let Some(conn) = &mut self.conn
            && conn.is_outstanding(seq)
        {
            conn.set_path_mss(&mut self.engine, mss);
        }
    }

    fn soft_error(&self) -> Option<IcmpError> {
        self.conn.as_ref().and_then(Connection::soft_error)
    }

    fn stall(&mut self, stalled: bool) -> bool {
        self.stalled = stalled;
        self.deliver();
        true
    }

    fn block(&mut self, blocked: bool) -> bool {
        self.way_out = if blocked { WayOut::Blocked } else { WayOut::Open };
        true
    }

    fn state(&self) -> State {
        self.conn.as_ref().map_or(State::Closed, Connection::state)
    }

    fn ended(&self) -> Option<Ended> {
        self.conn.as_ref().and_then(Connection::ended)
    }

    fn counters(&self) -> Counters {
        self.engine.counters
    }
}
