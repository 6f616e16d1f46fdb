//! Failovers: by wish, by faults that the user makes, and what came of them.

use std::time::Duration;

use mafo::Nanos;
use serde_json::json;

use super::{Arguments, Command, Outcome, shown};
use crate::device::{Cause, Device, Failover};
use crate::session::{BondRecord, Session};

/// How long a drain is waited for.
const PATIENCE: Nanos = Nanos::from_secs(10);
/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(1);

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "show failover history PORT|all",
        help: "The last failovers of a bond: why, from where to where, how many connections moved and how long each was held.",
        run: history,
    },
    Command {
        words: "failover now PORT",
        help: "Makes another adapter of a bond the active one; its connections follow.",
        run: |session, arguments| {
            let number = arguments.port(0)?;
            let to = session.fail_over(number, None)?;
            carries(session, number, to)
        },
    },
    Command {
        words: "failover back PORT",
        help: "Makes the primary of a bond the active one again, or without one the port that was before.",
        run: back,
    },
    Command {
        words: "failover drain PORT",
        help: "Empties the adapter of a bond's member, and says when nothing lives there: then it can be taken out.",
        run: drain,
    },
    Command {
        words: "fault link down|up PORT",
        help: "Pulls the cable of a port, or plugs it in (with --allow-faults, as all that follow).",
        run: |session, arguments| {
            must_be_allowed(session)?;
            let up = arguments.word(0) == "up";
            session.set_link(arguments.port(1)?, up)?;
            Ok(String::new().into())
        },
    },
    Command {
        words: "fault blackhole on|off PORT",
        help: "Lets frames vanish behind a carrier that stays, both ways.",
        run: |session, arguments| {
            must_be_allowed(session)?;
            session.puller(arguments.port(1)?)?.set_dark(arguments.is_on(0));
            Ok(String::new().into())
        },
    },
    Command {
        words: "fault flap PORT N MS",
        help: "Pulls a cable and plugs it in N times, each time for so many milliseconds.",
        run: |session, arguments| {
            must_be_allowed(session)?;
            let (count, half) = (arguments.number(1, 1, 1000)?, arguments.number(2, 1, 60_000)?);
            session.puller(arguments.port(0)?)?.flap(count as u32, Nanos::from_millis(half));
            Ok(String::new().into())
        },
    },
    Command {
        words: "fault adapter kill|reset PORT",
        help: "The software adapter of a port dies, or is powered off and on and joins its bond again.",
        run: adapter,
    },
];

fn must_be_allowed(session: &Session) -> Result<(), String> {
    if session.allows_faults {
        Ok(())
    } else {
        Err("faults are made only where the program was started with --allow-faults".to_owned())
    }
}

fn carries(session: &Session, number: usize, to: mafo::LinkId) -> Outcome {
    let port = session.bond(number)?.port_of(to);
    Ok(port.map_or_else(String::new, |port| format!("Port {port} carries now\n")).into())
}

fn back(session: &mut Session, arguments: &Arguments<'_>) -> Outcome {
    let number = arguments.port(0)?;
    let (bond, state) = (session.bond(number)?, session.bond_state(number)?);
    let primary = bond.spec.primary.and_then(|primary| {
        bond.links.iter().find(|(port, _)| *port == primary).map(|(_, link)| *link)
    });
    let home = primary.or(state.before);
    let home = home.ok_or_else(|| {
        format!("Port {number} has been by no other port yet, and has no primary")
    })?;
    let to = session.fail_over(number, Some(home))?;
    carries(session, number, to)
}

fn drain(session: &mut Session, arguments: &Arguments<'_>) -> Outcome {
    let member = arguments.port(0)?;
    let (number, link) = session.link_of(member)?;
    let state = session.bond_state(number)?;
    let mut text = String::new();
    if state.active.is_some_and(|active| active.member == link.member) {
        let other = state.up.iter().copied().find(|other| other.member != link.member);
        let other = other.ok_or_else(|| {
            format!("Port {member} cannot be emptied: no port of another adapter of its bond is up")
        })?;
        let to = session.fail_over(number, Some(other))?;
        text += &carries(session, number, to)?.text;
    }
    let end = session.clock.now() + PATIENCE;
    loop {
        let left = session.with_bond(number, move |bond| bond.living_on(link.member))?;
        if left == 0 {
            text += &format!("Nothing lives on the adapter of port {member} any more\n");
            return Ok(text.into());
        }
        if session.clock.now() > end {
            return Err(format!(
                "{text}{left} connections still live on the adapter of port {member}"
            ));
        }
        std::thread::sleep(LOOK);
    }
}

