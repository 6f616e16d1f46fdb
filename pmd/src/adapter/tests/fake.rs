//! A firmware that answers each command at once and as it should, unless a test says otherwise.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use mafo_t4::cpl::{Fw6Msg, Opcode as CplOpcode};
use mafo_t4::fw::{Command, Header, IqCmd, Opcode, ViCmd, ViMacCmd};
use mafo_t4::sge::{Entry, LastFlit, PldBuf, RspCtrl, RspType, RssHeader};
use mafo_t4::{Bar, HostMemory, Iova, IqId};

use super::*;
use crate::sge::ENTRY;
use crate::tests::bar::Access;
use crate::tests::firmware::{CTRL, DATA, DRIVER, FIRMWARE, VALID};

/// What becomes of a command: nothing (silence), or a reply. Given its number and the honest reply.
type Answer = Box<dyn FnMut(usize, Vec<u8>) -> Option<Vec<u8>> + Send>;

/// A card with PF 4, as far as its control plane goes.
pub(super) struct FakeCard {
    inner: Mutex<Inner>,
}

struct Inner {
    registers: BTreeMap<u32, u32>,
    data: [u32; 16],
    control: u32,
    commands: Vec<Vec<u8>>,
    answer: Answer,
    params: BTreeMap<u32, u32>,
    hello: u32,
    next_id: u16,
    bar2: Vec<Access>,
    /// Writes to the MTU and congestion tables, which are of one register each.
    tables: Vec<(u32, u32)>,
}

impl FakeCard {
    /// Two ports, room for everything, not initialised, ours to be master of.
    pub(super) fn new() -> Arc<Self> {
        let registers = BTreeMap::from([
            (0x19400, 0x400),
            (0x1008, 0x4_0801),
            (0x100c, 0x2222_2222),
            (0x1010, 0x5555_5555),
            (0x10f4, 0x5555_5555),
            (0x1058, 2048),
        ]);
        let params = BTreeMap::from([
            (0x0100_0000, 250_000),
            (0x0101_0000, 0b11),
            (0x0213_0000, 0),
            (0x0214_0000, 99),
            (0x0205_0000, 0),
            (0x0206_0000, 49),
            (0x0102_0000, 1024),
            (0x0207_0000, 0),
            (0x0208_0000, 49),
            (0x0103_0000, 64),
        ]);
        Arc::new(Self {
            inner: Mutex::new(Inner {
                registers,
                data: [0; 16],
                control: DRIVER,
                commands: Vec::new(),
                answer: Box::new(|_, honest| Some(honest)),
                params,
                hello: 0x0441_0000,
                next_id: 0,
                bar2: Vec::new(),
                tables: Vec::new(),
            }),
        })
    }

