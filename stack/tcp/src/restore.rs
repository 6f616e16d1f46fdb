//! A connection to and from a [`Checkpoint`].

use mafo_mem::Nanos;

use crate::assembler::Assembler;
use crate::cc::{Congestion, CongestionParts, Usage};
use crate::connection::SHIFT_MAX;
use crate::delack::Rhythm;
use crate::ecn::EcnFlags;
use crate::flight::{Flight, Lease};
use crate::limit::RateLimit;
use crate::loss;
use crate::mtu_probe::MtuSearch;
use crate::patience::Waiting;
use crate::rack::Rack;
use crate::rare::Rare;
use crate::rtt::Rtt;
use crate::scoreboard::{Scoreboard, Sent};
use crate::tail_probe::Tail;
use crate::tcb::{AckDue, Due, Fin, ReceiveSpace, Recent, SendSpace, TimestampState};
use crate::timers::Timers;
use crate::writes::{Ends, Writes};
use crate::{
    AckCheckpoint, Checkpoint, Connection, EchoFloor, EcnState, Engine, Fate, MtuSearchCheckpoint,
    PAWS_IDLE, PatienceCheckpoint, PeerFin, Pending, Private, Recovery, SentCheckpoint, SeqNum,
    State, TailProbe, TimeWait, TimestampsCheckpoint, Transmissions, WindowScale,
};

impl Connection {
    /// All that the connection knows.
    ///
    /// Destructured without `..`: a field added to the connection does not compile here until somebody
    /// decides whether it travels.
    #[must_use]
    pub fn checkpoint(&self, now: Nanos) -> Checkpoint {
        let Self {
            state,
            opened,
            ended,
            soft_error,
            local_port,
            remote_port,
            switches,
            snd,
            rcv,
            window_scale,
            timestamps,
            sack,
            ecn,
            pending,
            timers,
            keepalive_probes,
            flight,
            rare,
        } = self;
        let none = Rare::default();
        // What its way out refused is no matter of another's.
        let Rare { waiting, mtu_search, ce_echo, refused: _ } = rare.as_deref().unwrap_or(&none);
        let SendSpace {
            iss,
            una,
            max,
            tx_max,
            fin_posted,
            wnd: snd_wnd,
            wnd_max: snd_wnd_max,
            // With the present one.
            edge_max: _,
            wl1,
            wl2,
            mss,
            mss_peer,
            cc,
            rtt,
            rack,
            recovery,
            recover,
            // Together.
            tail: _,
            tail_end: _,
            writes,
            last_sent,
            retransmits,
        } = snd;
        let ReceiveSpace {
            irs,
            nxt,
            undelivered,
            wnd: rcv_wnd,
            wnd_max: rcv_wnd_max,
            adv,
            last_ack_sent,
            mss: mss_announced,
            // Together with `Flight::fin`.
            fin: _,
            ack,
        } = rcv;
        let Flight {
            board,
            // These are loss detection's and recovery's.
            deliveries: _,
            prr: _,
            undo: _,
            frto: _,
            used,
            dup_acks,
            dup_bytes,
            reducing_until,
            echo_floor,
            snd_up,
            record_ends,
            push_ends,
            held,
            rcv_up,
            fin: _,
            duplicate,
            reset,
            challenges,
        } = &**flight;
        let CongestionParts { algorithm, state: congestion_state, cwnd, ssthresh, credit } =
            cc.checkpoint(now);
        let (limited, used) = used.checkpoint();
        Checkpoint {
            local_port: *local_port,
            remote_port: *remote_port,
            state: *state,
            opened: *opened,
            iss: *iss,
            snd_una: *una,
            snd_nxt: self.snd_nxt(),
            snd_max: *max,
            tx_max: *tx_max,
            fin_posted: *fin_posted,
            snd_wnd: *snd_wnd,
            snd_wnd_max: *snd_wnd_max,
            snd_wl1: *wl1,
            snd_wl2: *wl2,
            irs: *irs,
            rcv_nxt: *nxt,
            undelivered: *undelivered,
            rcv_wnd: *rcv_wnd,
            rcv_wnd_max: *rcv_wnd_max,
            rcv_adv: *adv,
            last_ack_sent: *last_ack_sent,
            peer_fin: self.peer_fin(),
            held: held.ranges().to_vec(),
            ack: ack_checkpoint(ack),
            mss: *mss,
            mss_announced: *mss_announced,
            window_scale: *window_scale,
            timestamps: timestamps.map(|state| timestamps_checkpoint(state, now)),
            sack: *sack,
            ecn: ecn_state(*ecn, *reducing_until),
            switches: *switches,
            cwnd,
            ssthresh,
            cwnd_credit: credit,
            cwnd_limited: limited,
            recovery: *recovery,
            recover: *recover,
            dup_acks: *dup_acks,
            in_flight: board.records().map(|record| sent_checkpoint(record, now)).collect(),
            last_sent_age: now - *last_sent,
            rtt: rtt.smoothed(),
            backoff: rtt.backoff(),
            retransmits: *retransmits,
            timers: timers.checkpoint(now, *keepalive_probes),
            private: Private {
                ended: *ended,
                soft_error: *soft_error,
                patience: waiting.as_ref().map(|waiting| patience_checkpoint(waiting, now)),
                pending: pending_of(*pending, *reset),
                mss_peer: Some(*mss_peer),
                congestion: algorithm,
                congestion_state,
                ce_echo: ce_echo.map(Box::new),
                window_use: used,
                dup_bytes: *dup_bytes,
                sent_again_age: board.sent_again_at().map(|at| now - at),
                rto_unsampled: rtt.rto_unsampled(),
                challenge_acks: challenges.checkpoint(now),
                mtu_search: mtu_search.as_ref().map(|search| mtu_search_checkpoint(search, now)),
                ack_owed: ack.owed,
                snd_urgent: snd_up.filter(|up| up.after(*una)),
                rcv_urgent: rcv_up.filter(|up| up.after(*nxt)),
                writes: Some(writes.checkpoint()),
                record_ends: record_ends.to_vec(),
                push_ends: push_ends.to_vec(),
                rhythm: Some(ack.rhythm.checkpoint(now)),
                duplicate: *duplicate,
                edge_max: Some(snd.rightmost_edge()),
                loss: loss::checkpoint(rack, snd.tail_probe(), flight, now),
                echo_floor: timestamps.and(*echo_floor).map_or(EchoFloor::None, EchoFloor::At),
            },
        }
    }

