//! `csum`: checksums of what comes in are looked at, and made anew for what goes out, here or by the adapter.

use super::{Checksums, Engine, Setup};
use crate::packet::{Headers, L4};
use crate::stream::Ports;

#[derive(Debug, Default)]
pub(super) struct Csum {
    addresses: [u8; 12],
    offload: Checksums,
}

impl Engine for Csum {
    fn begin(&mut self, setup: &Setup) {
        self.addresses[..6].copy_from_slice(&setup.peer);
        self.addresses[6..].copy_from_slice(&setup.own);
        self.offload = setup.checksums;
    }

    fn forward(&mut self, ports: &mut Ports<'_>) {
        if !ports.receive() {
            return;
        }
        let (mut bad_ip, mut bad_l4) = (0, 0);
        for frame in ports.frames_mut() {
            let bytes = frame.as_mut_slice();
            if let Some(headers) = Headers::parse(bytes) {
                bad_ip += u64::from(!headers.ip_checksum_is_right(bytes));
                bad_l4 += u64::from(!headers.l4_checksum_is_right(bytes));
                if !self.offload.ip {
                    headers.set_ip_checksum(bytes);
                }
                let by_card = match headers.l4 {
                    L4::Tcp => self.offload.tcp,
                    L4::Udp => self.offload.udp,
                    L4::Other => true,
                };
                if !by_card {
                    headers.set_l4_checksum(bytes);
                }
            }
            if let Some(addresses) = bytes.first_chunk_mut() {
                *addresses = self.addresses;
            }
        }
        ports.counters_mut().bad_ip_checksum += bad_ip;
        ports.counters_mut().bad_l4_checksum += bad_l4;
        if self.offload == Checksums::default() {
            ports.send();
        } else {
            ports.send_with_checksums();
        }
    }

    fn end(&mut self, _ports: &mut Ports<'_>) {}
}
