//! A connection to and from a [`Snapshot`].

use mafo_mem::Nanos;

use crate::assembler::Assembler;
use crate::cc::{Congestion, CongestionParts};
use crate::connection::SHIFT_MAX;
use crate::limit::RateLimit;
use crate::loss::LossState;
use crate::mtu_probe::MtuSearch;
use crate::patience::Waiting;
use crate::rtt::Rtt;
use crate::scoreboard::{Scoreboard, Sent};
use crate::tcb::{AckDue, ReceiveSpace, SendSpace, TimestampState};
use crate::timers::{Timer, Timers};
use crate::writes::Writes;
use crate::{
    AckSnapshot, Connection, EchoFloor, Engine, Fate, MtuSearchSnapshot, PAWS_IDLE,
    PatienceSnapshot, Private, Recovery, SentSnapshot, SeqNum, Snapshot, State, TimeWait,
    TimersSnapshot, TimestampsSnapshot, Transmissions, WindowScale,
};

impl Connection {
    /// All that the connection knows.
    ///
    /// Destructured without `..`: a field added to the connection does not compile here until somebody
    /// decides whether it travels.
    #[must_use]
    pub fn snapshot(&self, now: Nanos) -> Snapshot {
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
            ce_echo,
            pending,
            timers,
            keepalive_probes,
            challenges,
            patience,
            mtu_search,
        } = self;
        let SendSpace {
            iss,
            una,
            max,
            tx_max,
            up: snd_up,
            fin_posted,
            wnd: snd_wnd,
            wnd_max: snd_wnd_max,
            wl1,
            wl2,
            mss,
            mss_peer,
            board,
            cc,
            rtt,
            recovery,
            recover,
            dup_acks,
            dup_bytes,
            loss,
            // What a restorer does not know costs a PSH, or joins two records.
            writes: _,
            last_sent,
            retransmits,
        } = snd;
        let ReceiveSpace {
            irs,
            nxt,
            undelivered,
            up: rcv_up,
            wnd: rcv_wnd,
            wnd_max: rcv_wnd_max,
            adv,
            last_ack_sent,
            mss: mss_announced,
            fin,
            held,
            duplicate,
            ack,
        } = rcv;
        let CongestionParts {
            algorithm,
            state: congestion_state,
            cwnd,
            ssthresh,
            credit,
            limited,
            used,
        } = cc.snapshot(now);
        Snapshot {
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
            peer_fin: *fin,
            held: held.ranges().to_vec(),
            ack: ack_snapshot(ack),
            mss: *mss,
            mss_announced: *mss_announced,
            window_scale: *window_scale,
            timestamps: timestamps.map(|state| timestamps_snapshot(state, now)),
            sack: *sack,
            ecn: *ecn,
            switches: *switches,
            cwnd,
            ssthresh,
            cwnd_credit: credit,
            cwnd_limited: limited,
            recovery: *recovery,
            recover: *recover,
            dup_acks: *dup_acks,
            in_flight: board.records().map(|record| sent_snapshot(record, now)).collect(),
            last_sent_age: now - *last_sent,
            rtt: rtt.smoothed(),
            backoff: rtt.backoff(),
            retransmits: *retransmits,
            timers: timers_snapshot(timers, *keepalive_probes, now),
            private: Private {
                ended: *ended,
                soft_error: *soft_error,
                patience: patience.as_ref().map(|waiting| patience_snapshot(waiting, now)),
                pending: *pending,
                mss_peer: Some(*mss_peer),
                congestion: algorithm,
                congestion_state,
                ce_echo: ce_echo.clone(),
                window_use: used,
                dup_bytes: *dup_bytes,
                sent_again_age: board.sent_again_at().map(|at| now - at),
                rto_unsampled: rtt.rto_unsampled(),
                challenge_acks: challenges.snapshot(now),
                mtu_search: mtu_search.as_ref().map(|search| mtu_search_snapshot(search, now)),
                ack_owed: ack.owed,
                snd_urgent: Some(*snd_up).filter(|up| up.after(*una)),
                rcv_urgent: Some(*rcv_up).filter(|up| up.after(*nxt)),
                duplicate: *duplicate,
                loss: loss.snapshot(now),
                echo_floor: echo_floor(*timestamps),
            },
        }
    }

    /// Goes on with a connection that another engine had. RTT samples from echoes of timestamps older
    /// than this moment's are not taken.
    ///
    /// Nothing is output but what is owed: payload or FIN not sent or lost, an ACK, a window update.
    pub fn restore(engine: &mut Engine, now: Nanos, snapshot: &Snapshot) -> Self {
        let timestamps = snapshot.timestamps.map(|state| TimestampState {
            offset: state.offset,
            recent: state.recent.map(|recent| (recent, now + (PAWS_IDLE - state.recent_age))),
            floor: None,
        });
        let window_scale = snapshot.window_scale.map(|scale| WindowScale {
            snd: scale.snd.min(SHIFT_MAX),
            rcv: scale.rcv.min(SHIFT_MAX),
        });
        let private = &snapshot.private;
        let mut connection = Self {
            state: snapshot.state,
            opened: snapshot.opened,
            ended: private.ended,
            soft_error: private.soft_error,
            local_port: snapshot.local_port,
            remote_port: snapshot.remote_port,
            switches: snapshot.switches,
            snd: restore_send_space(engine, now, snapshot),
            rcv: restore_receive_space(snapshot),
            window_scale,
            timestamps,
            sack: snapshot.sack,
            ecn: snapshot.ecn,
            ce_echo: private
                .congestion
                .needs_ecn()
                .then(|| private.ce_echo.clone().unwrap_or_default()),
            pending: private.pending,
            timers: restore_timers(&snapshot.timers, now),
            keepalive_probes: snapshot.timers.keepalive_probes,
            challenges: RateLimit::restore(private.challenge_acks, now),
            patience: private
                .patience
                .map(|p| Box::new(restore_patience(p, snapshot.snd_una, now))),
            mtu_search: private.mtu_search.map(|s| Box::new(restore_mtu_search(s, now))),
        };
        match private.echo_floor {
            EchoFloor::Restored => connection.ignore_older_echoes(engine, now),
            EchoFloor::None => {}
            EchoFloor::At(floor) => {
                if let Some(state) = &mut connection.timestamps {
                    state.floor = Some(floor);
                }
            }
        }
        connection.start_missing_timers(engine, now);
        connection
    }

    /// From now on an echo of a timestamp older than this moment's gives no RTT sample: another clock
    /// made it.
    fn ignore_older_echoes(&mut self, engine: &Engine, now: Nanos) {
        let ticks = engine.config.ts_clock.ticks(now);
        if let Some(state) = &mut self.timestamps {
            state.floor = Some(ticks.wrapping_add(state.offset));
        }
    }

    /// Every timer that the state calls for runs.
    fn start_missing_timers(&mut self, engine: &mut Engine, now: Nanos) {
        if self.state == State::Closed {
            return;
        }
        if self.snd.flight() > 0 && !self.timers.retransmit.is_armed() && !self.pending.syn {
            self.arm_retransmit(engine, now);
        }
        let owes_ack = self.state.is_synchronized()
            && self.rcv.ack_no().after(self.rcv.last_ack_sent)
            && !self.rcv.ack.now;
        if owes_ack {
            self.timers.delayed_ack.arm_if_off(now + engine.config.delayed_ack);
        }
        let keepalive = self.switches.keepalive && self.state.is_synchronized();
        if keepalive && self.state != State::TimeWait {
            self.timers.keepalive.arm_if_off(now + self.keepalive(&engine.config).idle);
        }
        match (self.state, engine.config.time_wait, self.fin_wait2(&engine.config)) {
            (State::TimeWait, TimeWait::Keep(left), _) | (State::FinWait2, _, Some(left)) => {
                self.timers.linger.arm_if_off(now + left);
            }
            (State::TimeWait, TimeWait::Owner, _) => {
                let _ = self.enter_time_wait(&engine.config, now);
            }
            _ => {}
        }
    }
}