    /// Goes on with a connection that another engine had. RTT samples from echoes of timestamps older
    /// than this moment's are not taken.
    ///
    /// Nothing is output but what is owed: payload or FIN not sent or lost, an ACK, a window update.
    pub fn restore(engine: &mut Engine, now: Nanos, checkpoint: &Checkpoint) -> Self {
        let timestamps = checkpoint.timestamps.map(|state| TimestampState {
            offset: state.offset,
            recent: state.recent.map(|recent| Recent::restore(recent, state.recent_age, now)),
        });
        let window_scale = checkpoint.window_scale.map(|scale| WindowScale {
            snd: scale.snd.min(SHIFT_MAX),
            rcv: scale.rcv.min(SHIFT_MAX),
        });
        let private = &checkpoint.private;
        let mut flight = restore_flight(now, checkpoint);
        let loss = loss::restore(&private.loss, now, &mut flight);
        flight.echo_floor = match private.echo_floor {
            EchoFloor::Restored => timestamps.map(|state| {
                // An echo of a timestamp older than this moment's gives no RTT sample: another clock made it.
                state.at(&engine.config, now)
            }),
            EchoFloor::None => None,
            EchoFloor::At(floor) => timestamps.and(Some(floor)),
        };
        let mut connection = Self {
            state: checkpoint.state,
            opened: checkpoint.opened,
            ended: private.ended,
            soft_error: private.soft_error,
            local_port: checkpoint.local_port,
            remote_port: checkpoint.remote_port,
            switches: checkpoint.switches,
            snd: restore_send_space(engine, now, checkpoint, loss, &flight),
            rcv: restore_receive_space(now, checkpoint),
            window_scale,
            timestamps,
            sack: checkpoint.sack,
            ecn: restore_ecn(checkpoint.ecn),
            pending: restore_pending(private.pending),
            timers: Timers::restore(&engine.config, &checkpoint.timers, now),
            keepalive_probes: checkpoint.timers.keepalive_probes,
            flight: Lease::of(flight),
            rare: restore_rare(checkpoint, now).boxed(),
        };
        connection.start_missing_timers(engine, now);
        if connection.flight.board.lost() > 0 && checkpoint.in_flight.is_empty() {
            // What is owed cannot be sent before the peer says what it has room for. One that waits for the end of the
            // handshake says nothing to what lies before that.
            connection.rcv.ack.immediate |= u8::from(connection.ask_for_window());
        }
        connection
    }

