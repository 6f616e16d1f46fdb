//! The serial flash behind its two registers.

registers! {
    /// Up to four bytes to or from the flash, the first one lowest. (`A_SF_DATA`)
    0x193f8 Rw SF_DATA { 31:0 data }
    /// One operation on the flash; the access itself acts. (`A_SF_OP`)
    0x193fc Rw SF_OP { 31 busy, 4 sf_lock, 3 cont, 2:1 bytecnt, 0 op }
}
