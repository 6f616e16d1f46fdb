//! The mailbox against an exact list of register accesses.

use std::sync::Arc;

use mafo_t4::fw::{Access as FwAccess, ByeCmd, HelloCmd, ParamsCmd, ViMacCmd};

use super::*;
use crate::tests::bar::ScriptedBar;
use crate::tests::firmware::*;

const TIMEOUT: Nanos = Nanos::from_millis(10);

fn mailbox() -> (Mailbox, Arc<ScriptedBar>) {
    let bar = ScriptedBar::new();
    (Mailbox::new(bar.clone(), 4), bar)
}

fn bye() -> ByeCmd {
    ByeCmd::request(FwAccess::Write)
}

/// FW_BYE_CMD: opcode 5, REQUEST and WRITE; one unit of 16 bytes.
const BYE: [u8; 16] = [0x05, 0xa0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];

#[test]
fn a_command_goes_out_and_its_reply_comes_back() {
    let (mut mailbox, bar) = mailbox();
    assert_eq!(mailbox.poll(Nanos(0)), Ok(Progress::Idle));
    let hello = HelloCmd::request(FwAccess::Write);
    mailbox.submit(Nanos(0), &hello, TIMEOUT);
    // FW_HELLO_CMD: opcode 4, REQUEST and WRITE.
    let mut command = BYE;
    command[0] = 0x04;
    bar.expect(send(&command));
    assert_eq!(mailbox.poll(Nanos(0)), Ok(Progress::Pending));
    bar.expect(nothing_yet());
    assert_eq!(mailbox.poll(Nanos(1)), Ok(Progress::Pending));
    let mut reply = command;
    reply[8..12].copy_from_slice(&[0x04, 0x03, 0x02, 0x01]);
    bar.expect(receive(&reply));
    let Ok(Progress::Done(got)) = mailbox.poll(Nanos(2)) else { panic!("a reply") };
    assert_eq!((&got[..16], &got[16..]), (&reply[..], &[0; 48][..]));
    bar.done();
    assert_eq!(mailbox.poll(Nanos(3)), Ok(Progress::Idle));
    assert_eq!(mailbox.counters(), MailboxCounters { commands: 1, ..Default::default() });
}

#[test]
fn only_as_much_is_written_as_the_command_says_it_is_long() {
    let (mut mailbox, bar) = mailbox();
    // A header and one entry: sixteen of the 64 bytes of the structure.
    let entry = mafo_t4::fw::MacEntry::new(0x3ff, 0, [2, 0, 0, 0, 0, 9]);
    let command = ViMacCmd::write(mafo_t4::fw::Viid(0x481), &[entry]);
    mailbox.submit(Nanos(0), &command, TIMEOUT);
    let bytes = [0x15, 0xa0, 0x04, 0x81, 0, 0, 0, 1, 0x83, 0xff, 2, 0, 0, 0, 0, 9];
    bar.expect(send(&bytes));
    assert_eq!(mailbox.poll(Nanos(0)), Ok(Progress::Pending));
    bar.expect(receive(&bytes));
    assert!(matches!(mailbox.poll(Nanos(1)), Ok(Progress::Done(_))));
    bar.done();
}

#[test]
fn reading_a_mailbox_that_nobody_owns_claims_it() {
    let (mut mailbox, bar) = mailbox();
    mailbox.submit(Nanos(0), &bye(), TIMEOUT);
    bar.expect([read(STATE, RUNNING), read(CTRL, NOBODY), read(CTRL, NOBODY), read(CTRL, NOBODY)]);
    // The script of a free mailbox, without its own look at PCIE_FW.
    bar.expect(send(&BYE).split_off(1));
    assert_eq!(mailbox.poll(Nanos(0)), Ok(Progress::Pending));
    bar.done();
    assert_eq!(mailbox.counters(), MailboxCounters { commands: 1, ..Default::default() });
}

#[test]
fn a_mailbox_that_is_not_free_is_tried_again_until_the_deadline() {
    let (mut mailbox, bar) = mailbox();
    mailbox.submit(Nanos(5), &bye(), TIMEOUT);
    bar.expect([read(STATE, RUNNING), read(CTRL, FIRMWARE)]);
    assert_eq!(mailbox.poll(Nanos(5)), Ok(Progress::Pending));
    bar.expect([read(STATE, RUNNING)]);
    bar.expect([read(CTRL, NOBODY); 4]);
    assert_eq!(mailbox.poll(Nanos(6)), Ok(Progress::Pending));
    bar.expect([read(STATE, RUNNING), read(CTRL, FIRMWARE)]);
    let error = FwError::Busy { command: Opcode::BYE, waited: TIMEOUT };
    assert_eq!(mailbox.poll(Nanos(5) + TIMEOUT), Err(error));
    bar.done();
    assert_eq!(mailbox.poll(Nanos::MAX), Ok(Progress::Idle), "it is no longer under way");
    assert_eq!(mailbox.counters(), MailboxCounters { busy: 3, ..Default::default() });
}

#[test]
fn ownership_without_a_message_is_spurious() {
    let (mut mailbox, bar) = mailbox();
    mailbox.submit(Nanos(0), &bye(), TIMEOUT);
    bar.expect(send(&BYE));
    assert_eq!(mailbox.poll(Nanos(0)), Ok(Progress::Pending));
    bar.expect([read(STATE, RUNNING), read(CTRL, DRIVER), write(CTRL, 0)]);
    assert_eq!(mailbox.poll(Nanos(1)), Ok(Progress::Pending));
    bar.expect(receive(&answered(&BYE, 0)));
    assert!(matches!(mailbox.poll(Nanos(2)), Ok(Progress::Done(_))));
    bar.done();
    let counters = MailboxCounters { commands: 1, spurious_ownership: 1, ..Default::default() };
    assert_eq!(mailbox.counters(), counters);
}

