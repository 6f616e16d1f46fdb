//! What the program is made of.

use std::fmt::Write;

use super::{Command, Outcome};
use crate::device::Device;
use crate::session::Session;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "dump_physmem",
        help: "Memory that adapters can reach.",
        run: |session, _| physmem(session),
    },
    Command {
        words: "dump_lcores",
        help: "Cores, and what each does.",
        run: |session, _| lcores(session),
    },
    Command {
        words: "dump_devargs",
        help: "Devices, as they were asked for.",
        run: |session, _| devargs(session),
    },
];

fn physmem(session: &Session) -> Outcome {
    let mut text = String::new();
    let mut total = 0;
    // A bond has what is its adapters' while it is up.
    for (id, record) in session.open_devices().filter(|(id, _)| session.is_housed(*id)) {
        let memory = session.with_device(id, |device, _| match device {
            Device::Card(card) => Some(card.memory()),
            Device::Bare(_) | Device::Bond(_) => None,
        })?;
        if let Some((len, free, huge)) = memory {
            let pages = if huge { "huge pages" } else { "ordinary pages" };
            let _ = writeln!(text, "{}: len:{len} free:{free} ({pages})", record.name);
            total += len;
        }
    }
    let _ = writeln!(text, "Total memory of adapters: {total}");
    Ok(text.into())
}

fn lcores(session: &Session) -> Outcome {
    let mut text = format!("lcore {}, role MAIN\n", session.main_core);
    for (n, lcore) in session.lcores.iter().enumerate() {
        let wanted = session.forwarding_cores().contains(&n);
        let role = match (wanted, session.is_running()) {
            (false, _) => "spare",
            (true, false) => "WAIT",
            (true, true) => "RUNNING",
        };
        let _ = writeln!(text, "lcore {}, role FORWARD, state {role}", lcore.core);
    }
    Ok(text.into())
}

fn devargs(session: &Session) -> Outcome {
    let mut text = "User device list:\n".to_owned();
    for (_, record) in session.open_devices() {
        let _ = writeln!(text, "  [virtual]: {} {}", record.driver, record.arguments);
    }
    Ok(text.into())
}
