//! Bonds: ports that become one, with a stack on it, and are ports of their own again when it stops.
//!
//! While a bond is up its members' adapters are its host's: their devices are taken apart, and their plugs lent to the host.
//! When it stops the plugs come back, and the devices are made anew.

use std::net::Ipv4Addr;

use mafo::{LinkId, MemberId, Mode, PortId};

use super::{Kind, PortState, Session};
use crate::device::{BondSettings, BondState, Bonded, Device, MemberSpec, PortInfo};
use crate::options::{BondSpec, Described, Vdev};

/// A bond as the prompt knows it.
#[derive(Clone, Debug)]
pub(crate) struct BondRecord {
    pub(crate) spec: BondSpec,
    pub(crate) address: (Ipv4Addr, u8),
    pub(crate) mac: [u8; 6],
    /// While it is up: the link of each of its ports, in the order of the members.
    pub(crate) links: Links,
}

impl BondRecord {
    pub(super) fn new(spec: &BondSpec, device: usize) -> Self {
        let [high, low] = (device as u16).to_be_bytes();
        let address = Ipv4Addr::new(10, 77, high, low.max(1));
        Self {
            spec: spec.clone(),
            address: spec.address.unwrap_or((address, 16)),
            mac: spec.mac.unwrap_or([0x02, 0x4d, 0x46, 0x42, high, low]),
            links: Vec::new(),
        }
    }

    pub(super) fn is_up(&self) -> bool {
        !self.links.is_empty()
    }

    /// The port of a link.
    pub(crate) fn port_of(&self, link: LinkId) -> Option<usize> {
        self.links.iter().find(|(_, known)| *known == link).map(|(port, _)| *port)
    }
}

/// Ports and the links that they are.
type Links = Vec<(usize, LinkId)>;

impl Session {
    /// The bond that a port is.
    pub(crate) fn bond(&self, number: usize) -> Result<&BondRecord, String> {
        match &self.devices[self.port(number)?.device].kind {
            Kind::Bond(bond) => Ok(bond),
            Kind::Card(_) | Kind::Wire(_) => Err(format!("Port {number} is not a bond")),
        }
    }

    fn bond_mut(&mut self, number: usize) -> Result<&mut BondRecord, String> {
        let device = self.port(number)?.device;
        match &mut self.devices[device].kind {
            Kind::Bond(bond) => Ok(bond),
            Kind::Card(_) | Kind::Wire(_) => Err(format!("Port {number} is not a bond")),
        }
    }

    pub(crate) fn is_bond(&self, number: usize) -> bool {
        self.bond(number).is_ok()
    }

    /// Bonds that are there, by the numbers of their ports.
    pub(crate) fn bonds(&self) -> Vec<usize> {
        self.open_ports().into_iter().filter(|&number| self.is_bond(number)).collect()
    }

    /// The bond that a port is a member of, whether it is up or not.
    pub(crate) fn bond_of(&self, number: usize) -> Option<usize> {
        self.bonds()
            .into_iter()
            .find(|&bond| self.bond(bond).is_ok_and(|record| record.spec.members.contains(&number)))
    }

    /// A port that no bond has anything to do with. What it says otherwise is what the user is to do first.
    pub(super) fn must_be_free(&self, number: usize) -> Result<(), String> {
        if let Some(bond) = self.bond_of(number) {
            let name = &self.port(bond)?.name;
            return Err(format!(
                "Please remove port {number} from {name} first: `remove bonding member {number} {bond}`"
            ));
        }
        if let Some((bond, _)) = self.devices[self.port(number)?.device].lent_to {
            let (own, bond) =
                (&self.devices[self.port(number)?.device].name, &self.devices[bond].name);
            return Err(format!(
                "Port {number} belongs to {own}, which {bond} has while that is started"
            ));
        }
        Ok(())
    }

    /// Another bond, without members; its port.
    pub(crate) fn create_bond(&mut self, mode: Mode) -> Result<usize, String> {
        if self.is_running() {
            return Err("Please stop forwarding first".to_owned());
        }
        let taken = |name: &str| self.devices.iter().any(|d| d.is_open && d.name == name);
        let name = (0..).map(|n| format!("bond{n}")).find(|name| !taken(name)).unwrap_or_default();
        let vdev = Vdev::Bond(BondSpec::new(&name, mode));
        let numbers = self.attach(&Described { text: name, vdev })?;
        numbers.first().copied().ok_or_else(|| "it has no port".to_owned())
    }

    /// Whether ports may be members together: each is there and of no other bond.
    pub(super) fn check_members(&self, spec: &BondSpec) -> Result<(), String> {
        spec.members.iter().try_for_each(|&member| self.check_member(&spec.name, member))
    }

