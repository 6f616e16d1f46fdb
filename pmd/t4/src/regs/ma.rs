//! Memory arbiter: the sizes of the card's memories, in the order of the card's address space.

registers! {
    /// First on-chip memory: base and size in MB. (`A_MA_EDRAM0_BAR`)
    0x77c0 Ro MA_EDRAM0_BAR { 27:16 edram0_base, 11:0 edram0_size }
    /// Second on-chip memory. (`A_MA_EDRAM1_BAR`)
    0x77c4 Ro MA_EDRAM1_BAR { 27:16 edram1_base, 11:0 edram1_size }
    /// First external memory. (`A_MA_EXT_MEMORY0_BAR`)
    0x77c8 Ro MA_EXT_MEMORY0_BAR { 27:16 ext_mem0_base, 11:0 ext_mem0_size }
}
