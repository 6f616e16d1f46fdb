//! The processor the firmware runs on.

registers! {
    /// Holds the firmware's processor in reset. (`A_CIM_BOOT_CFG`)
    0x7b00 Rw CIM_BOOT_CFG { 0 upcrst }
}
