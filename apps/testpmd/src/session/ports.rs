//! Ports that are started, stopped, closed, reset, and given away.

use super::{Kind, PortState, Session};
use crate::device::{Device, Puller};
use crate::options::Described;

/// Which ports a command is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    All,
    One(usize),
}

impl Session {
    /// Numbers of the ports meant; a port that is not there is an error.
    pub(crate) fn select(&self, which: &Which) -> Result<Vec<usize>, String> {
        match *which {
            Which::All => Ok(self.open_ports()),
            Which::One(number) if self.open_ports().contains(&number) => Ok(vec![number]),
            Which::One(number) => Err(format!("Invalid port {number}")),
        }
    }

    /// The same, without ports that are a bond's, which start and stop with that, where all are meant; a single one that is
    /// is an error.
    pub(crate) fn select_free(&self, which: &Which) -> Result<Vec<usize>, String> {
        let numbers = self.select(which)?;
        if let Which::One(number) = *which {
            self.must_be_free(number)?;
        }
        Ok(numbers.into_iter().filter(|&number| self.must_be_free(number).is_ok()).collect())
    }

    /// Bonds among the ports meant; a single port that is none is an error.
    pub(crate) fn select_bonds(&self, which: &Which) -> Result<Vec<usize>, String> {
        match *which {
            Which::All => Ok(self.bonds()),
            Which::One(number) => self.bond(number).map(|_| vec![number]),
        }
    }

    /// The same, of all those that are up: others have nothing to show.
    pub(crate) fn select_up_bonds(&self, which: &Which) -> Result<Vec<usize>, String> {
        let numbers = self.select_bonds(which)?.into_iter();
        let is_up = |&number: &usize| *which != Which::All || self.bond_state(number).is_ok();
        Ok(numbers.filter(is_up).collect())
    }

    /// Opens a port. What it was told before is in force again.
    pub(crate) fn start_port(&mut self, number: usize) -> Result<(), String> {
        let port = self.port(number)?;
        if port.state == PortState::Started {
            return Ok(());
        }
        let (device, index, promiscuous) = (port.device, port.index, port.promiscuous);
        if self.is_bond(number) {
            self.start_bond(number)?;
            self.port_mut(number)?.state = PortState::Started;
            return Ok(());
        }
        if self.devices[device].is_stale {
            self.reset_device(device)?;
        }
        self.with_device(device, move |device, clock| match device {
            Device::Card(card) => card
                .enable(index, true, clock)
                .and_then(|()| card.set_promiscuous(index, promiscuous, clock)),
            Device::Bare(_) | Device::Bond(_) => Ok(()),
        })??;
        self.port_mut(number)?.state = PortState::Started;
        Ok(())
    }

    /// Closes a port's directions.
    pub(crate) fn stop_port(&mut self, number: usize) -> Result<(), String> {
        let port = self.port(number)?;
        if port.state != PortState::Started {
            return Ok(());
        }
        if self.forwarding_ports().contains(&number) && self.is_running() {
            return Err(format!(
                "Port {number} is forwarding: `stop` first, or take it out by `set portlist`"
            ));
        }
        let (device, index) = (port.device, port.index);
        if self.is_bond(number) {
            if self.is_running() {
                return Err("Please stop forwarding first".to_owned());
            }
            self.stop_bond(number)?;
            self.port_mut(number)?.state = PortState::Stopped;
            return Ok(());
        }
        self.with_device(device, move |device, clock| match device {
            Device::Card(card) => card.enable(index, false, clock),
            Device::Bare(_) | Device::Bond(_) => Ok(()),
        })??;
        self.port_mut(number)?.state = PortState::Stopped;
        Ok(())
    }

    fn must_be_stopped(&self, number: usize) -> Result<(), String> {
        match self.port(number)?.state {
            PortState::Started => Err(format!("Please stop port {number} first")),
            PortState::Stopped | PortState::Closed => Ok(()),
        }
    }

    /// Gives a port up: with the last of its device that goes too.
    pub(crate) fn close_port(&mut self, number: usize) -> Result<(), String> {
        self.must_be_stopped(number)?;
        let device = self.port(number)?.device;
        self.port_mut(number)?.state = PortState::Closed;
        let closed = |n: &usize| self.port(*n).is_ok_and(|p| p.state == PortState::Closed);
        if self.ports_of(device).iter().all(closed) {
            self.drop_device(device)?;
        }
        Ok(())
    }

    /// Takes the device of a port away; the numbers of the ports that go with it.
    pub(crate) fn detach(&mut self, number: usize) -> Result<Vec<usize>, String> {
        let device = self.port(number)?.device;
        let numbers = self.ports_of(device);
        for &number in &numbers {
            self.must_be_free(number)?;
            self.must_be_stopped(number)?;
        }
        self.drop_device(device)?;
        for &number in &numbers {
            self.ports[number] = None;
            self.forward.modes.remove(&number);
        }
        self.forward.ports = self.forward.ports.take().map(|mut list| {
            list.retain(|port| !numbers.contains(port));
            list
        });
        Ok(numbers)
    }

