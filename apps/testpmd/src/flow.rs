//! Rules for frames that come in: DPDK's grammar of `flow create`, as far as the card's filters have it.

use std::net::Ipv4Addr;

use mafo::{FilterMatch, FwFilterWr, IqId, PortId};

/// Which frames, and what becomes of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    src: Option<Ipv4Addr>,
    dst: Option<Ipv4Addr>,
    protocol: Option<u8>,
    src_port: Option<u16>,
    dst_port: Option<u16>,
    action: Action,
}

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Drop,
    /// To the driver's queue.
    Queue,
    /// Out of another port of the card, which the host does not see.
    Port(u8),
}

const TCP: u8 = 6;
const UDP: u8 = 17;
const FORM: &str = "a rule is `ingress pattern eth / ipv4 [src is A] [dst is A] [/ tcp|udp [src is P] [dst is P]] / end \
                    actions drop|queue index 0|port_id id N / end`";

impl Rule {
    /// The rule that words behind `flow create PORT` describe.
    pub(crate) fn parse(words: &[&str]) -> Result<Self, String> {
        let wrong = || FORM.to_owned();
        let rest = words.strip_prefix(&["ingress", "pattern"]).ok_or_else(wrong)?;
        let split = rest.iter().position(|word| *word == "actions").ok_or_else(wrong)?;
        let (pattern, actions) = (&rest[..split], &rest[split + 1..]);
        let action = match actions {
            ["drop", "/", "end"] => Action::Drop,
            ["queue", "index", "0", "/", "end"] => Action::Queue,
            ["port_id", "id", id, "/", "end"] => Action::Port(
                id.parse()
                    .ok()
                    .filter(|id| *id < 4)
                    .ok_or_else(|| format!("the card has no port {id}"))?,
            ),
            ["queue", "index", index, "/", "end"] => {
                return Err(format!("there is no queue {index}: a port has queue 0"));
            }
            _ => return Err(wrong()),
        };
        let mut rule =
            Self { src: None, dst: None, protocol: None, src_port: None, dst_port: None, action };
        let mut items = pattern.split(|word| *word == "/");
        let is_ip = items.next() == Some(&["eth"][..]);
        let ip =
            items.next().filter(|item| is_ip && item.first() == Some(&"ipv4")).ok_or_else(wrong)?;
        for field in ip[1..].chunks(3) {
            let [name, "is", value] = *field else { return Err(wrong()) };
            let address = value.parse().map_err(|_| format!("'{value}' is no IPv4 address"))?;
            match name {
                "src" => rule.src = Some(address),
                "dst" => rule.dst = Some(address),
                _ => return Err(wrong()),
            }
        }
        let mut item = items.next().ok_or_else(wrong)?;
        if let [protocol @ ("tcp" | "udp"), fields @ ..] = item {
            rule.protocol = Some(if *protocol == "tcp" { TCP } else { UDP });
            for field in fields.chunks(3) {
                let [name, "is", value] = *field else { return Err(wrong()) };
                let port =
                    value.parse().map_err(|_| format!("'{value}' is no port from 0 to 65535"))?;
                match name {
                    "src" => rule.src_port = Some(port),
                    "dst" => rule.dst_port = Some(port),
                    _ => return Err(wrong()),
                }
            }
            item = items.next().ok_or_else(wrong)?;
        }
        if item == ["end"] && items.next().is_none() { Ok(rule) } else { Err(wrong()) }
    }

    /// Completes a work request for frames that come in by the wire of `port`. The destination of a received frame is the
    /// local side of a filter.
    pub(crate) fn fill(&self, wr: FwFilterWr, port: PortId, queue: IqId) -> FwFilterWr {
        let address = |address: Option<Ipv4Addr>| {
            let (mut value, mut mask) = ([0; 16], [0; 16]);
            if let Some(address) = address {
                value[..4].copy_from_slice(&address.octets());
                mask[..4].fill(0xff);
            }
            (value, mask)
        };
        let number =
            |port: Option<u16>| (port.unwrap_or(0), if port.is_some() { u16::MAX } else { 0 });
        let ((lip, lipm), (fip, fipm)) = (address(self.dst), address(self.src));
        let ((lp, lpm), (fp, fpm)) = (number(self.dst_port), number(self.src_port));
        let wr = wr
            .with_matches(FilterMatch(0).with_port(port.0.into()).with_portm(7))
            .with_ptcl(self.protocol.unwrap_or(0))
            .with_ptclm(if self.protocol.is_some() { u8::MAX } else { 0 })
            .with_lip(lip)
            .with_lipm(lipm)
            .with_fip(fip)
            .with_fipm(fipm)
            .with_lp(lp)
            .with_lpm(lpm)
            .with_fp(fp)
            .with_fpm(fpm);
        match self.action {
            Action::Drop => wr.with_action(wr.action().with_drop(true)),
            Action::Queue => wr.steer_to(queue),
            Action::Port(to) => wr.with_action(wr.action().with_lpbk(true).with_txchan(to.into())),
        }
    }

