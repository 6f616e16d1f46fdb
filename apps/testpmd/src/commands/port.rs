//! Ports that start, stop, come and go.

use super::{Arguments, Command, Outcome, Said};
use crate::session::{Session, Which};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "port start|stop|close|reset PORT|all",
        help: "Opens a port, closes it, gives it up, or powers its adapter off and on.",
        run: change,
    },
    Command {
        words: "port attach DEVICE",
        help: "Adds a device, described as for --vdev; its ports are stopped.",
        run: attach,
    },
    Command {
        words: "port detach PORT",
        help: "Takes the device of a stopped port away, with all its ports.",
        run: detach,
    },
    Command {
        words: "port config all burst|rxq|txq|rxd|txd|max-pkt-len N",
        help: "Frames of a burst, queues and their lengths, the longest frame; but for the first all ports are stopped.",
        run: configure,
    },
    Command {
        words: "port config mtu PORT N",
        help: "The longest packet of a port, which here is that of all of them: tells how it is changed.",
        run: mtu,
    },
    Command {
        words: "set link-up|link-down port PORT",
        help: "Plugs the wire of a port in, or pulls it.",
        run: |session, arguments| link(session, arguments, "link-up"),
    },
    Command {
        words: "set link up|down port PORT",
        help: "The same in other words.",
        run: |session, arguments| link(session, arguments, "up"),
    },
    Command {
        words: "set promisc PORT|all on|off",
        help: "Whether a port takes frames for all, or only those for it.",
        run: |session, arguments| {
            for port in session.select_free(&arguments.which(0)?)? {
                session.set_promiscuous(port, arguments.is_on(1))?;
            }
            Ok(String::new().into())
        },
    },
];

fn change(session: &mut Session, arguments: &Arguments<'_>) -> Outcome {
    let (what, ports) = (arguments.word(0).to_owned(), session.select_free(&arguments.which(1)?)?);
    let mut text = match what.as_str() {
        "start" => String::new(),
        "stop" => "Stopping ports...\n".to_owned(),
        "close" => "Closing ports...\n".to_owned(),
        _ => "Resetting ports...\n".to_owned(),
    };
    let mut reset = Vec::new();
    for port in ports {
        match what.as_str() {
            "start" => {
                session.start_port(port)?;
                for remark in std::mem::take(&mut session.remarks) {
                    text += &format!("{remark}\n");
                }
                text +=
                    &format!("Port {port}: {}\n", crate::verbose::mac(&session.info(port)?.mac));
            }
            "stop" => session.stop_port(port)?,
            "close" => {
                session.close_port(port)?;
                text += &format!("Port {port} is closed\n");
            }
            _ => {
                // An adapter once, though each of its ports is meant.
                let device = session.port(port)?.device;
                if !reset.contains(&device) {
                    session.reset_port(port)?;
                    reset.push(device);
                }
            }
        }
    }
    Ok((text + "Done\n").into())
}

/// The driver of an adapter has one for all of its ports, and frames go from any port to any other.
fn mtu(session: &mut Session, arguments: &Arguments<'_>) -> Outcome {
    let port = arguments.port(0)?;
    let (now, most) = (session.info(port)?.mtu, session.packet_len_max() - 18);
    let wanted = arguments.number(1, 68, most.into())?;
    if wanted == u64::from(now) {
        return Ok(Said::default());
    }
    Err(format!(
        "all ports have one MTU: `port stop all`, `port config all max-pkt-len {}`, `port start all`",
        wanted + 18
    ))
}

fn link(session: &mut Session, arguments: &Arguments<'_>, up: &str) -> Outcome {
    for port in session.select(&Which::One(arguments.port(1)?))? {
        session.set_link(port, arguments.word(0) == up)?;
    }
    Ok(String::new().into())
}

fn attach(session: &mut Session, arguments: &Arguments<'_>) -> Outcome {
    let numbers = session.attach_named(arguments.word(0))?;
    let mut text = "Attaching a new port...\n".to_owned();
    let before = session.open_ports().len() - numbers.len();
    for (number, total) in numbers.into_iter().zip(before + 1..) {
        text += &format!("Port {number} is attached. Now total ports is {total}\n");
    }
    Ok((text + "Done\n").into())
}

fn detach(session: &mut Session, arguments: &Arguments<'_>) -> Outcome {
    let numbers = session.detach(arguments.port(0)?)?;
    let mut text = "Removing a device...\n".to_owned();
    for number in numbers {
        text += &format!("Port {number} is detached\n");
    }
    text += &format!("Now total ports is {}\nDone\n", session.open_ports().len());
    Ok(text.into())
}

fn configure(session: &mut Session, arguments: &Arguments<'_>) -> Outcome {
    match arguments.word(0) {
        "burst" => session.forward.burst = arguments.number(1, 1, 512)? as u16,
        "rxq" | "txq" => {
            let (which, queues) = (arguments.word(0), arguments.word(1));
            if queues != "1" {
                return Err(format!(
                    "{queues} queues: the driver gives a port one queue on a core, so {which} is 1"
                ));
            }
        }
        "rxd" => {
            let count = arguments.number(1, 64, 4096)? as u16;
            if !count.is_multiple_of(16) {
                return Err(format!("{count}: the number of receive buffers is a multiple of 16"));
            }
            session.reconfigure(|session| {
                session.settings.rxd = count;
                Ok(())
            })?;
        }
        "txd" => {
            let count = arguments.number(1, 64, 8191)? as u16;
            session.reconfigure(|session| {
                session.settings.txd = count;
                Ok(())
            })?;
        }
        _ => session.set_max_packet_len(arguments.word(1))?,
    }
    Ok(String::new().into())
}
