//! Rules for frames that come in.

use serde_json::json;

use super::{Arguments, Command, Outcome, Said};
use crate::flow::Rule;
use crate::session::Session;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "flow create PORT RULE",
        help: "Puts a rule in force: ingress pattern eth / ipv4 [src is A] [dst is A] [/ tcp|udp [src is P] [dst is P]] / end \
               actions drop|queue index 0|port_id id N / end.",
        run: create,
    },
    Command {
        words: "flow destroy PORT rule ID",
        help: "Takes a rule back.",
        run: |session, arguments| {
            let (port, id) = (arguments.port(0)?, arguments.number(1, 0, u64::from(u32::MAX))?);
            session.remove_flow(port, id as usize)?;
            Ok(format!("Flow rule #{id} destroyed\n").into())
        },
    },
    Command { words: "flow list PORT", help: "The rules of a port.", run: list },
];

fn create(session: &mut Session, arguments: &Arguments<'_>) -> Outcome {
    let rule = Rule::parse(arguments.rest(1))?;
    let id = session.add_flow(arguments.port(0)?, rule)?;
    Ok(format!("Flow rule #{id} created\n").into())
}

fn list(session: &mut Session, arguments: &Arguments<'_>) -> Outcome {
    let (mut text, mut list) = ("ID\tGroup\tPrio\tAttr\tRule\n".to_owned(), Vec::new());
    for (id, rule) in session.flows(arguments.port(0)?)? {
        text += &format!("{id}\t0\t0\ti--\t{}\n", rule.summary());
        list.push(json!({ "id": id, "rule": rule.summary() }));
    }
    Ok(Said { text, json: Some(list.into()), ..Said::default() })
}
