//! The members of the bond, as the command line names them.

use mafo::AsicConfig;

/// A software card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Card {
    kind: Kind,
    /// Connections, rows of the L2 table, filters: what the card has by default unless said otherwise.
    ntids: Option<u32>,
    nl2t: Option<u16>,
    nfilters: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Four ports.
    T540Cr,
    /// Two ports.
    T520Cr,
}

/// A member of the bond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    /// A software card.
    Card(Card),
    /// An Ethernet port without one: the TCP of connections that use it runs on the host.
    Eth,
}

/// Both members of the bond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adapters(pub [Member; 2]);

/// The most of each that is accepted: what fits beside the other regions of a card.
const NTIDS_MAX: u32 = 1 << 19;
const NL2T_MAX: u16 = 3072;
const NFILTERS_MAX: u32 = 496;

impl Card {
    const fn of(kind: Kind) -> Self {
        Self { kind, ntids: None, nl2t: None, nfilters: None }
    }

    /// What it is made from; its tables follow each other.
    #[must_use]
    pub fn config(self) -> AsicConfig {
        let mut config = match self.kind {
            Kind::T540Cr => AsicConfig::t540_cr(),
            Kind::T520Cr => AsicConfig::t520_cr(),
        };
        config.ntids = self.ntids.unwrap_or(config.ntids);
        config.nl2t = self.nl2t.unwrap_or(config.nl2t);
        config.nfilters = self.nfilters.unwrap_or(config.nfilters);
        config.server_start = config.ntids;
        config.filter_start = config.server_start + config.nservers;
        config
    }

    /// `ntids=…`, `l2t=…` or `filters=…`.
    fn set(&mut self, option: &str) -> Result<(), String> {
        let (key, value) = option.split_once('=').unwrap_or((option, ""));
        let number = |max: u32| match value.parse::<u32>() {
            Ok(n) if (1..=max).contains(&n) => Ok(n),
            _ => Err(format!("{key}='{value}' is no number from 1 to {max}")),
        };
        match key {
            "ntids" => self.ntids = Some(number(NTIDS_MAX)?),
            "l2t" => self.nl2t = Some(number(NL2T_MAX.into())? as u16),
            "filters" => self.nfilters = Some(number(NFILTERS_MAX)?),
            _ => return Err(format!("'{key}' is none of: ntids, l2t, filters")),
        }
        Ok(())
    }
}

impl Member {
    /// `t540-cr`, `t520-cr` or `eth`.
    fn named(name: &str) -> Result<Self, String> {
        match name {
            "t540-cr" => Ok(Self::Card(Card::of(Kind::T540Cr))),
            "t520-cr" => Ok(Self::Card(Card::of(Kind::T520Cr))),
            "eth" => Ok(Self::Eth),
            _ => Err(format!("'{name}' is none of: t540-cr, t520-cr, eth")),
        }
    }

    fn set(&mut self, option: &str) -> Result<(), String> {
        match self {
            Self::Card(card) => card.set(option),
            Self::Eth => Err(format!(
                "eth is an Ethernet port without tables: '{option}' can be said of adapters only"
            )),
        }
    }
}

/// Two members with a comma between them, and behind a card, after a colon, what is special about it:
/// `t540-cr,t520-cr:ntids=64,filters=32`.
pub(crate) fn parse(text: &str) -> Result<Adapters, String> {
    let mut members: Vec<Member> = Vec::new();
    for part in text.split(',') {
        // Options of a card have commas between them too.
        match (part.split_once(':'), members.last_mut()) {
            (None, Some(member)) if part.contains('=') => member.set(part)?,
            (None, _) => members.push(Member::named(part)?),
            (Some((name, option)), _) => {
                let mut member = Member::named(name)?;
                member.set(option)?;
                members.push(member);
            }
        }
    }
    let count = members.len();
    let two =
        members.try_into().map_err(|_| format!("two adapters are to be named, not {count}"))?;
    Ok(Adapters(two))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_have_names_and_options() {
        let plain = Card::of(Kind::T540Cr);
        let cards = |cards: [Card; 2]| Ok(Adapters(cards.map(Member::Card)));
        assert_eq!(parse("t540-cr,t540-cr"), cards([plain, plain]));
        let small = Card { ntids: Some(64), nfilters: Some(8), ..Card::of(Kind::T520Cr) };
        let text = "t520-cr:ntids=64,filters=8,t540-cr:l2t=3";
        assert_eq!(parse(text), cards([small, Card { nl2t: Some(3), ..plain }]));
        let with_port = Adapters([Member::Eth, Member::Card(small)]);
        assert_eq!(parse("eth,t520-cr:ntids=64,filters=8"), Ok(with_port));
        assert_eq!(parse("eth,eth"), Ok(Adapters([Member::Eth; 2])));

        let config = small.config();
        assert_eq!((config.ports, config.ntids, config.nfilters), (2, 64, 8));
        assert_eq!((config.server_start, config.filter_start), (64, 64 + config.nservers));
        let usual = AsicConfig::t540_cr();
        let same = plain.config();
        assert_eq!((same.ports, same.ntids, same.nl2t), (4, usual.ntids, usual.nl2t));
        assert_eq!(
            (same.server_start, same.filter_start),
            (usual.server_start, usual.filter_start)
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (wrong, named) in [
            ("", "t540-cr, t520-cr, eth"),
            ("t540-cr", "not 1"),
            ("t540-cr,t540-cr,t520-cr", "not 3"),
            ("t540-cr,t620-cr", "'t620-cr' is none of"),
            ("t540-cr,eth:ntids=3", "'ntids=3' can be said of adapters only"),
            ("eth,l2t=3,eth", "'l2t=3' can be said of adapters only"),
            ("ntids=3,t540-cr", "'ntids=3' is none of"),
            ("t540-cr:tids=3,t540-cr", "ntids, l2t, filters"),
            ("t540-cr:ntids=0,t540-cr", "1 to 524288"),
            ("t540-cr,t540-cr:l2t=4096", "1 to 3072"),
            ("t540-cr:filters,t540-cr", "1 to 496"),
        ] {
            let error = parse(wrong).expect_err(wrong);
            assert!(error.contains(named), "{wrong}: {error}");
        }
    }
}
