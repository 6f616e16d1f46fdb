//! A connection as `ss -ti` shows it: its line, and the same numbers by name.

use std::fmt::Write;

use mafo::{Info, Nanos, Portrait, Runs, State};
use mafo_telemetry::Json;

use super::words::link_name;

/// The state, as `ss` calls it.
pub(super) fn state(portrait: &Portrait) -> &'static str {
    match (portrait.info.map(|info| info.state), portrait.runs) {
        (None, Runs::Nowhere) => "UNCONN",
        // Its adapter was not asked, or has not answered.
        (None, _) | (Some(State::Established), _) => "ESTAB",
        (Some(State::SynSent), _) => "SYN-SENT",
        (Some(State::SynRcvd), _) => "SYN-RECV",
        (Some(State::FinWait1), _) => "FIN-WAIT-1",
        (Some(State::FinWait2), _) => "FIN-WAIT-2",
        (Some(State::TimeWait), _) => "TIME-WAIT",
        (Some(State::Closed), _) => "UNCONN",
        (Some(State::CloseWait), _) => "CLOSE-WAIT",
        (Some(State::LastAck), _) => "LAST-ACK",
        (Some(State::Closing), _) => "CLOSING",
    }
}

/// Where it runs: `host`, or the port of its adapter.
pub(super) fn runs(portrait: &Portrait) -> String {
    match portrait.runs {
        Runs::Nowhere => "nowhere".to_owned(),
        Runs::OnHost => "host".to_owned(),
        Runs::OnAdapter { member, port, .. } => link_name((member.index(), port).into()),
    }
}

