//! What a segment says, and whether it may.

use mafo_mem::Nanos;

use super::echo::Echo;
use super::edge::RightEdge;
use super::speaker::Speaker;
use super::{Flow, Half, Rule};
use crate::header::{ACK, FIN, SYN, Tcp};
use crate::plan::Side;
use crate::stream;

/// What a segment says, whoever says it.
pub(super) fn judge_content(
    at: Nanos,
    conn: usize,
    side: Side,
    flow: &mut Flow,
    tcp: &Tcp<'_>,
    is_late: bool,
) -> Result<(), (Rule, String)> {
    let [near, peer] = &mut flow.halves;
    let (here, there) = if side == Side::Near { (near, peer) } else { (peer, near) };
    let is_another = tcp.has(SYN | ACK) && here.iss.is_some_and(|iss| iss != tcp.seq);
    let was_forgotten = flow.gave_up && here.sent_end <= 0;
    if is_another && was_forgotten && there.sent_end <= 0 {
        // A listener was closed and is there again: half a handshake was forgotten, and begins once more.
        (here.iss, here.ack, here.edge) = (None, None, RightEdge::default());
        (here.sacked, here.short) = (Vec::new(), None);
        (here.stamps, here.ts_ecr) = (here.stamps.anew(), None);
        (there.ack, there.edge) = (None, RightEdge::default());
    } else if is_another && (here.is_gone || was_forgotten) {
        // What answers is a listener, and whatever follows another connection.
        flow.is_reset = true;
        return Ok(());
    }
    let iss = opens(here, tcp)?;
    says(conn, side, here, tcp, place_of(tcp.seq, iss))?;
    if is_late {
        // Which of two queues is late is not known for certain.
        if let Some((val, _)) = tcp.timestamps {
            here.stamps.say_late(val);
        }
        return Ok(());
    }
    if tcp.has(ACK) {
        let by_host = side == Side::Near && is_by_host(flow.speaker, tcp);
        acknowledges(at, here, there, tcp, by_host)?;
    }
    let ended = here.fin.is_some() && there.fin.zip(here.ack).is_some_and(|(fin, ack)| ack > fin);
    let judged = stamps(at, here, tcp);
    // What TIME_WAIT answers has the stamp that the peer echoed: the clock is no longer there.
    if ended && tcp.payload.is_empty() && !tcp.has(FIN) { Ok(()) } else { judged }
}

/// The place of `seq` in the stream that begins behind `iss`.
pub(super) fn place_of(seq: u32, iss: u32) -> i64 {
    i64::from(seq.wrapping_sub(iss).wrapping_sub(1) as i32)
}

/// The window that `tcp`, of `from`, offers to `to`.
pub(super) fn window(tcp: &Tcp<'_>, from: &Half, to: &Half) -> i64 {
    let scale = match (from.wscale, to.wscale) {
        (Some(scale), Some(_)) if !tcp.has(SYN) => scale.min(14),
        _ => 0,
    };
    i64::from(tcp.window) << scale
}

fn opens(here: &mut Half, tcp: &Tcp<'_>) -> Result<u32, (Rule, String)> {
    match (here.iss, tcp.has(SYN)) {
        (Some(iss), true) if iss != tcp.seq => {
            Err((Rule::Stream, format!("a SYN with {}, after one with {iss}", tcp.seq)))
        }
        (Some(iss), _) => Ok(iss),
        (None, true) => {
            here.iss = Some(tcp.seq);
            here.wscale = tcp.wscale;
            here.timestamps = tcp.timestamps.is_some();
            Ok(tcp.seq)
        }
        (None, false) => Err((Rule::Stream, "a segment before the SYN".into())),
    }
}

/// Payload and FIN.
fn says(
    conn: usize,
    side: Side,
    here: &mut Half,
    tcp: &Tcp<'_>,
    start: i64,
) -> Result<(), (Rule, String)> {
    let len = tcp.payload.len();
    let end = start + len as i64;
    if len > 0 {
        if start < 0 || end > here.written as i64 {
            return Err((Rule::Stream, format!("bytes {start}..{end} of {}", here.written)));
        }
        if tcp.payload != stream::bytes(conn, side, start as u64, len) {
            return Err((Rule::Stream, format!("wrong bytes in {start}..{end}")));
        }
        if here.heard_edge.is_none_or(|edge| end > edge) {
            return Err((Rule::Beyond, format!("bytes to {end}, edge {:?}", here.heard_edge)));
        }
    }
    if tcp.has(FIN) && (!here.shut || end != here.written as i64) {
        return Err((Rule::Stream, format!("a FIN at {end} of {}", here.written)));
    }
    if tcp.has(FIN) {
        here.fin = Some(end);
    }
    here.sent_end = here.sent_end.max(end + i64::from(tcp.has(FIN)));
    Ok(())
}