    /// Every timer that the state calls for runs.
    fn start_missing_timers(&mut self, engine: &mut Engine, now: Nanos) {
        if self.state == State::Closed {
            return;
        }
        let retransmits = self.timers.retransmits_for().is_some();
        if self.snd.flight() > 0 && !retransmits && !self.pending.syn {
            self.arm_retransmit(engine, now);
        }
        if self.state.is_synchronized()
            && self.rcv.nxt.after(self.rcv.last_ack_sent)
            && !self.rcv.ack.now
            && !self.timers.delayed_ack.is_armed()
        {
            if self.rcv.ack_no().after(self.rcv.last_ack_sent) {
                self.timers.delayed_ack.arm(now + engine.config.delayed_ack);
            } else {
                // As soon as it is delivered.
                self.rcv.ack.now = true;
            }
        }
        let keepalive = self.switches.keepalive && self.state.is_synchronized();
        if keepalive && self.state != State::TimeWait {
            self.timers.keepalive.arm_if_off(now + self.keepalive(&engine.config).idle);
        }
        match (self.state, engine.config.time_wait, self.fin_wait2(&engine.config)) {
            (State::TimeWait, TimeWait::Keep(left), _) | (State::FinWait2, _, Some(left)) => {
                self.timers.lingers_at_all(now + left);
            }
            (State::TimeWait, TimeWait::Owner, _) => {
                let _ = self.enter_time_wait(&engine.config, now);
            }
            _ => {}
        }
    }
}

fn restore_send_space(
    engine: &Engine,
    now: Nanos,
    checkpoint: &Checkpoint,
    (rack, tail_probe): (Rack, Option<TailProbe>),
    flight: &Flight,
) -> SendSpace {
    let private = &checkpoint.private;
    let congestion = CongestionParts {
        algorithm: private.congestion,
        state: private.congestion_state.clone(),
        cwnd: checkpoint.cwnd,
        ssthresh: checkpoint.ssthresh,
        credit: checkpoint.cwnd_credit,
    };
    // Lost segments of unknown history are repaired as after a timeout.
    let goes_back = checkpoint.in_flight.is_empty() && flight.board.lost() > 0;
    let (recovery, recover) = if goes_back && checkpoint.recovery == Recovery::Open {
        (Recovery::Loss, checkpoint.snd_max)
    } else {
        (checkpoint.recovery, checkpoint.recover)
    };
    let mut snd = SendSpace {
        iss: checkpoint.iss,
        una: checkpoint.snd_una,
        max: checkpoint.snd_max,
        tx_max: checkpoint.tx_max,
        fin_posted: checkpoint.fin_posted,
        wnd: checkpoint.snd_wnd,
        wnd_max: checkpoint.snd_wnd_max.max(checkpoint.snd_wnd),
        edge_max: private.edge_max.unwrap_or(checkpoint.snd_una),
        wl1: checkpoint.snd_wl1,
        wl2: checkpoint.snd_wl2,
        mss: checkpoint.mss,
        mss_peer: private.mss_peer.unwrap_or(checkpoint.mss),
        cc: Congestion::restore(congestion, now),
        rtt: Rtt::restore(
            &engine.config,
            checkpoint.rtt,
            private.rto_unsampled,
            checkpoint.backoff,
        ),
        rack,
        recovery,
        recover,
        tail: Tail::Clear,
        tail_end: checkpoint.snd_una,
        writes: private.writes.map_or(Writes::new(checkpoint.tx_max), Writes::restore),
        last_sent: now - checkpoint.last_sent_age,
        retransmits: checkpoint.retransmits,
    };
    snd.edge_max = snd.rightmost_edge();
    snd.set_tail_probe(tail_probe);
    snd
}