/// A number with its name, as both forms have it.
enum Field {
    /// `name:value`; text without a name of its own is a word.
    Number(&'static str, u64),
    /// Microseconds, which `ss` shows as milliseconds with three places.
    Micros(&'static str, Nanos),
    /// `name value` with `bps`.
    Rate(&'static str, u64),
}

/// All of a connection, by name; `ss` is the line.
pub(super) fn json(portrait: &Portrait, now: Nanos) -> Json {
    let text = |name: &str, value: String| (name.to_owned(), Json::Text(value));
    let mut members = vec![
        text("local", portrait.tuple.local.to_string()),
        text("remote", portrait.tuple.remote.to_string()),
        text("state", state(portrait).to_owned()),
        text("runs", runs(portrait)),
    ];
    if let Runs::OnAdapter { tid, .. } = portrait.runs {
        members.push(("tid".to_owned(), Json::Number(tid.0.into())));
    }
    members.push(("send_queue".to_owned(), Json::Number(portrait.send_queue)));
    members.push(("recv_queue".to_owned(), Json::Number(portrait.recv_queue)));
    members.extend(portrait.congestion.map(|cc| text("congestion", cc.name().to_owned())));
    if let Some(info) = &portrait.info {
        for (name, is) in [("ts", info.timestamps), ("sack", info.sack)] {
            members.push((name.to_owned(), Json::Bool(is)));
        }
        if let Some(scale) = info.window_scale {
            let both = [scale.snd, scale.rcv].map(|shift| Json::Number(shift.into()));
            members.push(("wscale".to_owned(), Json::List(both.to_vec())));
        }
    }
    for field in fields(portrait, now) {
        let (name, value) = match field {
            Field::Number(name, value) => (name.to_owned(), value),
            Field::Micros(name, time) => (format!("{name}_us"), time.as_micros()),
            Field::Rate(name, value) => (format!("{name}_bps"), value),
        };
        members.push((name, Json::Number(value)));
    }
    members.push(text("ss", line(portrait, now)));
    Json::Object(members)
}

/// The line that `ss -ti` has below a connection.
pub(super) fn line(portrait: &Portrait, now: Nanos) -> String {
    let mut words = Vec::new();
    if let Some(info) = &portrait.info {
        words.extend(info.timestamps.then(|| "ts".to_owned()));
        words.extend(info.sack.then(|| "sack".to_owned()));
    }
    words.extend(portrait.congestion.map(|cc| cc.name().to_owned()));
    if let Some(scale) = portrait.info.and_then(|info| info.window_scale) {
        words.push(format!("wscale:{},{}", scale.snd, scale.rcv));
    }
    let mut fields = fields(portrait, now).into_iter().peekable();
    while let Some(field) = fields.next() {
        words.push(match field {
            Field::Micros("rto", time) => format!("rto:{}", time.as_micros().div_ceil(1000)),
            Field::Micros("rtt", time) => {
                let mut both = format!("rtt:{}", millis(time));
                if let Some(Field::Micros(_, var)) = fields.next_if(is_rttvar) {
                    let _ = write!(both, "/{}", millis(var));
                }
                both
            }
            Field::Micros(name, time) => format!("{name}:{}", time.0 / 1_000_000),
            // ss: how many are not repaired, and how many there were.
            Field::Number("retrans", now) => match fields.next_if(is_total) {
                Some(Field::Number(_, total)) => format!("retrans:{now}/{total}"),
                _ => format!("retrans:{now}"),
            },
            Field::Number(name, value) => format!("{name}:{value}"),
            Field::Rate(name, value) => format!("{name} {value}bps"),
        });
    }
    words.join(" ")
}

fn is_rttvar(field: &Field) -> bool {
    matches!(field, Field::Micros("rttvar", _))
}

fn is_total(field: &Field) -> bool {
    matches!(field, Field::Number("retrans_total", _))
}

/// Milliseconds with as many places as they have, up to three.
fn millis(time: Nanos) -> String {
    let micros = time.as_micros();
    let text = format!("{}.{:03}", micros / 1000, micros % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The numbers in the order in which `ss` has them.
fn fields(portrait: &Portrait, now: Nanos) -> Vec<Field> {
    let mut all = Vec::new();
    if let Some(info) = &portrait.info {
        state_fields(portrait, info, &mut all);
    }
    let account = portrait.account.unwrap_or_default();
    all.push(Field::Number("bytes_sent", portrait.bytes_sent + account.bytes_retrans));
    if portrait.account.is_some() {
        all.push(Field::Number("bytes_retrans", account.bytes_retrans));
    }
    all.push(Field::Number("bytes_acked", portrait.bytes_acked));
    all.push(Field::Number("bytes_received", portrait.bytes_received));
    if portrait.account.is_some() {
        all.push(Field::Number("segs_out", account.segs_out.into()));
        all.push(Field::Number("segs_in", account.segs_in.into()));
        all.push(Field::Number("data_segs_out", account.data_segs_out.into()));
        all.push(Field::Number("data_segs_in", account.data_segs_in.into()));
    }
    if let Some((info, srtt)) = portrait.info.and_then(|info| Some((info, info.srtt?))) {
        let bits = u128::from(info.cwnd) * 8 * 1_000_000_000;
        all.push(Field::Rate("send", (bits / u128::from(srtt.0.max(1))) as u64));
    }
    let ages = [("lastsnd", portrait.last_sent), ("lastrcv", portrait.last_received)];
    let ages = ages.into_iter().filter_map(|(name, at)| Some((name, at?)));
    all.extend(ages.map(|(name, at)| Field::Micros(name, now - at)));
    all.extend(portrait.pacing_rate.map(|rate| Field::Rate("pacing_rate", rate.saturating_mul(8))));
    if let Some(info) = &portrait.info {
        for (name, value) in
            [("unacked", info.in_flight), ("lost", info.lost), ("sacked", info.sacked)]
        {
            all.push(Field::Number(name, value.into()));
        }
        all.push(Field::Number("retrans", info.retransmitted.into()));
        if portrait.account.is_some() {
            all.push(Field::Number("retrans_total", account.total_retrans.into()));
        }
        all.push(Field::Number("reordering", info.reordering.into()));
        all.push(Field::Number("reord_seen", info.reorderings.into()));
        all.push(Field::Number("notsent", info.unsent_bytes.into()));
    }
    all.push(Field::Number("rcv_space", portrait.recv_space));
    if let Some(info) = &portrait.info {
        all.push(Field::Number("snd_wnd", info.snd_wnd.into()));
        all.push(Field::Number("rcv_wnd", info.rcv_wnd.into()));
    }
    all.extend(portrait.credits.map(|credits| Field::Number("wr_credits", credits.into())));
    all
}

fn state_fields(portrait: &Portrait, info: &Info, all: &mut Vec<Field>) {
    all.push(Field::Micros("rto", info.rto));
    if info.backoff > 0 {
        all.push(Field::Number("backoff", info.backoff.into()));
    }
    if let Some(srtt) = info.srtt {
        all.push(Field::Micros("rtt", srtt));
        all.push(Field::Micros("rttvar", info.rttvar.unwrap_or_default()));
    }
    all.push(Field::Number("mss", info.payload_max.into()));
    all.push(Field::Number("pmtu", portrait.path_mtu.into()));
    all.push(Field::Number("rcvmss", info.largest_received.into()));
    all.push(Field::Number("advmss", info.mss_announced.into()));
    let segments = |bytes: u32| u64::from(bytes / info.payload_max.max(1));
    all.push(Field::Number("cwnd", segments(info.cwnd)));
    if info.ssthresh < Info::SSTHRESH_UNKNOWN {
        all.push(Field::Number("ssthresh", segments(info.ssthresh)));
    }
}
