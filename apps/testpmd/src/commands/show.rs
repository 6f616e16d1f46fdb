//! Ports, counters, how frames are forwarded. Each also as JSON.

use serde_json::{Map, Value, json};

use super::{Arguments, Command, Outcome, shown};
use crate::render;
use crate::session::Session;
use crate::verbose::mac;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "show port info PORT|all",
        help: "What a port is. With --json behind it, as behind every show, for programs.",
        run: info,
    },
    Command {
        words: "show port stats PORT|all",
        help: "What it counted, and its rates since they were shown last.",
        run: stats,
    },
    Command {
        words: "show port xstats PORT|all",
        help: "All that is counted of it, by name.",
        run: xstats,
    },
    Command { words: "show port summary PORT|all", help: "A line for each port.", run: summary },
    Command {
        words: "show port PORT rss reta SIZE MASKS",
        help: "Queues in the RSS table of a port: its size, and a mask for each 64 entries: (0xff,0x1).",
        run: reta,
    },
    Command {
        words: "show port PORT rss-hash",
        help: "Which fields of a packet a port hashes.",
        run: hash,
    },
    Command {
        words: "show config rxtx|cores|fwd",
        help: "Queues and bursts; cores that forward; which port goes with which, on which core.",
        run: config,
    },
    Command {
        words: "show fwd stats all",
        help: "What came of forwarding so far.",
        run: forward_stats,
    },
    Command {
        words: "show device info all",
        help: "Devices, with their drivers and ports.",
        run: devices,
    },
    Command {
        words: "clear port stats|xstats PORT|all",
        help: "Counts from nothing again.",
        run: clear,
    },
    Command {
        words: "clear fwd stats all",
        help: "The same for forwarding.",
        run: |session, _| {
            session.clear_forward_stats()?;
            Ok(String::new().into())
        },
    },
];

fn info(session: &mut Session, arguments: &Arguments<'_>) -> Outcome {
    let (mut text, mut list) = (String::new(), Vec::new());
    for number in session.select(&arguments.which(0)?)? {
        let lines = render::info_lines(session, number)?;
        text += &format!("\n{} Infos for port {number:<2} {}\n", "*".repeat(21), "*".repeat(21));
        let mut object = Map::new();
        object.insert("port".to_owned(), json!(number));
        for (label, value) in lines {
            text += &format!("{label}: {value}\n");
            object.insert(label.to_owned(), value.into());
        }
        list.push(Value::Object(object));
    }
    shown(text, list.into())
}

fn stats(session: &mut Session, arguments: &Arguments<'_>) -> Outcome {
    let (mut text, mut list) = (String::new(), Vec::new());
    for number in session.select(&arguments.which(0)?)? {
        let (stats, rates) = (session.stats(number)?, session.rates(number)?);
        text += &render::port_stats(number, &stats, rates);
        list.push(json!({
            "port": number,
            "rx_packets": stats.rx_packets, "rx_bytes": stats.rx_bytes, "rx_missed": stats.rx_missed,
            "rx_errors": stats.rx_errors, "rx_nombuf": stats.rx_nombuf,
            "tx_packets": stats.tx_packets, "tx_bytes": stats.tx_bytes, "tx_errors": stats.tx_errors,
            "rx_pps": rates[0], "rx_bps": rates[1], "tx_pps": rates[2], "tx_bps": rates[3],
        }));
    }
    shown(text, list.into())
}

fn xstats(session: &mut Session, arguments: &Arguments<'_>) -> Outcome {
    let (mut text, mut list) = (String::new(), Vec::new());
    for number in session.select(&arguments.which(0)?)? {
        text += &format!("###### NIC extended statistics for port {number:<2}\n");
        let mut values = Map::new();
        for (name, value) in session.xstats(number)? {
            text += &format!("{name}: {value}\n");
            values.insert(name, value.into());
        }
        list.push(json!({ "port": number, "xstats": values }));
    }
    shown(text, list.into())
}

fn summary(session: &mut Session, arguments: &Arguments<'_>) -> Outcome {
    let numbers = session.select(&arguments.which(0)?)?;
    let mut text = format!("Number of available ports: {}\n", session.open_ports().len());
    text += &render::summary_line("Port", "MAC Address", "Name", "Driver", "Status", "Link");
    let mut list = Vec::new();
    for number in numbers {
        let (info, port) = (session.info(number)?, session.port(number)?);
        let driver = session.devices[port.device].driver;
        let (status, link) = (if info.up { "up" } else { "down" }, render::speed(info.speed));
        text += &render::summary_line(
            &number.to_string(),
            &mac(&info.mac),
            &port.name,
            driver,
            status,
            &link,
        );
        list.push(json!({
            "port": number, "mac": mac(&info.mac), "name": port.name, "driver": driver,
            "status": status, "link": link,
        }));
    }
    shown(text, list.into())
}