    fn check_member(&self, bond: &str, member: usize) -> Result<(), String> {
        let free = self.must_be_free(member).and_then(|()| match self.is_bond(member) {
            true => Err(format!("Port {member} is a bond itself")),
            false => Ok(()),
        });
        free.map_err(|why| format!("{bond}: {why}"))
    }

    /// What a bond is made of is to change.
    pub(crate) fn change_bond(
        &mut self,
        number: usize,
        change: impl FnOnce(&mut BondRecord) -> Result<(), String>,
    ) -> Result<(), String> {
        self.bond(number)?;
        if self.port(number)?.state == PortState::Started {
            return Err(format!("Please stop port {number} first"));
        }
        change(self.bond_mut(number)?)
    }

    pub(crate) fn add_member(&mut self, member: usize, bond: usize) -> Result<(), String> {
        let spec = &self.bond(bond)?.spec;
        self.port(member)?;
        if spec.members.contains(&member) {
            return Err(format!("Port {member} is a member of {} already", spec.name));
        }
        self.check_member(&spec.name, member)?;
        self.change_bond(bond, |record| {
            record.spec.members.push(member);
            Ok(())
        })
    }

    pub(crate) fn remove_member(&mut self, member: usize, bond: usize) -> Result<(), String> {
        self.change_bond(bond, |record| {
            let spec = &mut record.spec;
            let at = spec.members.iter().position(|&known| known == member);
            spec.members
                .remove(at.ok_or_else(|| format!("Port {member} is no member of {}", spec.name))?);
            spec.primary = spec.primary.filter(|&primary| primary != member);
            Ok(())
        })
    }

    /// What a bond without members has to wait for.
    pub(super) fn waits_for_members(&self, number: usize) -> Option<String> {
        let spec = &self.bond(number).ok()?.spec;
        let name = &spec.name;
        spec.members
            .is_empty()
            .then(|| format!("{name} has no member: `add bonding member PORT {number}`"))
    }

    /// Members become one host.
    pub(super) fn start_bond(&mut self, number: usize) -> Result<(), String> {
        if self.is_running() {
            return Err("Please stop forwarding first".to_owned());
        }
        let (id, record) = (self.port(number)?.device, self.bond(number)?.clone());
        let spec = &record.spec;
        if let Some(why) = self.waits_for_members(number) {
            return Err(why);
        }
        let (devices, links) = self.links(&spec.members)?;
        let settings = BondSettings {
            mode: spec.mode,
            address: record.address.0,
            prefix_len: record.address.1,
            mac: record.mac,
            options: spec.bond_options(),
            protect: spec.protect,
            primary: spec
                .primary
                .and_then(|port| links.iter().find(|(p, _)| *p == port))
                .map(|(_, link)| *link),
            connections: self.forward.connections_max,
        };
        let order = links.iter().map(|(_, link)| *link).collect();
        let members: Result<Vec<MemberSpec>, String> =
            devices.iter().map(|&device| self.lend(device)).collect();
        let made = members
            .and_then(|members| Bonded::new(members, order, &settings, self.settings, self.clock));
        let bonded = match made {
            Ok(bonded) => bonded,
            Err(why) => {
                self.give_back(&devices)?;
                return Err(format!("{}: {why}", spec.name));
            }
        };
        self.remarks
            .extend(bonded.warnings().into_iter().map(|text| format!("{}: {text}", spec.name)));
        for (member, &device) in devices.iter().enumerate() {
            self.devices[device].lent_to = Some((id, member));
        }
        self.house(id, Device::Bond(Box::new(bonded)))?;
        for (port, _) in &links {
            self.port_mut(*port)?.state = PortState::Started;
        }
        self.bond_mut(number)?.links = links;
        self.count_anew(number, &devices)
    }

    /// The devices of `ports`, and the link that each port will be.
    fn links(&self, ports: &[usize]) -> Result<(Vec<usize>, Links), String> {
        let (mut devices, mut links) = (Vec::new(), Vec::new());
        for &number in ports {
            let port = self.port(number)?;
            if let Some((bond, _)) = self.devices[port.device].lent_to {
                let (own, other) = (&self.devices[port.device].name, &self.devices[bond].name);
                return Err(format!(
                    "{own} of port {number} is with {other}: an adapter is one bond's"
                ));
            }
            let member =
                devices.iter().position(|&known| known == port.device).unwrap_or_else(|| {
                    devices.push(port.device);
                    devices.len() - 1
                });
            links.push((
                number,
                LinkId { member: MemberId(member as u8), port: PortId(port.index as u8) },
            ));
        }
        Ok((devices, links))
    }

