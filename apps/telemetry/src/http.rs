//! Prometheus' text, over HTTP: `GET /metrics`.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crate::SharedSource;
use crate::metrics::text;
use crate::service::Service;
use crate::slot::Scope;

/// How long who asks may take to do so, and then to listen, whatever he does meanwhile.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest request.
const REQUEST_MAX: usize = 8 << 10;
/// Clients at a time: one that is slow does not keep others waiting.
const CLIENTS_MAX: usize = 8;

/// An address at which metrics are told, as long as this lives.
#[derive(Debug)]
pub struct Metrics {
    address: SocketAddr,
    _service: Service,
}

impl Metrics {
    /// Listens at `address`.
    pub fn start(address: SocketAddr, source: SharedSource) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let serve = move |client: &socket2::Socket| {
            // Who goes away in the middle has gone away.
            let _ = serve(client, &source);
        };
        let service = Service::start("metrics", listener.into(), CLIENTS_MAX, serve)?;
        Ok(Self { address, _service: service })
    }

    /// Where that is, with the port that was chosen if none was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// What is left of the time until `deadline`; an error when that is over.
fn left(deadline: Instant) -> io::Result<Option<Duration>> {
    match deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        Some(left) => Ok(Some(left)),
        None => Err(io::ErrorKind::TimedOut.into()),
    }
}

fn serve(client: &socket2::Socket, source: &SharedSource) -> io::Result<()> {
    let Some(request) = read_request(client)? else { return Ok(()) };
    let mut words = request.split_ascii_whitespace();
    let (status, body) = match (words.next(), words.next()) {
        (Some("GET"), Some("/metrics")) => {
            let mut source = source.lock().unwrap_or_else(PoisonError::into_inner);
            let snapshot = source.snapshot(Scope::Counters);
            drop(source);
            ("200 OK", text(&snapshot))
        }
        (Some("GET"), _) => ("404 Not Found", "/metrics\n".to_owned()),
        _ => ("405 Method Not Allowed", String::new()),
    };
    let len = body.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {len}\r\nConnection: close\r\n\r\n{body}"
    );
    write_answer(client, answer.as_bytes())
}

/// The head of a request; `None` when who asks has gone, or asks for ever.
fn read_request(mut client: &socket2::Socket) -> io::Result<Option<String>> {
    let deadline = Instant::now() + PATIENCE;
    let (mut request, mut piece) = (Vec::new(), [0; 1024]);
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        client.set_read_timeout(left(deadline)?)?;
        let len = client.read(&mut piece)?;
        if len == 0 || request.len() + len > REQUEST_MAX {
            return Ok(None);
        }
        request.extend_from_slice(&piece[..len]);
    }
    Ok(Some(String::from_utf8_lossy(&request).into_owned()))
}

fn write_answer(mut client: &socket2::Socket, mut answer: &[u8]) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !answer.is_empty() {
        client.set_write_timeout(left(deadline)?)?;
        let written = client.write(answer)?;
        answer = &answer[written..];
    }
    Ok(())
}
