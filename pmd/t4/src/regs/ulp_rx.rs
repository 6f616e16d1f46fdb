//! Upper layer protocols, receive.

registers! {
    /// Page sizes of direct data placement, log2 of the page minus 12. (`A_ULP_RX_TDDP_PSZ`)
    0x19178 Rw ULP_RX_TDDP_PSZ { 27:24 hpz3, 19:16 hpz2, 11:8 hpz1, 3:0 hpz0 }
}