fn restore_rare(checkpoint: &Checkpoint, now: Nanos) -> Rare {
    let Private { patience, mtu_search, congestion, ce_echo, .. } = &checkpoint.private;
    Rare {
        waiting: patience.map(|patience| restore_patience(patience, checkpoint.snd_una, now)),
        mtu_search: mtu_search.map(|search| restore_mtu_search(search, now)),
        ce_echo: congestion.needs_ecn().then(|| ce_echo.as_deref().copied().unwrap_or_default()),
        refused: None,
    }
}

fn restore_flight(now: Nanos, checkpoint: &Checkpoint) -> Flight {
    let private = &checkpoint.private;
    Flight {
        board: restore_scoreboard(now, checkpoint),
        used: Usage::restore(checkpoint.cwnd_limited, private.window_use),
        dup_acks: checkpoint.dup_acks,
        dup_bytes: private.dup_bytes,
        reducing_until: checkpoint.ecn.reducing_until,
        snd_up: private.snd_urgent.filter(|up| up.after(checkpoint.snd_una)),
        held: Assembler::restore(&checkpoint.held),
        fin: match checkpoint.peer_fin {
            PeerFin::Held(fin) => Some(fin),
            PeerFin::Absent | PeerFin::Undelivered | PeerFin::Delivered => None,
        },
        record_ends: Ends::restore(&private.record_ends),
        push_ends: Ends::restore(&private.push_ends),
        rcv_up: private.rcv_urgent.filter(|up| up.after(checkpoint.rcv_nxt)),
        duplicate: private.duplicate,
        reset: private.pending.reset,
        challenges: RateLimit::restore(private.challenge_acks, now),
        ..Flight::NONE
    }
}

/// Without records, what is in flight is one segment up to `snd_nxt`, and a lost one from there on.
fn restore_scoreboard(now: Nanos, checkpoint: &Checkpoint) -> Scoreboard {
    let sent_again_at = checkpoint.private.sent_again_age.map(|age| now - age);
    if !checkpoint.in_flight.is_empty() || !checkpoint.state.is_synchronized() {
        let records = checkpoint.in_flight.iter().map(|sent| restore_sent(sent, now));
        return Scoreboard::restore(records, sent_again_at);
    }
    let nxt = checkpoint.snd_nxt.earlier(checkpoint.snd_max).later(checkpoint.snd_una);
    let record = |start: SeqNum, end: SeqNum, fate| {
        let transmissions = Transmissions::Unknown;
        let sent = Sent { start, end, sent_at: now, fate, transmissions, goes_on: false };
        (start != end).then_some(sent)
    };
    let sent = record(checkpoint.snd_una, nxt, Fate::InFlight);
    let lost = record(nxt, checkpoint.snd_max, Fate::Lost);
    Scoreboard::restore(sent.into_iter().chain(lost), sent_again_at)
}

fn mtu_search_checkpoint(search: &MtuSearch, now: Nanos) -> MtuSearchCheckpoint {
    let MtuSearch { low, high, ceiling, probe, again_at } = *search;
    let again_in = Nanos(again_at.0.saturating_sub(now.0));
    MtuSearchCheckpoint { low, high, ceiling, probe, again_in }
}

fn restore_mtu_search(checkpoint: MtuSearchCheckpoint, now: Nanos) -> MtuSearch {
    let MtuSearchCheckpoint { low, high, ceiling, probe, again_in } = checkpoint;
    MtuSearch { low, high, ceiling, probe, again_at: now + again_in }
}