fn restore_send_space(engine: &Engine, now: Nanos, snapshot: &Snapshot) -> SendSpace {
    let private = &snapshot.private;
    let board = restore_scoreboard(now, snapshot);
    let congestion = CongestionParts {
        algorithm: private.congestion,
        state: private.congestion_state.clone(),
        cwnd: snapshot.cwnd,
        ssthresh: snapshot.ssthresh,
        credit: snapshot.cwnd_credit,
        limited: snapshot.cwnd_limited,
        used: private.window_use,
    };
    // Lost segments of unknown history are repaired as after a timeout.
    let goes_back = snapshot.in_flight.is_empty() && board.lost() > 0;
    let (recovery, recover) = if goes_back && snapshot.recovery == Recovery::Open {
        (Recovery::Loss, snapshot.snd_max)
    } else {
        (snapshot.recovery, snapshot.recover)
    };
    SendSpace {
        iss: snapshot.iss,
        una: snapshot.snd_una,
        max: snapshot.snd_max,
        tx_max: snapshot.tx_max,
        up: private.snd_urgent.unwrap_or(snapshot.snd_una),
        fin_posted: snapshot.fin_posted,
        wnd: snapshot.snd_wnd,
        wnd_max: snapshot.snd_wnd_max.max(snapshot.snd_wnd),
        wl1: snapshot.snd_wl1,
        wl2: snapshot.snd_wl2,
        mss: snapshot.mss,
        mss_peer: private.mss_peer.unwrap_or(snapshot.mss),
        board,
        cc: Congestion::restore(congestion, now, snapshot.snd_max),
        rtt: Rtt::restore(&engine.config, snapshot.rtt, private.rto_unsampled, snapshot.backoff),
        recovery,
        recover,
        dup_acks: snapshot.dup_acks,
        dup_bytes: private.dup_bytes,
        loss: LossState::restore(&private.loss, now),
        writes: Writes::new(snapshot.tx_max),
        last_sent: now - snapshot.last_sent_age,
        retransmits: snapshot.retransmits,
    }
}