    /// Takes a device apart; what a bond makes a member of.
    fn lend(&mut self, device: usize) -> Result<MemberSpec, String> {
        self.forget_flows(device);
        for number in self.ports_of(device) {
            let port = self.port_mut(number)?;
            if port.state == PortState::Started {
                port.state = PortState::Stopped;
            }
        }
        drop(self.take_device(device)?);
        let record = &self.devices[device];
        let mut wires = record.lender.lend(record.lender.returned());
        match &record.kind {
            Kind::Card(spec) => Ok(MemberSpec::Card { spec: spec.clone(), number: device, wires }),
            Kind::Wire(mac) => {
                let wire = wires.pop().ok_or_else(|| format!("{} has no wire", record.name))?;
                Ok(MemberSpec::Bare { wire, mac: *mac })
            }
            Kind::Bond(_) => Err(format!("{} is a bond itself", record.name)),
        }
    }

    /// Devices are their own again, those that a core has already as they are. One that fails keeps none of the others back.
    fn give_back(&mut self, devices: &[usize]) -> Result<(), String> {
        let mut done = Ok(());
        for &device in devices {
            self.devices[device].lent_to = None;
            if !self.is_housed(device) {
                done = done.and(self.remake(device));
            }
        }
        done
    }

    /// The counters of a bond and its members begin anew: those who counted are gone.
    fn count_anew(&mut self, bond: usize, devices: &[usize]) -> Result<(), String> {
        let members = devices.iter().flat_map(|&device| self.ports_of(device));
        let all: Vec<usize> = members.chain([bond]).collect();
        for number in all {
            self.clear_stats(number)?;
            self.clear_xstats(number)?;
        }
        Ok(())
    }

    /// Members are ports of their own again, stopped.
    pub(super) fn stop_bond(&mut self, number: usize) -> Result<(), String> {
        let id = self.port(number)?.device;
        drop(self.take_device(id)?);
        let links = std::mem::take(&mut self.bond_mut(number)?.links);
        for (port, _) in &links {
            self.port_mut(*port)?.state = PortState::Stopped;
        }
        let lent =
            |device: &usize| self.devices[*device].lent_to.is_some_and(|(bond, _)| bond == id);
        let devices: Vec<usize> = (0..self.devices.len()).filter(lent).collect();
        self.give_back(&devices)?;
        self.count_anew(number, &devices)
    }

    pub(super) fn info_of_down_bond(&self, number: usize) -> Result<PortInfo, String> {
        let mac = self.bond(number)?.mac;
        Ok(PortInfo { mac, mtu: self.settings.mtu, mac_entries: 1, ..PortInfo::default() })
    }

    /// Has the core do something with a bond that is up.
    pub(crate) fn with_bond<R: Send + 'static>(
        &self,
        number: usize,
        what: impl FnOnce(&mut Bonded) -> R + Send + 'static,
    ) -> Result<R, String> {
        if !self.bond(number)?.is_up() {
            return Err(format!("Port {number} is not started: `port start {number}`"));
        }
        let done = self.with_device(self.port(number)?.device, move |device, _| match device {
            Device::Bond(bond) => Some(what(bond)),
            Device::Card(_) | Device::Bare(_) => None,
        })?;
        done.ok_or_else(|| format!("Port {number} is not a bond"))
    }

    /// How a bond that is up stands.
    pub(crate) fn bond_state(&self, number: usize) -> Result<BondState, String> {
        self.with_bond(number, |bond| bond.state())
    }

    /// Makes another of a bond's links the active one: `to`, or the next that is up.
    pub(crate) fn fail_over(
        &mut self,
        number: usize,
        to: Option<LinkId>,
    ) -> Result<LinkId, String> {
        let state = self.bond_state(number)?;
        let other = |link: &LinkId| state.active.is_none_or(|active| link.member != active.member);
        let next = state.up.iter().copied().find(other);
        let next =
            next.or_else(|| state.up.iter().copied().find(|&link| state.active != Some(link)));
        let Some(to) = to.or(next) else {
            return Err(format!("Port {number} has no other link that is up"));
        };
        self.with_bond(number, move |bond| bond.make_active(to))?
            .map_err(|why| self.in_ports(number, &why))?;
        Ok(to)
    }

    /// What is said of adapters by their places among a bond's members, as the user knows them.
    fn in_ports(&self, number: usize, text: &str) -> String {
        let Ok(bond) = self.bond(number) else { return text.to_owned() };
        bond.links.iter().fold(text.to_owned(), |text, (port, link)| {
            text.replace(&link.to_string(), &format!("port {port}"))
        })
    }

    /// The bond and the link that a port is while its bond is up.
    pub(crate) fn link_of(&self, number: usize) -> Result<(usize, LinkId), String> {
        self.port(number)?;
        let found = self.bond_of(number).and_then(|bond| {
            let links = &self.bond(bond).ok()?.links;
            links.iter().find(|(port, _)| *port == number).map(|(_, link)| (bond, *link))
        });
        found.ok_or_else(|| format!("Port {number} is not a member of a bond that is started"))
    }
}
