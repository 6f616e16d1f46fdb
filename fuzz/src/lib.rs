//! What the fuzz targets share: worlds that are brought up honestly, and input that then lies.
//!
//! | target | lies |
//! |---|---|
//! | `asic_mailbox` | firmware commands, register accesses and doorbells into the software ASIC |
//! | `asic_work_requests` | work requests and the CPLs in them |
//! | `asic_descriptors` | freelist pointers, scatter lists, and frames that fill them |
//! | `driver_firmware` | everything that the driver reads from registers while it brings a card up |
//! | `driver_ingress` | everything that a card writes by DMA: entries, CPLs, status pages, payload |
//! | `frames` | what a wire brings to a listener and a connection, on either path |
//! | `icmp` | what routers say about a connection |
//! | `segments` | segments into the engine alone, in any state (`mafo_tcp::script::hostile`, as the next two) |
//! | `options` | TCP headers |
//! | `checkpoint` | a connection that travels as bytes |
//!
//! Nothing that these say may panic; the property tests of the crates say the same with other input.

pub mod asic;
pub mod choices;
pub mod driver;
pub mod frames;
pub mod icmp;

/// The bodies of the ASIC's property tests.
#[path = "../../pmd/asic/tests/model/attacks.rs"]
mod attacks;
/// The host that pokes the ASIC in them, with more than the attacks need.
#[allow(dead_code)]
#[path = "../../pmd/asic/tests/model/host.rs"]
mod host;