/// Without records, what is in flight is one segment up to `snd_nxt`, and a lost one from there on.
fn restore_scoreboard(now: Nanos, snapshot: &Snapshot) -> Scoreboard {
    let sent_again_at = snapshot.private.sent_again_age.map(|age| now - age);
    if !snapshot.in_flight.is_empty() || !snapshot.state.is_synchronized() {
        let records = snapshot.in_flight.iter().map(|sent| restore_sent(sent, now));
        return Scoreboard::restore(records, sent_again_at);
    }
    let nxt = snapshot.snd_nxt.earlier(snapshot.snd_max).later(snapshot.snd_una);
    let record = |start: SeqNum, end: SeqNum, fate| {
        let sent = Sent { start, end, sent_at: now, fate, transmissions: Transmissions::Unknown };
        (start != end).then_some(sent)
    };
    let sent = record(snapshot.snd_una, nxt, Fate::InFlight);
    let lost = record(nxt, snapshot.snd_max, Fate::Lost);
    Scoreboard::restore(sent.into_iter().chain(lost), sent_again_at)
}

fn mtu_search_snapshot(search: &MtuSearch, now: Nanos) -> MtuSearchSnapshot {
    let MtuSearch { low, high, ceiling, probe, again_at } = *search;
    let again_in = Nanos(again_at.0.saturating_sub(now.0));
    MtuSearchSnapshot { low, high, ceiling, probe, again_in }
}

fn restore_mtu_search(snapshot: MtuSearchSnapshot, now: Nanos) -> MtuSearch {
    let MtuSearchSnapshot { low, high, ceiling, probe, again_in } = snapshot;
    MtuSearch { low, high, ceiling, probe, again_at: now + again_in }
}

fn patience_snapshot(waiting: &Waiting, now: Nanos) -> PatienceSnapshot {
    // Whose progress is waited for is `snd_una`'s.
    let Waiting { settings, since, una: _, heard_at } = *waiting;
    let (waited, silence) = (since.map(|since| now - since), now - heard_at);
    PatienceSnapshot { settings, waited, silence }
}

