//! FW_PORT: link settings and state, and the event that tells of its change.

use mafo_t4::cpl::{Fw6Msg, FwMsgType};
use mafo_t4::fw::{
    Access, Caps32, Command, LinkDownReason, LinkState, ModuleType, PortAction, PortCmd,
    PortInfo32Cmd, PortInfoCmd, PortType, Retval,
};
use mafo_t4::{HostMemory, PortId};

use super::{Ctx, EVENTS_MAX, Firmware, answer, failed};
use crate::bar::Mail;
use crate::hw::Hw;
use crate::sge::Ingress;

/// What a 10 Gb/s port can do.
const CAPS: Caps32 =
    Caps32(0).with_speed_1g(true).with_speed_10g(true).with_fc_rx(true).with_fc_tx(true);
/// A link that is up.
const LINK: Caps32 = Caps32(0).with_speed_10g(true);

/// State of a port that the card has.
pub(super) fn link_state<M>(hw: &Hw<M>, port: PortId) -> Option<LinkState> {
    let up = hw.ports.get(port.index())?.is_up();
    Some(LinkState {
        up,
        down_reason: if up { LinkDownReason::NONE } else { LinkDownReason::RX_LOS },
        link: if up { LINK } else { Caps32(0) },
        port_caps: CAPS,
        advertised: CAPS,
        partner: Caps32(0),
        port_type: PortType::SFP,
        module: ModuleType::TWINAX_PASSIVE,
        mtu: hw.config.max_frame_len.saturating_sub(14).min(usize::from(u16::MAX)) as u16,
    })
}

impl Firmware {
    pub(super) fn port<M: HostMemory>(&mut self, ctx: &mut Ctx<'_, M>, mail: &Mail) -> Mail {
        let Some(command) = PortCmd::matching(mail) else { return failed(mail, Retval::EINVAL) };
        let port = command.hi().port();
        let Some(state) = link_state(ctx.hw, port) else { return failed(mail, Retval::EINVAL) };
        match command.action() {
            PortAction::GET_PORT_INFO => {
                answer(mail, |cmd: PortInfoCmd| Ok(cmd.with_state(&state)))
            }
            PortAction::GET_PORT_INFO32 => {
                answer(mail, |cmd: PortInfo32Cmd| Ok(cmd.with_state(&state)))
            }
            PortAction::L1_CFG | PortAction::L1_CFG32 => answer(mail, |cmd: PortCmd| {
                let Ctx { hw, .. } = ctx;
                let (ports, shared) = (&mut hw.ports, &hw.shared);
                if ports[port.index()].set_started(true, shared) {
                    self.link_changed(port);
                }
                Ok(cmd)
            }),
            _ => failed(mail, Retval::EINVAL),
        }
    }

    /// The state of `port` is to be told to the driver.
    pub(crate) fn link_changed(&mut self, port: PortId) {
        if self.events.len() < EVENTS_MAX && !self.loses_events {
            self.events.push_back(port);
            self.events_new = true;
        } else {
            self.counters.link_events_lost += 1;
        }
    }

    /// Tells what is to be told as FW6_MSG on the firmware event queue: the reply that GET_PORT_INFO
    /// would have. Without a queue, or credit on it, events wait.
    pub(super) fn tell_events<M: HostMemory>(&mut self, hw: &mut Hw<M>) {
        self.events_new = false;
        while let Some(&port) = self.events.front() {
            let Some(iq) = hw.sge.firmware_event_queue() else { return };
            let Some(state) = link_state(hw, port) else {
                self.events.pop_front();
                continue;
            };
            let mut data = [0; 32];
            if self.port_caps32 {
                let info = PortInfo32Cmd::to(Access::Read, port).with_state(&state);
                data.copy_from_slice(info.as_bytes());
            } else {
                let info = PortInfoCmd::to(Access::Read, port).with_state(&state);
                data.copy_from_slice(info.as_bytes());
            }
            let message = Fw6Msg::new().with_kind(FwMsgType::CMD_RPL).with_data(data);
            if hw.sge.post(iq, &Ingress::new(port.0 & 3, message.as_bytes())).is_err() {
                return;
            }
            self.counters.link_events += 1;
            self.events.pop_front();
        }
    }
}
