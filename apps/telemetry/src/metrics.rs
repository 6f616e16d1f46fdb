//! Prometheus' text, over HTTP: `GET /metrics`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::json::Json;
use crate::slot::Collector;
use crate::snapshot::{Content, Snapshot};

/// How long who asks may take to do so, and to listen.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest request.
const REQUEST_MAX: u64 = 8 << 10;

/// An address at which metrics are told, as long as the program lives.
#[derive(Debug)]
pub struct Metrics {
    address: SocketAddr,
}

impl Metrics {
    /// Listens at `address`.
    pub fn start(address: SocketAddr, collector: Arc<Mutex<Collector>>) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        thread::Builder::new().name("metrics".to_owned()).spawn(move || {
            for client in listener.incoming().flatten() {
                // Who goes away in the middle has gone away.
                let _ = serve(client, &collector);
            }
        })?;
        Ok(Self { address })
    }

    /// Where that is, with the port that was chosen if none was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn serve(mut client: TcpStream, collector: &Mutex<Collector>) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    client.set_write_timeout(Some(PATIENCE))?;
    let mut request = Vec::new();
    let mut piece = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let len = (&mut client).take(REQUEST_MAX).read(&mut piece)?;
        if len == 0 || request.len() as u64 > REQUEST_MAX {
            return Ok(());
        }
        request.extend_from_slice(&piece[..len]);
    }
    let request = String::from_utf8_lossy(&request);
    let mut words = request.split_ascii_whitespace();
    let (status, body) = match (words.next(), words.next()) {
        (Some("GET"), Some("/metrics")) => {
            ("200 OK", text(&collector.lock().unwrap_or_else(PoisonError::into_inner).collect()))
        }
        (Some("GET"), _) => ("404 Not Found", "/metrics\n".to_owned()),
        _ => ("405 Method Not Allowed", String::new()),
    };
    let len = body.len();
    write!(
        client,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// A snapshot in Prometheus' text format: what ports count, and the numbers of what is told as a whole.
#[must_use]
pub fn text(snapshot: &Snapshot) -> String {
    // All lines of a name stand together.
    let mut metrics: BTreeMap<String, Vec<(String, u64)>> = BTreeMap::new();
    for (n, port) in snapshot.ports.iter().enumerate() {
        let labels = format!("{{port=\"{n}\",name=\"{}\"}}", escaped(&port.name));
        let up = ("link_up".to_owned(), u64::from(port.link_up));
        for (name, value) in port.stats.iter().chain(&port.xstats).chain([&up]) {
            let lines = metrics.entry(metric("ethdev", name)).or_default();
            // A number may be among both.
            if lines.last().is_none_or(|(of, _)| *of != labels) {
                lines.push((labels.clone(), *value));
            }
        }
    }
    for section in &snapshot.sections {
        let Content::Whole(Json::Object(members)) = &section.content else { continue };
        let part = section.name.rsplit('/').next().unwrap_or_default();
        for (name, value) in members {
            if let Json::Number(value) = value {
                metrics.entry(metric(part, name)).or_default().push((String::new(), *value));
            }
        }
    }
    let mut out = String::new();
    for (name, lines) in metrics {
        let _ = writeln!(out, "# TYPE {name} untyped");
        for (labels, value) in lines {
            let _ = writeln!(out, "{name}{labels} {value}");
        }
    }
    out
}

/// A name of letters, digits and underscores.
fn metric(part: &str, name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    format!("mafo_{part}_{name}").chars().map(plain).collect()
}

fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_name_stand_together() {
        let expected = "\
# TYPE mafo_ethdev_ipackets untyped
mafo_ethdev_ipackets{port=\"0\",name=\"A0\"} 7
mafo_ethdev_ipackets{port=\"1\",name=\"B0\"} 9
# TYPE mafo_ethdev_link_up untyped
mafo_ethdev_link_up{port=\"0\",name=\"A0\"} 1
mafo_ethdev_link_up{port=\"1\",name=\"B0\"} 0
# TYPE mafo_ethdev_opackets untyped
mafo_ethdev_opackets{port=\"0\",name=\"A0\"} 8
mafo_ethdev_opackets{port=\"1\",name=\"B0\"} 10
# TYPE mafo_ethdev_rx_good_packets untyped
mafo_ethdev_rx_good_packets{port=\"0\",name=\"A0\"} 7
mafo_ethdev_rx_good_packets{port=\"1\",name=\"B0\"} 9
# TYPE mafo_failover_moved untyped
mafo_failover_moved 5
";
        assert_eq!(text(&crate::snapshot::tests::example()), expected);
    }
}