fn restore_patience(snapshot: PatienceSnapshot, una: SeqNum, now: Nanos) -> Waiting {
    let PatienceSnapshot { settings, waited, silence } = snapshot;
    Waiting { settings, since: waited.map(|waited| now - waited), una, heard_at: now - silence }
}

fn restore_receive_space(snapshot: &Snapshot) -> ReceiveSpace {
    ReceiveSpace {
        irs: snapshot.irs,
        nxt: snapshot.rcv_nxt,
        undelivered: snapshot.undelivered,
        up: snapshot.private.rcv_urgent.unwrap_or(snapshot.rcv_nxt),
        wnd: snapshot.rcv_wnd,
        wnd_max: snapshot.rcv_wnd_max.max(snapshot.rcv_wnd),
        adv: snapshot.rcv_adv,
        last_ack_sent: snapshot.last_ack_sent,
        mss: snapshot.mss_announced,
        fin: snapshot.peer_fin,
        held: Assembler::restore(&snapshot.held),
        duplicate: snapshot.private.duplicate,
        ack: restore_ack(snapshot),
    }
}

fn ack_snapshot(ack: &AckDue) -> AckSnapshot {
    // Whether one is owed goes with what only this engine knows. Rhythm and size are learned again.
    let AckDue { segments, now, immediate, owed: _, rhythm: _, largest: _ } = *ack;
    AckSnapshot { segments_unacked: segments, now, duplicates: immediate }
}

fn restore_ack(snapshot: &Snapshot) -> AckDue {
    let AckSnapshot { segments_unacked, now, duplicates } = snapshot.ack;
    let owed = snapshot.private.ack_owed;
    AckDue { segments: segments_unacked, now, immediate: duplicates, owed, ..AckDue::default() }
}

fn sent_snapshot(record: &Sent, now: Nanos) -> SentSnapshot {
    let Sent { start, end, sent_at, fate, transmissions } = *record;
    SentSnapshot { start, end, age: now - sent_at, fate, transmissions }
}

fn restore_sent(snapshot: &SentSnapshot, now: Nanos) -> Sent {
    let SentSnapshot { start, end, age, fate, transmissions } = *snapshot;
    Sent { start, end, sent_at: now - age, fate, transmissions }
}

fn echo_floor(timestamps: Option<TimestampState>) -> EchoFloor {
    timestamps.and_then(|state| state.floor).map_or(EchoFloor::None, EchoFloor::At)
}

fn timestamps_snapshot(state: TimestampState, now: Nanos) -> TimestampsSnapshot {
    // The floor has its place in `Private`.
    let TimestampState { offset, recent, floor: _ } = state;
    TimestampsSnapshot {
        offset,
        recent: recent.map(|(val, _)| val),
        recent_age: recent.map_or(PAWS_IDLE, |(_, until)| PAWS_IDLE - (until - now)),
    }
}

fn timers_snapshot(timers: &Timers, keepalive_probes: u8, now: Nanos) -> TimersSnapshot {
    let Timers { retransmit, retransmit_for, persist, delayed_ack, keepalive, linger } = *timers;
    TimersSnapshot {
        retransmit: retransmit.left(now),
        retransmit_for,
        persist: persist.left(now),
        delayed_ack: delayed_ack.left(now),
        keepalive: keepalive.left(now),
        linger: linger.left(now),
        keepalive_probes,
    }
}

fn restore_timers(snapshot: &TimersSnapshot, now: Nanos) -> Timers {
    let TimersSnapshot {
        retransmit,
        retransmit_for,
        persist,
        delayed_ack,
        keepalive,
        linger,
        keepalive_probes: _,
    } = *snapshot;
    Timers {
        retransmit: Timer::with_left(retransmit, now),
        retransmit_for,
        persist: Timer::with_left(persist, now),
        delayed_ack: Timer::with_left(delayed_ack, now),
        keepalive: Timer::with_left(keepalive, now),
        linger: Timer::with_left(linger, now),
    }
}
