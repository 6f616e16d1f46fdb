//! What registers say, as the card works by it: read anew when one was written.

use mafo_t4::regs::sge;
use mafo_t4::regs::tp::MTU_COUNT;

use crate::bar::{BarShared, Indirect};
use crate::sge::SgeSettings;

/// TP's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TpSettings {
    /// The MTU table.
    pub mtus: [u16; MTU_COUNT],
}

impl TpSettings {
    /// The settings that registers hold.
    pub(crate) fn read(indirect: &Indirect) -> Self {
        Self { mtus: indirect.mtus() }
    }
}

impl SgeSettings {
    /// The settings that registers hold.
    pub(crate) fn read(shared: &BarShared) -> Self {
        let control = sge::SGE_CONTROL(shared.register(sge::SGE_CONTROL::OFFSET));
        Self {
            pkt_shift: control.pktshift() as usize,
            status_page: control.status_page_size(),
            buffer_sizes: core::array::from_fn(|i| {
                shared.register(sge::SGE_FL_BUFFER_SIZE::offset(i as u32))
            }),
        }
    }
}