/// The entries that are asked for, as the driver wrote them: one queue on one core has all.
fn reta(session: &mut Session, arguments: &Arguments<'_>) -> Outcome {
    let port = arguments.port(0)?;
    let size = session.info(port)?.reta;
    let wanted = arguments.number(1, 0, u16::MAX.into())?;
    if size == 0 {
        return Err(format!("port {port} has no RSS table"));
    }
    if wanted != u64::from(size) {
        return Err(format!("Invalid redirection table size: {wanted} ({size} of port {port})"));
    }
    let masks = arguments.word(2);
    let inner = masks.strip_prefix('(').and_then(|m| m.strip_suffix(')')).unwrap_or(masks);
    let (mut text, mut list) = (String::new(), Vec::new());
    for (group, mask) in inner.split(',').enumerate() {
        let digits = mask.trim_start_matches("0x");
        let bits = u64::from_str_radix(digits, 16)
            .map_err(|_| format!("'{mask}' is no hexadecimal mask"))?;
        for bit in (0..64).filter(|bit| bits >> bit & 1 == 1) {
            let index = group * 64 + bit;
            if index < usize::from(size) {
                text += &format!("RSS RETA configuration: hash index={index}, queue=0\n");
                list.push(json!({ "index": index, "queue": 0 }));
            }
        }
    }
    shown(text, list.into())
}

fn hash(session: &mut Session, arguments: &Arguments<'_>) -> Outcome {
    let port = arguments.port(0)?;
    if session.info(port)?.reta == 0 {
        return Err(format!("port {port} does not hash"));
    }
    // What the driver asks the firmware for (FW_RSS_VI_CONFIG_CMD).
    let functions = ["ipv4", "ipv4-tcp", "ipv6", "ipv6-tcp"];
    shown(
        format!("RSS functions:\n  {}\n", functions.join("  ")),
        json!({ "functions": functions }),
    )
}

fn config(session: &mut Session, arguments: &Arguments<'_>) -> Outcome {
    match arguments.word(0) {
        "rxtx" => shown(render::rxtx_config(session), render::rxtx_json(session)),
        "cores" => {
            let cores: Vec<usize> =
                session.forwarding_cores().iter().map(|&n| session.lcores[n].core).collect();
            let list: String = cores.iter().map(|core| format!(" {core}")).collect();
            shown(format!("List of forwarding lcores: {list}\n"), json!({ "lcores": cores }))
        }
        _ => shown(render::forward_config(session), render::forward_json(session)),
    }
}

fn forward_stats(session: &mut Session, _: &Arguments<'_>) -> Outcome {
    let report = session.report_so_far()?;
    shown(render::forward_stats(&report), render::report_json(&report))
}

fn devices(session: &mut Session, _: &Arguments<'_>) -> Outcome {
    let (mut text, mut list) = (String::new(), Vec::new());
    for (id, record) in session.open_devices() {
        let ports: Vec<usize> = session
            .open_ports()
            .into_iter()
            .filter(|&n| session.port(n).is_ok_and(|p| p.device == id))
            .collect();
        text += &format!(
            "\n{} Infos for device {} {}\nBus name: vdev\nDriver name: {}\nDevargs: {}\n",
            "*".repeat(21),
            record.name,
            "*".repeat(21),
            record.driver,
            record.arguments,
        );
        for &port in &ports {
            text +=
                &format!("\tPort id: {port}\n\tMAC address: {}\n", mac(&session.info(port)?.mac));
        }
        list.push(json!({
            "name": record.name, "driver": record.driver, "devargs": record.arguments, "ports": ports,
        }));
    }
    shown(text, list.into())
}

fn clear(session: &mut Session, arguments: &Arguments<'_>) -> Outcome {
    let mut text = String::new();
    for port in session.select(&arguments.which(1)?)? {
        if arguments.word(0) == "stats" {
            session.clear_stats(port)?;
            text += &format!("\n  NIC statistics for port {port} cleared\n");
        } else {
            session.clear_xstats(port)?;
        }
    }
    Ok(text.into())
}

/// Statistics of all ports, and the counters that are named of them: what is shown every so often.
pub(crate) fn periodic(session: &mut Session, names: &[String]) -> String {
    let mut text = "\nPort statistics ====================================\n".to_owned();
    for port in session.open_ports() {
        let told = session.stats(port).and_then(|stats| Ok((stats, session.rates(port)?)));
        match told {
            Ok((stats, rates)) => text += &render::port_stats(port, &stats, rates),
            Err(error) => text += &format!("{error}\n"),
        }
        let named =
            if names.is_empty() { Vec::new() } else { session.xstats(port).unwrap_or_default() };
        for (name, value) in named.into_iter().filter(|(name, _)| names.contains(name)) {
            text += &format!("  {name}: {value}\n");
        }
    }
    text
}