    fn with<R>(&self, change: impl FnOnce(&mut Inner) -> R) -> R {
        change(&mut self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// From now on `answer` decides about each command.
    pub(super) fn answers(
        &self,
        answer: impl FnMut(usize, Vec<u8>) -> Option<Vec<u8>> + Send + 'static,
    ) {
        self.with(|inner| inner.answer = Box::new(answer));
    }

    pub(super) fn set_register(&self, offset: u32, value: u32) {
        self.with(|inner| inner.registers.insert(offset, value));
    }

    pub(super) fn set_param(&self, param: u32, value: u32) {
        self.with(|inner| inner.params.insert(param, value));
    }

    /// What HELLO answers: who is master, what state.
    pub(super) fn set_hello(&self, flags: u32) {
        self.with(|inner| inner.hello = flags);
    }

    /// The firmware gives a mailbox that it has kept back, with whatever lies in it.
    pub(super) fn give_mailbox_back(&self) {
        self.with(|inner| inner.control = VALID | DRIVER);
    }

    /// The firmware answers the last command, which it has not answered yet, as it should have.
    pub(super) fn answer_late(&self) {
        self.with(|inner| {
            let command = inner.commands.last().expect("a command").clone();
            let honest = inner.honest(&command);
            inner.reply(honest);
        });
    }

    /// Writes to the MTU and congestion tables since the last time: the register, and the value.
    pub(super) fn take_table_writes(&self) -> Vec<(u32, u32)> {
        self.with(|inner| std::mem::take(&mut inner.tables))
    }

    /// Commands since the last time.
    pub(super) fn take_commands(&self) -> Vec<Vec<u8>> {
        self.with(|inner| std::mem::take(&mut inner.commands))
    }

    /// Their opcodes.
    pub(super) fn take_opcodes(&self) -> Vec<Opcode> {
        self.take_commands().iter().map(|command| Opcode(command[0])).collect()
    }

    /// Doorbells since the last time.
    pub(super) fn take_bar2(&self) -> Vec<Access> {
        self.with(|inner| std::mem::take(&mut inner.bar2))
    }
}

impl Inner {
    fn on_command(&mut self) {
        let bytes: Vec<u8> = (0..8)
            .flat_map(|n| [self.data[2 * n + 1], self.data[2 * n]])
            .flat_map(u32::to_be_bytes)
            .collect();
        let len = Header::parse(&bytes).expect("a header").len().clamp(16, 64);
        let command = bytes[..len].to_vec();
        let honest = self.honest(&command);
        let number = self.commands.len();
        self.commands.push(command);
        let Some(reply) = (self.answer)(number, honest) else {
            self.control = VALID | FIRMWARE;
            return;
        };
        self.reply(reply);
    }

    fn reply(&mut self, mut reply: Vec<u8>) {
        reply.resize(64, 0);
        for (n, word) in reply.chunks(8).enumerate() {
            let half =
                |at: usize| u32::from_be_bytes(word[at..at + 4].try_into().expect("four bytes"));
            (self.data[2 * n + 1], self.data[2 * n]) = (half(0), half(4));
        }
        self.control = VALID | DRIVER;
    }

    fn honest(&mut self, command: &[u8]) -> Vec<u8> {
        let mut reply = command.to_vec();
        let mut set = |word: usize, value: u32| {
            reply[4 * word..4 * word + 4].copy_from_slice(&value.to_be_bytes());
        };
        let alloc = command[4] & 0x80 != 0;
        match Opcode(command[0]) {
            Opcode::HELLO => {
                set(2, self.hello);
                set(3, 0x0117_0300);
            }
            Opcode::CAPS_CONFIG => set(6, 0x0003_0001),
            Opcode::PFVF => {
                set(2, 64 << 20);
                set(3, 256);
                set(4, 4 << 16);
            }
            Opcode::PARAMS => {
                for slot in (8..command.len()).step_by(8) {
                    let param = u32::from_be_bytes(command[slot..slot + 4].try_into().expect("4"));
                    if let Some(&value) = self.params.get(&param) {
                        set(slot / 4 + 1, value);
                    }
                }
            }
            Opcode::PORT => set(3, 0x00ca_00ca),
            Opcode::VI if alloc => {
                let vi = ViCmd::parse(command).expect("whole");
                let port = u32::from(vi.portid().portid());
                // VIN = 1 + port.
                set(2, (0x481 + port) << 16 | 0x0007);
                set(3, 0x4300_0000 | port);
                set(6, 8 << 16);
            }
            Opcode::IQ if alloc => {
                self.next_id += 2;
                let id = u32::from(self.next_id);
                set(2, (0x100 + id) << 16 | id);
                set(3, (0x20 + id) << 16);
            }
            Opcode::EQ_CTRL | Opcode::EQ_ETH | Opcode::EQ_OFLD if alloc => {
                self.next_id += 2;
                let id = u32::from(self.next_id);
                set(2, id);
                set(3, 0x1000 + id);
            }
            Opcode::VI_MAC => {
                let mac = ViMacCmd::read(command).expect("whole");
                let entry = mac.entries()[0];
                set(
                    2,
                    0x8011_0000
                        | u32::from(u16::from_be_bytes([entry.macaddr()[0], entry.macaddr()[1]])),
                );
            }
            _ => {}
        }
        reply
    }
}

impl Bar for FakeCard {
    fn read32(&self, offset: u32) -> u32 {
        self.with(|inner| match offset {
            CTRL => inner.control,
            DATA..CTRL => inner.data[((offset - DATA) / 4) as usize],
            _ => inner.registers.get(&offset).copied().unwrap_or(0),
        })
    }
    fn write32(&self, offset: u32, value: u32) {
        self.with(|inner| match offset {
            CTRL if value == VALID | FIRMWARE => inner.on_command(),
            CTRL => inner.control = DRIVER,
            // These the tests set; the driver's corrections of them are proven by the script.
            0x1008 | 0x100c | 0x1124 | 0x1044..=0x1080 => {}
            0x7ddc | 0x7de4 => inner.tables.push((offset, value)),
            _ => {
                inner.registers.insert(offset, value);
            }
        });
    }
    fn write64(&self, offset: u32, value: u64) {
        self.with(|inner| {
            let at = ((offset - DATA) / 4) as usize;
            // The register pair has the low half first.
            (inner.data[at], inner.data[at + 1]) = (value as u32, (value >> 32) as u32);
        });
    }
    fn write_doorbell(&self, offset: u32, value: u32) {
        self.with(|inner| inner.bar2.push(Access::Doorbell { offset, value }));
    }
    fn write_combined(&self, offset: u32, unit: &[u8; 64]) {
        self.with(|inner| inner.bar2.push(Access::Combined { offset, unit: *unit }));
    }
}

/// An adapter on a fake card, and all that a test wants to see of it.
pub(super) struct Rig {
    pub(super) card: Arc<FakeCard>,
    pub(super) adapter: Adapter,
    pub(super) arena: Arc<Arena>,
    pub(super) now: Nanos,
    /// Time between two polls of [`Rig::start`].
    pub(super) step: Nanos,
    events: Events,
}

/// The firmware's place in its event queue.
#[derive(Clone, Copy, Default)]
struct Events {
    ring: Iova,
    at: u16,
    laps: u16,
}

impl Rig {
    pub(super) fn new(config: AdapterConfig) -> Self {
        Self::in_arena(config, Arena::ordinary(8 << 20).expect("memory"))
    }

    pub(super) fn in_arena(config: AdapterConfig, arena: Arc<Arena>) -> Self {
        let card = FakeCard::new();
        let adapter = Adapter::new(card.clone(), Domain::new(1), arena.clone(), config);
        Self { card, adapter, arena, now: Nanos(0), step: Nanos(10_000), events: Events::default() }
    }

    /// Polls until the adapter is up or has failed.
    pub(super) fn start(&mut self) -> Result<(), AdapterError> {
        for _ in 0..1000 {
            self.now += self.step;
            self.adapter.poll(self.now)?;
            if self.adapter.is_up() {
                return Ok(());
            }
        }
        panic!("stuck: {:?}", self.adapter)
    }

    /// An adapter that is up; its commands are forgotten but for where its event queue is.
    pub(super) fn up(config: AdapterConfig) -> Self {
        let mut rig = Self::new(config);
        rig.start().expect("bring-up");
        let commands = rig.card.take_commands();
        let events = commands.iter().find_map(|command| {
            let iq = IqCmd::matching(command)?;
            iq.kind().iqasynch().then(|| iq.iqaddr())
        });
        rig.events.ring = events.expect("an event queue");
        rig.card.take_bar2();
        rig
    }

    pub(super) fn poll(&mut self) {
        self.now += Nanos(1000);
        self.adapter.poll(self.now).expect("alive");
    }

    /// Polls until no command is under way or waits.
    pub(super) fn settle(&mut self) {
        for _ in 0..100 {
            self.poll();
        }
    }

    pub(super) fn events(&mut self) -> Vec<AdapterEvent> {
        std::iter::from_fn(|| self.adapter.poll_event()).collect()
    }

    /// The firmware writes an entry into its event queue, of any bytes but for the generation bit.
    pub(super) fn raw_event(&mut self, entry: &[u8; ENTRY]) {
        let events = &mut self.events;
        let domain = self.adapter.domain();
        let at = events.ring.add(usize::from(events.at) * ENTRY);
        domain.write(at, &entry[..ENTRY - 8]).expect("mapped");
        let last = u64::from_be_bytes(*entry.last_chunk().expect("64 bytes"));
        let last = LastFlit(last).with_gen_bit(events.laps.is_multiple_of(2));
        domain.store_release_u64(at.add(ENTRY - 8), last.to_memory()).expect("mapped");
        events.at += 1;
        // 64 entries, one of them for status.
        if events.at == 63 {
            (events.at, events.laps) = (0, events.laps + 1);
        }
    }

    /// The firmware sends `command` as an event.
    pub(super) fn event(&mut self, command: &[u8]) {
        let mut data = [0; 32];
        data[..command.len()].copy_from_slice(command);
        let message = Fw6Msg::new().with_data(data);
        let rss = RssHeader::new(CplOpcode::FW6_MSG, IqId(0));
        let last = LastFlit(0).with_rsp_type(RspType::CPL);
        let ctrl = RspCtrl::default().with_pldbuflen_qid(PldBuf(0)).with_last_flit(last);
        let mut entry = [0; ENTRY];
        assert!(Entry::write(&mut entry, &rss, message.as_bytes(), &ctrl));
        self.raw_event(&entry);
    }
}

/// FW_PORT_CMD GET_PORT_INFO of `port`, as the firmware sends it: `link` is the word at offset 8.
pub(super) fn port_info(port: u32, link: u32) -> Vec<u8> {
    words(&[0x1bc0_0000 | port, 0x0003_0002, link, 0x00ca_00ca, 0x05dc_0000, 0, 0, 0])
}
