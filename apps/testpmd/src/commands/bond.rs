//! Bonds of ports.

use serde_json::json;

use super::{Arguments, Command, Outcome, shown};
use crate::options::{mode_name, parse_mac, parse_mode, parse_network};
use crate::session::Session;
use crate::verbose::mac;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "create bonding device MODE",
        help: "A bond without members, as a port of its own: mode 1 (active-backup) or 2 (balance-xor).",
        run: |session, arguments| create(session, arguments.word(0)),
    },
    Command {
        words: "create bonding device MODE SOCKET",
        help: "The same, as DPDK has it, on a socket: 0.",
        run: |session, arguments| {
            arguments.number(1, 0, 0)?;
            create(session, arguments.word(0))
        },
    },
    Command {
        words: "add bonding member PORT PORT",
        help: "Makes the first port a member of the bond that the second is; its adapter is the bond's while that is started.",
        run: |session, arguments| {
            session.add_member(arguments.port(0)?, arguments.port(1)?)?;
            Ok(String::new().into())
        },
    },
    Command {
        words: "remove bonding member PORT PORT",
        help: "Takes the first port out of the bond that the second is.",
        run: |session, arguments| {
            session.remove_member(arguments.port(0)?, arguments.port(1)?)?;
            Ok(String::new().into())
        },
    },
    Command {
        words: "set bonding mode MODE PORT",
        help: "Who carries what: 1 (active-backup) or 2 (balance-xor).",
        run: |session, arguments| {
            let mode = parse_mode(arguments.word(0))?;
            session.change_bond(arguments.port(1)?, |bond| {
                bond.spec.mode = mode;
                Ok(())
            })?;
            Ok(String::new().into())
        },
    },
    Command {
        words: "set bonding primary PORT PORT",
        help: "Makes the first port the one that is active whenever it can be, of the bond that the second is.",
        run: primary,
    },
    Command {
        words: "set bonding balance_xmit_policy PORT l2|l23|l34",
        help: "What a frame's link is chosen by in mode 2.",
        run: |session, arguments| {
            let policy = match arguments.word(1) {
                "l2" => "layer2",
                "l23" => "layer2+3",
                _ => "layer3+4",
            };
            option(session, arguments.port(0)?, "xmit_hash_policy", policy)
        },
    },
    Command {
        words: "set bonding mon_period PORT N",
        help: "How often links are looked at, in milliseconds.",
        run: |session, arguments| option(session, arguments.port(0)?, "miimon", arguments.word(1)),
    },
    Command {
        words: "set bonding mac_addr PORT MAC",
        help: "The station address of a bond.",
        run: |session, arguments| {
            let text = arguments.word(1);
            let mac = parse_mac(text).ok_or_else(|| {
                format!("'{text}' is no station's address such as 02:00:00:00:00:01")
            })?;
            session.change_bond(arguments.port(0)?, |bond| {
                bond.mac = mac;
                Ok(())
            })?;
            Ok(String::new().into())
        },
    },
    Command {
        words: "set bonding ip PORT NETWORK",
        help: "The address of a bond, with the length of its network's prefix: 10.77.0.1/24.",
        run: |session, arguments| {
            let address = parse_network(arguments.word(1))?;
            session.change_bond(arguments.port(0)?, |bond| {
                bond.address = address;
                Ok(())
            })?;
            Ok(String::new().into())
        },
    },
    Command {
        words: "set bonding protect PORT on|off",
        help: "Whether its adapters acknowledge only what the host has, so that nothing is lost with one that dies.",
        run: |session, arguments| {
            let on = arguments.is_on(1);
            session.change_bond(arguments.port(0)?, |bond| {
                bond.spec.protect = on;
                Ok(())
            })?;
            Ok(String::new().into())
        },
    },
    Command {
        words: "set bonding option PORT NAME VALUE",
        help: "Any other option of Linux bonding, in its words: such as arp_interval, arp_ip_target or updelay.",
        run: |session, arguments| {
            option(session, arguments.port(0)?, arguments.word(1), arguments.word(2))
        },
    },
    Command {
        words: "show bonding config PORT|all",
        help: "What a bond is made of, and which of its links is active.",
        run: config,
    },
];

fn create(session: &mut Session, mode: &str) -> Outcome {
    let number = session.create_bond(parse_mode(mode)?)?;
    let name = &session.port(number)?.name;
    Ok(format!("Created new bonded device {name} on (port {number}).\n").into())
}

fn primary(session: &mut Session, arguments: &Arguments<'_>) -> Outcome {
    let (member, bond) = (arguments.port(0)?, arguments.port(1)?);
    session.change_bond(bond, |bond| {
        if !bond.spec.members.contains(&member) {
            return Err(format!("Port {member} is no member of {}", bond.spec.name));
        }
        bond.spec.primary = Some(member);
        Ok(())
    })?;
    Ok(String::new().into())
}

fn option(session: &mut Session, bond: usize, name: &str, value: &str) -> Outcome {
    session.change_bond(bond, |bond| bond.spec.set_option(name, value))?;
    Ok(String::new().into())
}

fn config(session: &mut Session, arguments: &Arguments<'_>) -> Outcome {
    let (mut text, mut list) = (String::new(), Vec::new());
    for number in session.select_bonds(&arguments.which(0)?)? {
        let (bond, info) = (session.bond(number)?, session.info(number)?);
        let state = session.bond_state(number).ok();
        let up: Vec<usize> = state
            .iter()
            .flat_map(|state| &state.up)
            .filter_map(|&link| bond.port_of(link))
            .collect();
        let active = state.and_then(|state| bond.port_of(state.active?));
        let (spec, (address, len)) = (&bond.spec, bond.address);
        let ports = |list: &[usize]| {
            let words: Vec<String> = list.iter().map(ToString::to_string).collect();
            format!("({}): [{}]", list.len(), words.join(" "))
        };
        let one = |port: Option<usize>| port.map_or_else(String::new, |port| port.to_string());
        text += &format!("  - Dev basic: {}\n", spec.name);
        text += &format!("\tBonding mode: {}\n", mode_name(spec.mode));
        text += &format!("\tMembers {}\n", ports(&spec.members));
        text += &format!("\tActive Members {}\n", ports(&up));
        text += &format!("\tPrimary: [{}]\n", one(spec.primary));
        text += &format!("\tCarrying: [{}]\n", one(active));
        text += &format!("\tMAC address: {}\n", mac(&info.mac));
        text += &format!("\tIP address: {address}/{len}\n");
        text += &format!("\tProtect: {}\n", if spec.protect { "on" } else { "off" });
        for (name, value) in &spec.options {
            text += &format!("\t{name}: {value}\n");
        }
        list.push(json!({
            "port": number, "name": spec.name, "mode": mode_name(spec.mode), "members": spec.members,
            "active_members": up, "primary": spec.primary, "carrying": active, "mac": mac(&info.mac),
            "ip": format!("{address}/{len}"), "protect": spec.protect, "options": spec.options,
        }));
    }
    shown(text, list.into())
}