    /// The rule in a word or two a part, as `flow list` has it.
    pub(crate) fn summary(&self) -> String {
        let protocol = match self.protocol {
            Some(TCP) => " TCP",
            Some(_) => " UDP",
            None => "",
        };
        let action = match self.action {
            Action::Drop => "DROP",
            Action::Queue => "QUEUE",
            Action::Port(_) => "PORT_ID",
        };
        format!("ETH IPV4{protocol} => {action}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Rule, String> {
        Rule::parse(&text.split(' ').collect::<Vec<_>>())
    }

    #[test]
    fn rules_are_read_as_dpdk_has_them() {
        let rule = parse(
            "ingress pattern eth / ipv4 src is 10.0.0.1 dst is 10.0.0.2 / tcp dst is 80 / end actions queue index 0 / end",
        );
        let expected = Rule {
            src: Some(Ipv4Addr::new(10, 0, 0, 1)),
            dst: Some(Ipv4Addr::new(10, 0, 0, 2)),
            protocol: Some(TCP),
            src_port: None,
            dst_port: Some(80),
            action: Action::Queue,
        };
        assert_eq!(rule, Ok(expected.clone()));
        assert_eq!(expected.summary(), "ETH IPV4 TCP => QUEUE");
        let rule =
            parse("ingress pattern eth / ipv4 / end actions port_id id 3 / end").expect("a rule");
        assert_eq!(rule.summary(), "ETH IPV4 => PORT_ID");
    }

    #[test]
    fn what_is_no_rule_is_told_the_form() {
        for (text, told) in [
            ("egress pattern eth / ipv4 / end actions drop / end", "a rule is"),
            ("ingress pattern eth / end actions drop / end", "a rule is"),
            ("ingress pattern eth / ipv4 / end actions", "a rule is"),
            ("ingress pattern eth / ipv4 src is / end actions drop / end", "a rule is"),
            (
                "ingress pattern eth / ipv4 src is x / end actions drop / end",
                "'x' is no IPv4 address",
            ),
            (
                "ingress pattern eth / ipv4 / udp dst is 70000 / end actions drop / end",
                "'70000' is no port",
            ),
            (
                "ingress pattern eth / ipv4 / end actions port_id id 4 / end",
                "the card has no port 4",
            ),
            ("ingress pattern eth / ipv4 / end actions queue index 1 / end", "there is no queue 1"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.starts_with(told), "{text}: {error}");
        }
    }

    #[test]
    fn a_filter_has_the_masks_of_what_is_said() {
        let rule = parse(
            "ingress pattern eth / ipv4 dst is 1.2.3.4 / udp src is 9 / end actions drop / end",
        )
        .expect("a rule");
        let wr = rule.fill(FwFilterWr::new(mafo::Ftid(5), IqId(1)), PortId(2), IqId(1));
        assert_eq!((wr.ftid(), wr.action().drop(), wr.steers_to()), (mafo::Ftid(5), true, None));
        assert_eq!(
            (wr.matches().port(), wr.matches().portm(), wr.ptcl(), wr.ptclm()),
            (2, 7, UDP, 255)
        );
        assert_eq!(
            (&wr.lip()[..5], &wr.lipm()[..5]),
            (&[1, 2, 3, 4, 0][..], &[255, 255, 255, 255, 0][..])
        );
        assert_eq!((wr.fipm(), wr.lpm(), wr.fp(), wr.fpm()), ([0; 16], 0, 9, u16::MAX));
    }
}
