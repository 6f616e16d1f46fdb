//! The cards of the host with the bond, as the command line names them.

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

/// Both cards of the bond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adapters(pub [Card; 2]);

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

    /// `t540-cr` or `t520-cr`.
    fn named(name: &str) -> Result<Self, String> {
        match name {
            "t540-cr" => Ok(Self::of(Kind::T540Cr)),
            "t520-cr" => Ok(Self::of(Kind::T520Cr)),
            "eth" => {
                Err("a plain Ethernet port (eth) as a refuge is not there yet; there is: t540-cr, \
                          t520-cr"
                    .to_owned())
            }
            _ => Err(format!("'{name}' is none of: t540-cr, t520-cr")),
        }
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

/// Two cards with a comma between them, and behind each, after a colon, what is special about it:
/// `t540-cr,t520-cr:ntids=64,filters=32`.
pub(super) fn parse(text: &str) -> Result<Adapters, String> {
    let mut cards: Vec<Card> = Vec::new();
    for part in text.split(',') {
        // Options of a card have commas between them too.
        match (part.split_once(':'), cards.last_mut()) {
            (None, Some(card)) if part.contains('=') => card.set(part)?,
            (None, _) => cards.push(Card::named(part)?),
            (Some((name, option)), _) => {
                let mut card = Card::named(name)?;
                card.set(option)?;
                cards.push(card);
            }
        }
    }
    let count = cards.len();
    let two = cards.try_into().map_err(|_| format!("two adapters are to be named, not {count}"))?;
    Ok(Adapters(two))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_have_names_and_options() {
        let plain = Card::of(Kind::T540Cr);
        assert_eq!(parse("t540-cr,t540-cr"), Ok(Adapters([plain, plain])));
        let small = Card { ntids: Some(64), nfilters: Some(8), ..Card::of(Kind::T520Cr) };
        let text = "t520-cr:ntids=64,filters=8,t540-cr:l2t=3";
        assert_eq!(parse(text), Ok(Adapters([small, Card { nl2t: Some(3), ..plain }])));

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
            ("", "t540-cr, t520-cr"),
            ("t540-cr", "not 1"),
            ("t540-cr,t540-cr,t520-cr", "not 3"),
            ("t540-cr,t620-cr", "'t620-cr' is none of"),
            ("t540-cr,eth", "not there yet"),
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
