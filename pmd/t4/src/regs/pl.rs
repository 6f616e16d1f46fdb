//! PL: identity, reset and the interrupt tree's root.

registers! {
    /// Which function does this access. (`A_PL_WHOAMI`)
    0x19400 Ro PL_WHOAMI { 10:8 sourcepf }
    /// Which blocks ask for attention. (`A_PL_INT_CAUSE`)
    0x1940c W1c PL_INT_CAUSE { 31:0 blocks }
    /// Which of them interrupt. (`A_PL_INT_ENABLE`)
    0x19410 Rw PL_INT_ENABLE { 31:0 blocks }
    /// Which functions get the interrupts of the shared blocks, a bit each. (`A_PL_INT_MAP0`)
    0x19414 Rw PL_INT_MAP0 { 7:0 pfs }
    /// Resets the chip. (`A_PL_RST`)
    0x19428 Rw PL_RST { 1 piorst, 0 piorstmode }
    /// Revision of the chip; which chip it is, the PCI device id says. (`A_PL_REV`)
    0x1943c Ro PL_REV { 3:0 rev }
}