/// Whether the host says this in place of the connection's card: that numbers its packets, and the host does not.
fn is_by_host(speaker: Speaker, tcp: &Tcp<'_>) -> bool {
    let is_offloaded = speaker.owner.is_some() && !speaker.sheltered;
    is_offloaded && tcp.id == 0 && tcp.payload.is_empty() && !tcp.has(SYN) && !tcp.has(FIN)
}

fn acknowledges(
    at: Nanos,
    here: &mut Half,
    there: &Half,
    tcp: &Tcp<'_>,
    by_host: bool,
) -> Result<(), (Rule, String)> {
    let Some(iss) = there.iss else {
        return Err((Rule::Ack, "an acknowledgment of nothing".into()));
    };
    let ack = place_of(tcp.ack, iss);
    if ack > there.sent_end {
        return Err((Rule::Ack, format!("acknowledges {ack} of {}", there.sent_end)));
    }
    if let Some(before) = here.ack
        && ack < before
    {
        return Err((Rule::Ack, format!("acknowledges {ack} after {before}")));
    }
    here.ack = Some(ack);
    // A card that is still telling its host of such bytes acknowledges them a moment later.
    if let Some((since, start, end)) = here.short.take()
        && at - since > here.patience
    {
        let how = format!("{start}..{end}, said to be here, is not acknowledged since {since:?}");
        return Err((Rule::Renege, how));
    }
    here.sacked.retain(|&(_, end)| end > ack);
    let short = here.sacked.iter().find(|(start, _)| *start <= ack);
    here.short = short.map(|&(start, end)| (at, start, end));
    let blocks = tcp.sacks().iter().map(|&(start, end)| (place_of(start, iss), place_of(end, iss)));
    // One below the acknowledgment is of what came twice (RFC 2883).
    // What a dead owner said last is no promise of the next one's.
    let counts = here.echo != Echo::Lost;
    here.sacked.extend(blocks.filter(|&(start, end)| counts && start > ack && end > start));
    here.sacked.sort_unstable();
    here.sacked.dedup();
    let edge = ack + window(tcp, here, there);
    // The window of a SYN is not scaled (RFC 7323, 2.2): sent again it cannot say what was said since.
    let is_cut = tcp.has(SYN) && tcp.window == u16::MAX;
    let edge = if is_cut { edge.max(here.edge.told().unwrap_or(edge)) } else { edge };
    let unit = 1 << here.wscale.filter(|_| there.wscale.is_some()).unwrap_or(0);
    let told = match by_host {
        true => here.edge.tell_for_card(edge, unit),
        false => here.edge.tell(edge, unit),
    };
    told.map_err(|how| (Rule::RightEdge, how))?;
    // The peer's FIN takes a place too.
    let most = (here.read + here.capacity) as i64 + 1;
    if edge > most {
        return Err((Rule::Overcommit, format!("right edge {edge} with room to {most}")));
    }
    Ok(())
}

fn stamps(at: Nanos, here: &mut Half, tcp: &Tcp<'_>) -> Result<(), (Rule, String)> {
    let Some((val, ecr)) = tcp.timestamps else { return Ok(()) };
    here.stamps.say(val).map_err(|how| (Rule::Timestamp, how))?;
    if !tcp.has(ACK) {
        return Ok(());
    }
    let heard = here.heard_ts.is_some_and(|heard| ecr.wrapping_sub(heard) as i32 <= 0);
    let forward = here.ts_ecr.is_none_or(|before| ecr.wrapping_sub(before) as i32 >= 0);
    let known_for_long = here.sampled.is_none_or(|least| ecr.wrapping_sub(least) as i32 >= 0);
    if here.echo != Echo::Known && known_for_long && (ecr == 0 || heard && !forward) {
        return Ok(());
    }
    if here.echo == Echo::ToBeLearnt && here.ts_ecr != Some(ecr) {
        here.echo = Echo::Known;
    }
    if !heard || !forward {
        let known = (here.ts_ecr, here.heard_ts);
        return Err((Rule::Echo, format!("TSecr {ecr} after {:?}, heard {:?}", known.0, known.1)));
    }
    here.ts_ecr = Some(ecr);
    if here.echo == Echo::Known {
        here.heard_in_order.echo(at, ecr);
    }
    Ok(())
}
