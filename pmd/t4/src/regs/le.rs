//! LE, the lookup engine: regions of its TCAM and of the hash.

registers! {
    /// What the engine looks up. `aslipcompen` is off: CLIP counts as off for drivers. (`A_LE_DB_CONFIG`)
    0x19c04 Rw LE_DB_CONFIG { 22 srvrsram_en, 20 hashen, 17 aslipcompen }
    /// Start of the active region, in 32-bit cells (4 cells are one tid). (`A_LE_DB_ACTIVE_TABLE_START_INDEX`)
    0x19c10 Ro LE_DB_ACTIVE_TABLE_START_INDEX { 31:0 cell }
    /// Start of the filter region, in cells. (`A_LE_DB_FILTER_TABLE_INDEX`)
    0x19c14 Ro LE_DB_FILTER_TABLE_INDEX { 31:0 cell }
    /// Start of the server region, in cells. (`A_LE_DB_SERVER_INDEX`)
    0x19c18 Ro LE_DB_SERVER_INDEX { 31:0 cell }
    /// Start of the CLIP region, in cells. (`A_LE_DB_CLIP_TABLE_INDEX`)
    0x19c1c Ro LE_DB_CLIP_TABLE_INDEX { 31:0 cell }
    /// IPv4 connections in use. (`A_LE_DB_ACT_CNT_IPV4`)
    0x19c20 Ro LE_DB_ACT_CNT_IPV4 { 31:0 count }
    /// IPv6 connections in use. (`A_LE_DB_ACT_CNT_IPV6`)
    0x19c24 Ro LE_DB_ACT_CNT_IPV6 { 31:0 count }
    /// Size of the hash region. (`A_LE_DB_HASH_CONFIG`)
    0x19c28 Ro LE_DB_HASH_CONFIG { 21:16 hashtidsize, 5:0 hashsize }
    /// Base of the hash table. (`A_LE_DB_HASH_TID_BASE`)
    0x19c30 Ro LE_DB_HASH_TID_BASE { 31:0 base }
    /// Response codes of a lookup, first word. (`A_LE_DB_RSP_CODE_0`)
    0x19c74 Rw LE_DB_RSP_CODE_0 { 4:0 tcam_actv_hit }
    /// Response codes of a lookup, second word. (`A_LE_DB_RSP_CODE_1`)
    0x19c78 Rw LE_DB_RSP_CODE_1 { 29:25 hash_actv_hit }
    /// First tid of the hash region. (`A_LE_DB_TID_HASHBASE`)
    0x19df8 Ro LE_DB_TID_HASHBASE { 31:0 tid }
    /// Hash mask that a T6 driver reads; plain storage on T5. (`LE_3_DB_HASH_MASK_GEN_IPV4_T6_A`)
    0x19eac Rw LE_3_DB_HASH_MASK_GEN_IPV4_T6 { 31:0 value }
    /// Hash mask that a T6 driver reads; plain storage on T5. (`LE_4_DB_HASH_MASK_GEN_IPV4_T6_A`)
    0x19eb0 Rw LE_4_DB_HASH_MASK_GEN_IPV4_T6 { 31:0 value }
}

/// Cells of the TCAM that one IPv4 entry takes: an index register divided by this is a tid.
pub const CELLS_PER_TID: u32 = 4;
