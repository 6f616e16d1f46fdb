//! Ports that start, stop, come and go.

use super::{Arguments, Command, Outcome};
use crate::session::Session;

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
        words: "set link-up|link-down port PORT",
        help: "Plugs the wire of a port in, or pulls it.",
        run: |session, arguments| {
            let number = session.select(&super::Which::One(arguments.port(1)?))?;
            for port in number {
                session.set_link(port, arguments.word(0) == "link-up")?;
            }
            Ok(String::new().into())
        },
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

fn attach(session: &mut Session, arguments: &Arguments<'_>) -> Outcome {
    let numbers = session.attach_named(arguments.word(0))?;
    let mut text = "Attaching a new port...\n".to_owned();
    let total = session.open_ports().len();
    for number in numbers {
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
            let queues = arguments.number(1, 1, 65_535)?;
            if queues > 1 {
                return Err(format!(
                    "{queues} queues: the driver gives a port one queue on a core"
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
        _ => session.set_max_packet_len(arguments.number(1, 0, 65_535)? as u16)?,
    }
    Ok(String::new().into())
}
