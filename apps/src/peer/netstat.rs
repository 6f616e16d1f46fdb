//! Counters of the namespace's TCP, as netstat(8) and nstat(8) read them.

use std::io;

/// The counters' file, of the namespace of whoever reads it.
const FILE: &str = "/proc/self/net/netstat";

/// TcpExtTCPTimeouts: retransmissions by a timer, loss probes not among them.
pub(super) fn timeouts() -> io::Result<u64> {
    let text = std::fs::read_to_string(FILE)?;
    counter(&text, "TcpExt:", "TCPTimeouts")
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no TCPTimeouts in netstat"))
}

/// A counter of a table: one line with the names, and one with the values below it.
fn counter(text: &str, table: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter(|line| line.split(' ').next() == Some(table));
    let (names, values) = (lines.next()?, lines.next()?);
    let mut pairs = names.split(' ').zip(values.split(' '));
    pairs.find(|&(found, _)| found == name)?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_below_its_name() {
        let text = "TcpExt: SyncookiesSent TCPTimeouts TCPLossProbes\nTcpExt: 1 22 333\n\
                    IpExt: InNoRoutes TCPTimeouts\nIpExt: 4 5\n";
        assert_eq!(counter(text, "TcpExt:", "TCPTimeouts"), Some(22));
        assert_eq!(counter(text, "IpExt:", "InNoRoutes"), Some(4));
        for (table, name) in [("TcpExt:", "TCPTimeout"), ("TcpExt:", "InNoRoutes"), ("Tcp:", "x")] {
            assert_eq!(counter(text, table, name), None, "{table} {name}");
        }
        assert_eq!(counter("TcpExt: TCPTimeouts\nTcpExt: -1\n", "TcpExt:", "TCPTimeouts"), None);
    }
}