fn adapter(session: &mut Session, arguments: &Arguments<'_>) -> Outcome {
    must_be_allowed(session)?;
    let (kills, number) = (arguments.word(0) == "kill", arguments.port(1)?);
    let member = session.link_of(number).ok();
    let done = match member {
        Some((bond, link)) => session.with_bond(bond, move |bond| match kills {
            true => Ok(bond.kill(link.member.index())),
            false => bond.revive(link.member.index()).map(|()| true),
        })??,
        None if kills => {
            let device = session.port(number)?.device;
            session.with_device(device, |device, _| match device {
                Device::Card(card) => {
                    card.kill();
                    true
                }
                Device::Bare(_) | Device::Bond(_) => false,
            })?
        }
        None => {
            return Err(format!(
                "Port {number} is not a member of a bond: `port stop {number}`, then `port reset {number}`"
            ));
        }
    };
    if done { Ok(String::new().into()) } else { Err(format!("Port {number} is not an adapter's")) }
}

fn history(session: &mut Session, arguments: &Arguments<'_>) -> Outcome {
    let (mut text, mut list) = (String::new(), Vec::new());
    for number in session.select_up_bonds(&arguments.which(0)?)? {
        let failovers = session.with_bond(number, |bond| bond.failovers())?;
        let bond = session.bond(number)?;
        text += &format!("{} failovers of port {number}\n", failovers.len());
        if !failovers.is_empty() {
            text += &format!(
                "{:>12} {:<22} {:>4} {:>4} {:>7} {:>10} {:>8} {:>8} {:>8} {:>10}\n",
                "at ms",
                "Why",
                "From",
                "To",
                "Moved",
                "Tunnel us",
                "p50 us",
                "p99 us",
                "max us",
                "Over ms"
            );
        }
        for failover in &failovers {
            let (line, value) = failover_line(bond, failover);
            text += &line;
            list.push(value);
        }
    }
    shown(text, list.into())
}

fn failover_line(bond: &BondRecord, failover: &Failover) -> (String, serde_json::Value) {
    let port = |link: Option<mafo::LinkId>| link.and_then(|link| bond.port_of(link));
    let why = match failover.cause {
        Cause::Link(link) => port(Some(link))
            .map_or_else(|| "link down".to_owned(), |p| format!("link of port {p} down")),
        Cause::Adapter(member) => {
            let mut of_it = bond.links.iter().filter(|(_, link)| link.member == member);
            of_it.next().map_or_else(
                || "adapter dead".to_owned(),
                |(p, _)| format!("adapter of port {p} dead"),
            )
        }
        Cause::Told => "told to".to_owned(),
    };
    let (from, to) = (port(failover.from), port(failover.to));
    let micros = |time: Nanos| time.0 as f64 / 1e3;
    let millis = |time: Nanos| time.0 as f64 / 1e6;
    let held = failover.handovers();
    let [p50, p99] = [0.5, 0.99].map(|part| micros(held.quantile(part)));
    let (tunnel, over) = (
        failover.tunnel_up().map(micros),
        failover.ended.map(|ended| millis(ended - failover.began)),
    );
    let cell =
        |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"));
    let name = |port: Option<usize>| port.map_or_else(|| "-".to_owned(), |port| port.to_string());
    let line = format!(
        "{:>12.3} {why:<22} {:>4} {:>4} {:>7} {:>10} {p50:>8.1} {p99:>8.1} {:>8.1} {:>10}\n",
        millis(failover.began),
        name(from),
        name(to),
        failover.report.moved,
        cell(tunnel),
        micros(held.max()),
        cell(over)
    );
    let value = json!({
        "at_ms": millis(failover.began), "why": why, "from": from, "to": to, "moved": failover.report.moved,
        "tunnel_up_us": tunnel, "handover_us": { "p50": p50, "p99": p99, "max": micros(held.max()) }, "over_ms": over,
    });
    (line, value)
}