fn patience_checkpoint(waiting: &Waiting, now: Nanos) -> PatienceCheckpoint {
    // Whose progress is waited for is `snd_una`'s.
    let Waiting { settings, since, una: _, heard_at } = *waiting;
    let (waited, silence) = (since.map(|since| now - since), now - heard_at);
    PatienceCheckpoint { settings, waited, silence }
}

fn restore_patience(checkpoint: PatienceCheckpoint, una: SeqNum, now: Nanos) -> Waiting {
    let PatienceCheckpoint { settings, waited, silence } = checkpoint;
    Waiting { settings, since: waited.map(|waited| now - waited), una, heard_at: now - silence }
}

fn restore_receive_space(now: Nanos, checkpoint: &Checkpoint) -> ReceiveSpace {
    ReceiveSpace {
        irs: checkpoint.irs,
        nxt: checkpoint.rcv_nxt,
        undelivered: checkpoint.undelivered,
        wnd: checkpoint.rcv_wnd,
        wnd_max: checkpoint.rcv_wnd_max.max(checkpoint.rcv_wnd),
        adv: checkpoint.rcv_adv,
        last_ack_sent: checkpoint.last_ack_sent,
        mss: checkpoint.mss_announced,
        fin: match checkpoint.peer_fin {
            PeerFin::Absent | PeerFin::Held(_) => Fin::Absent,
            PeerFin::Undelivered => Fin::Undelivered,
            PeerFin::Delivered => Fin::Delivered,
        },
        ack: restore_ack(now, checkpoint),
    }
}

fn ack_checkpoint(ack: &AckDue) -> AckCheckpoint {
    // The rest goes with what only this engine knows.
    let AckDue { segments, now, immediate, owed: _, rhythm: _ } = *ack;
    AckCheckpoint { segments_unacked: segments, now, duplicates: immediate }
}

fn restore_ack(now: Nanos, checkpoint: &Checkpoint) -> AckDue {
    let AckCheckpoint { segments_unacked, now: at_once, duplicates } = checkpoint.ack;
    let private = &checkpoint.private;
    AckDue {
        segments: segments_unacked,
        now: at_once,
        immediate: duplicates,
        owed: private.ack_owed,
        rhythm: private.rhythm.map_or(Rhythm::default(), |rhythm| Rhythm::restore(rhythm, now)),
    }
}

fn sent_checkpoint(record: &Sent, now: Nanos) -> SentCheckpoint {
    let Sent { start, end, sent_at, fate, transmissions, goes_on } = *record;
    SentCheckpoint { start, end, age: now - sent_at, fate, transmissions, goes_on }
}

fn restore_sent(checkpoint: &SentCheckpoint, now: Nanos) -> Sent {
    let SentCheckpoint { start, end, age, fate, transmissions, goes_on } = *checkpoint;
    Sent { start, end, sent_at: now - age, fate, transmissions, goes_on }
}

fn ecn_state(flags: EcnFlags, reducing_until: Option<SeqNum>) -> EcnState {
    let EcnFlags { sends, echoes, echo_owed, cwr_owed } = flags;
    EcnState { sends, echoes, echo_owed, cwr_owed, reducing_until }
}

fn restore_ecn(state: EcnState) -> EcnFlags {
    let EcnState { sends, echoes, echo_owed, cwr_owed, reducing_until: _ } = state;
    EcnFlags { sends, echoes, echo_owed, cwr_owed }
}

fn pending_of(due: Due, reset: Option<SeqNum>) -> Pending {
    let Due { syn, probe, window_update, last_word } = due;
    Pending { syn, reset, probe, window_update, last_word }
}

fn restore_pending(pending: Pending) -> Due {
    let Pending { syn, reset: _, probe, window_update, last_word } = pending;
    Due { syn, probe, window_update, last_word }
}

fn timestamps_checkpoint(state: TimestampState, now: Nanos) -> TimestampsCheckpoint {
    let TimestampState { offset, recent } = state;
    TimestampsCheckpoint {
        offset,
        recent: recent.map(|recent| recent.val),
        recent_age: recent.map_or(PAWS_IDLE, |recent| recent.age(now)),
    }
}