    /// Adds the device that `text` describes; the numbers of its ports.
    pub(crate) fn attach_named(&mut self, text: &str) -> Result<Vec<usize>, String> {
        let described: Described = text.parse()?;
        if self.is_running() {
            return Err("Please stop forwarding first".to_owned());
        }
        self.attach(&described)
    }

    /// Puts the device of a port back into its first state: an adapter is powered off and on, with all its ports.
    pub(crate) fn reset_port(&mut self, number: usize) -> Result<(), String> {
        let device = self.port(number)?.device;
        for number in self.ports_of(device) {
            self.must_be_stopped(number)?;
        }
        self.reset_device(device)
    }

    fn reset_device(&mut self, device: usize) -> Result<(), String> {
        if let Kind::Bond(bond) = &self.devices[device].kind {
            return Err(format!("{} is made anew when it starts", bond.spec.name));
        }
        let settings = self.settings;
        self.with_device(device, move |device, clock| match device {
            Device::Card(card) => card.reset(settings, clock),
            Device::Bare(bare) => {
                bare.mtu = settings.mtu;
                Ok(())
            }
            Device::Bond(_) => Ok(()),
        })??;
        self.devices[device].is_stale = false;
        self.forget_flows(device);
        // What it counted is gone.
        for number in self.ports_of(device) {
            self.clear_stats(number)?;
            self.clear_xstats(number)?;
        }
        Ok(())
    }

    /// Has all devices set up anew before their ports start again.
    pub(crate) fn reconfigure(
        &mut self,
        change: impl FnOnce(&mut Self) -> Result<(), String>,
    ) -> Result<(), String> {
        if self
            .open_ports()
            .iter()
            .any(|&n| self.port(n).is_ok_and(|p| p.state == PortState::Started))
        {
            return Err("Please stop all ports first".to_owned());
        }
        change(self)?;
        for device in &mut self.devices {
            device.is_stale = true;
        }
        Ok(())
    }

    /// Another largest frame, its FCS included.
    pub(crate) fn set_max_packet_len(&mut self, len: &str) -> Result<(), String> {
        let most = self.packet_len_max();
        let len = len.parse().ok().filter(|len| (86..=most).contains(len)).ok_or_else(|| {
            format!(
                "frames have 86 to {most} bytes here: the cables were made for --max-pkt-len {most}"
            )
        })?;
        self.reconfigure(|session| {
            session.settings.mtu = len - 18;
            Ok(())
        })
    }

    /// Whether a port takes frames for all.
    pub(crate) fn set_promiscuous(&mut self, number: usize, on: bool) -> Result<(), String> {
        if self.is_bond(number) {
            return Err(format!(
                "Port {number} is a bond: what comes in for others its stack drops"
            ));
        }
        let port = self.port(number)?;
        let (device, index) = (port.device, port.index);
        self.with_device(device, move |device, clock| match device {
            Device::Card(card) => card.set_promiscuous(index, on, clock),
            Device::Bond(_) => Ok(()),
            Device::Bare(_) if on => Ok(()),
            Device::Bare(_) => Err("a bare wire has no addresses: it takes all frames".to_owned()),
        })??;
        self.port_mut(number)?.promiscuous = on;
        Ok(())
    }

    /// Puts the plug of a port in, or pulls it.
    pub(crate) fn set_link(&self, number: usize, up: bool) -> Result<(), String> {
        self.puller(number)?.set_link(up);
        Ok(())
    }

    /// The hand at the plug of a port.
    pub(crate) fn puller(&self, number: usize) -> Result<&Puller, String> {
        let puller = self.port(number)?.puller.as_ref();
        puller.ok_or_else(|| format!("Port {number} is a bond, and the plugs are its members'"))
    }

    /// Whom frames out of a port are for.
    pub(crate) fn set_peer(&mut self, number: usize, mac: [u8; 6]) -> Result<(), String> {
        self.port_mut(number)?.peer = mac;
        Ok(())
    }

    /// Whether the adapter computes a checksum, of `ip`, `udp` or `tcp`.
    pub(crate) fn set_checksum(
        &mut self,
        number: usize,
        which: &str,
        hardware: bool,
    ) -> Result<(), String> {
        let checksums = &mut self.port_mut(number)?.checksums;
        match which {
            "ip" => checksums.ip = hardware,
            "udp" => checksums.udp = hardware,
            _ => checksums.tcp = hardware,
        }
        Ok(())
    }

    /// Longest frame that ports can be set up for, its FCS included.
    pub(crate) fn packet_len_max(&self) -> u16 {
        self.mtu_max + 18
    }
}
