//! The register map of BAR0 and the doorbell pages of BAR2, a module a hardware block.
//!
//! Offsets are those of `t4_regs.h`. Registers that exist once per function ([`pf`]) or per port
//! ([`mps::port`]) have offsets inside their block; `read_at`/`write_at` take the block's base.

pub mod bar2;
pub mod cim;
pub mod le;
pub mod ma;
pub mod mps;
pub mod pcie;
pub mod pf;
pub mod pl;
pub mod sf;
pub mod sge;
pub mod tp;
pub mod ulp_rx;

use core::fmt;

/// Bytes of BAR0 that hold every register of this map.
pub const BAR0_SIZE: u32 = 512 * 1024;

/// What an access to a register does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reads as what the card put there; a write is ignored.
    Ro,
    /// Keeps what is written.
    Rw,
    /// A write is an event; reads as zero.
    Wo,
    /// Bits written as one are cleared: interrupt causes.
    W1c,
}

/// One row of the register map: a register, or an array of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register {
    /// The header's name without `A_`.
    pub name: &'static str,
    /// Byte offset of the first one, in BAR0 or in the block that holds it.
    pub offset: u32,
    /// How many there are.
    pub count: u32,
    /// Bytes from one to the next.
    pub stride: u32,
    /// What an access does.
    pub access: Access,
}

impl Register {
    /// Which of the array lies at `offset`, if one does.
    #[must_use]
    pub const fn index_of(&self, offset: u32) -> Option<u32> {
        if offset < self.offset {
            return None;
        }
        let distance = offset - self.offset;
        let index = distance / self.stride;
        if distance.is_multiple_of(self.stride) && index < self.count { Some(index) } else { None }
    }
}

/// The blocks that exist once.
pub const GLOBAL: &[&[Register]] = &[
    sge::TABLE,
    pcie::TABLE,
    ma::TABLE,
    cim::TABLE,
    tp::TABLE,
    mps::TABLE,
    mps::BUFFER_GROUP_TABLE,
    ulp_rx::TABLE,
    sf::TABLE,
    pl::TABLE,
    le::TABLE,
];

/// Whose copy of a register an offset reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// The card has one.
    Global,
    /// The function that does the access.
    MyPf,
    /// Function `n`.
    Pf(u32),
    /// Port `n`.
    Port(u32),
}

/// What lies at an offset of BAR0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The block.
    pub block: Block,
    /// The row of the register map.
    pub register: &'static Register,
    /// Which of the array.
    pub index: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.block {
            Block::Global => {}
            Block::MyPf => f.write_str("MYPF.")?,
            Block::Pf(n) => write!(f, "PF{n}.")?,
            Block::Port(n) => write!(f, "PORT{n}.")?,
        }
        f.write_str(self.register.name)?;
        if self.register.count > 1 { write!(f, "[{}]", self.index) } else { Ok(()) }
    }
}

/// The register at `offset` of a T5's BAR0, for traces; `None` where the map has none.
#[must_use]
pub fn name(offset: u32) -> Option<Place> {
    let instance = |base: u32, stride: u32, count: u32| {
        let distance = offset.checked_sub(base)?;
        let n = distance / stride;
        (n < count).then_some((n, distance % stride))
    };
    if let Some((_, inside)) = instance(pf::MYPF_BASE, pf::PF_STRIDE, 1) {
        return find(&[pf::TABLE], Block::MyPf, inside);
    }
    if let Some((n, inside)) = instance(pf::PF0_BASE, pf::PF_STRIDE, pf::PF_COUNT) {
        return find(&[pf::TABLE], Block::Pf(n), inside);
    }
    if let Some((n, inside)) =
        instance(mps::port::T5_BASE, mps::port::T5_STRIDE, mps::port::PORT_COUNT)
    {
        return find(mps::port::TABLES, Block::Port(n), inside);
    }
    find(GLOBAL, Block::Global, offset)
}

fn find(tables: &[&'static [Register]], block: Block, offset: u32) -> Option<Place> {
    tables
        .iter()
        .flat_map(|table| table.iter())
        .find_map(|register| Some(Place { block, register, index: register.index_of(offset)? }))
}