#[test]
fn no_reply_is_an_error_at_the_deadline_and_the_next_command_goes_on() {
    let (mut mailbox, bar) = mailbox();
    mailbox.submit(Nanos(0), &bye(), TIMEOUT);
    bar.expect(send(&BYE));
    assert_eq!(mailbox.poll(Nanos(0)), Ok(Progress::Pending));
    bar.expect(nothing_yet());
    assert_eq!(mailbox.poll(TIMEOUT - Nanos(1)), Ok(Progress::Pending));
    bar.expect(nothing_yet());
    let error = FwError::TimedOut { command: Opcode::BYE, waited: TIMEOUT };
    assert_eq!(mailbox.poll(TIMEOUT), Err(error));
    // The late reply lies in the mailbox: the next command is written over it.
    mailbox.submit(TIMEOUT, &bye(), TIMEOUT);
    let mut late = send(&BYE);
    late[1] = read(CTRL, VALID | DRIVER);
    bar.expect(late);
    assert_eq!(mailbox.poll(TIMEOUT), Ok(Progress::Pending));
    bar.expect(receive(&BYE));
    assert!(matches!(mailbox.poll(TIMEOUT + Nanos(1)), Ok(Progress::Done(_))));
    bar.done();
}

#[test]
fn a_refusal_names_command_and_result() {
    let (mut mailbox, bar) = mailbox();
    mailbox.submit(Nanos(0), &bye(), TIMEOUT);
    bar.expect(send(&BYE));
    assert_eq!(mailbox.poll(Nanos(0)), Ok(Progress::Pending));
    // ENOSPC is 28.
    bar.expect(receive(&answered(&BYE, 28)));
    let error = FwError::Refused { command: Opcode::BYE, retval: Retval::ENOSPC };
    assert_eq!(mailbox.poll(Nanos(1)), Err(error));
    assert_eq!(error.to_string(), "BYE: refused with ENOSPC");
    assert!(error.is_refusal());
    assert_eq!(mailbox.counters().refused, 1);
    bar.done();
}

#[test]
fn an_assertion_of_the_firmware_is_read_whole() {
    let (mut mailbox, bar) = mailbox();
    mailbox.submit(Nanos(0), &bye(), TIMEOUT);
    bar.expect(send(&BYE));
    assert_eq!(mailbox.poll(Nanos(0)), Ok(Progress::Pending));
    // FW_DEBUG_CMD, 48 bytes: function, line 77, x 1, y 2, file name.
    let mut debug = vec![0x81, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 9, 0, 0, 0, 77];
    debug.extend([0, 0, 0, 1, 0, 0, 0, 2]);
    debug.extend(b"flowc.c\0\0\0\0\0\0\0\0\0");
    debug.extend([0; 8]);
    bar.expect(receive(&debug));
    let filename = *b"flowc.c\0\0\0\0\0\0\0\0\0";
    let error = FwError::Assertion { command: Opcode::BYE, filename, line: 77, x: 1, y: 2 };
    assert_eq!(mailbox.poll(Nanos(1)), Err(error));
    bar.done();
}

#[test]
fn a_reply_to_something_else_is_refused() {
    let (mut mailbox, bar) = mailbox();
    mailbox.submit(Nanos(0), &bye(), TIMEOUT);
    bar.expect(send(&BYE));
    assert_eq!(mailbox.poll(Nanos(0)), Ok(Progress::Pending));
    let mut other = BYE;
    other[0] = 0x1b;
    bar.expect(receive(&other));
    let error = FwError::Garbled { command: Opcode::BYE, reply: Opcode::PORT };
    assert_eq!(mailbox.poll(Nanos(1)), Err(error));
    bar.done();
}

#[test]
fn a_card_that_is_gone_or_stopped_is_noticed_in_each_state() {
    let gone = FwError::Gone { command: Opcode::BYE };
    let stopped =
        FwError::Stopped { command: Opcode::BYE, state: PCIE_FW::default().with_err(true) };
    let ends = [
        (vec![read(STATE, u32::MAX)], gone),
        (vec![read(STATE, RUNNING), read(CTRL, u32::MAX)], gone),
        (vec![read(STATE, 1 << 31)], stopped),
    ];
    for (script, error) in ends {
        let (mut mailbox, bar) = mailbox();
        mailbox.submit(Nanos(0), &bye(), TIMEOUT);
        bar.expect(script.clone());
        assert_eq!(mailbox.poll(Nanos(0)), Err(error), "before it is sent");
        mailbox.submit(Nanos(0), &bye(), TIMEOUT);
        bar.expect(send(&BYE));
        assert_eq!(mailbox.poll(Nanos(0)), Ok(Progress::Pending));
        bar.expect(script);
        assert_eq!(mailbox.poll(Nanos(1)), Err(error), "while it is under way");
        bar.done();
        assert!(!error.is_refusal());
    }
}

#[test]
#[should_panic(expected = "two commands in one mailbox")]
fn a_second_command_is_a_bug() {
    let (mut mailbox, _) = mailbox();
    mailbox.submit(Nanos(0), &bye(), TIMEOUT);
    mailbox.submit(Nanos(0), &ParamsCmd::read(&[]), TIMEOUT);
}
