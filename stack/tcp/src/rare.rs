//! What few connections have.

use crate::holding::Refused;
use crate::mtu_probe::MtuSearch;
use crate::patience::Waiting;
use crate::{CeEcho, Connection};

/// Boxed, all of it together: most connections have nothing of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rare {
    /// Most connections wait as long as all do.
    pub(crate) waiting: Option<Waiting>,
    /// Most paths carry what they are said to.
    pub(crate) mtu_search: Option<MtuSearch>,
    /// DCTCP's receiving side.
    pub(crate) ce_echo: Option<CeEcho>,
    /// The way out usually takes what it is given.
    pub(crate) refused: Option<Refused>,
}

impl Rare {
    /// `None` when there is nothing in it.
    pub(crate) fn boxed(self) -> Option<Box<Self>> {
        let Self { waiting, mtu_search, ce_echo, refused } = &self;
        let some = waiting.is_some() || mtu_search.is_some() || ce_echo.is_some();
        let some = some || refused.is_some();
        some.then(|| Box::new(self))
    }
}

impl Connection {
    pub(crate) fn waiting(&self) -> Option<&Waiting> {
        self.rare.as_ref()?.waiting.as_ref()
    }

    pub(crate) fn mtu_search(&self) -> Option<&MtuSearch> {
        self.rare.as_ref()?.mtu_search.as_ref()
    }

    pub(crate) fn mtu_search_mut(&mut self) -> Option<&mut MtuSearch> {
        self.rare.as_mut()?.mtu_search.as_mut()
    }

    pub(crate) fn ce_echo(&self) -> Option<&CeEcho> {
        self.rare.as_ref()?.ce_echo.as_ref()
    }
}
