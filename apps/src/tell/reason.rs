//! Why a connection is over, in words.

use mafo::{Closed, Ended, GaveUp};

/// The reason, as the archive gives it.
pub(super) fn reason(closed: &Closed) -> String {
    let timeout = |of: &str| format!("timeout ({of})");
    match (closed.ended, closed.error) {
        (Some(Ended::Finished), _) => "fin, the peer's first".to_owned(),
        (Some(Ended::TimeWait), _) => "fin, ours first".to_owned(),
        (Some(Ended::NotOpened), _) => "closed before it was open".to_owned(),
        (Some(Ended::Aborted), _) => "reset by us".to_owned(),
        (Some(Ended::Refused), _) => "refused by peer".to_owned(),
        (Some(Ended::Reset), _) => "reset by peer".to_owned(),
        (Some(Ended::Unreachable(_)), Some(error)) => format!("unreachable ({error})"),
        (Some(Ended::Unreachable(_)), None) => "unreachable".to_owned(),
        (Some(Ended::TimedOut(why)), _) => timeout(match why {
            GaveUp::Open => "handshake",
            GaveUp::Retransmit => "retransmissions",
            GaveUp::Persist => "closed window",
            GaveUp::Keepalive => "keepalive",
            GaveUp::FinWait2 => "FIN of the peer",
            GaveUp::User => "user timeout",
        }),
        (None, Some(error)) => error.to_string(),
        (None, None) => "given up".to_owned(),
    }
}
