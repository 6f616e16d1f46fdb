//! The prompt in a terminal: keys that are no letters.

use crate::cases::Outcome;
use crate::program::Program;
use crate::scratch;

const UP: &str = "\x1b[A";
const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";
const ARGUMENTS: [&str; 9] = [
    "-l",
    "0,1",
    "--no-huge",
    "--file-prefix",
    "keys",
    "--vdev",
    "wire0,wire=null:no-rx",
    "--",
    "-i",
];

/// Tab completes, lines of this and of earlier days come back, Ctrl-C ends forwarding and then the program.
pub(crate) fn keys() -> Outcome {
    let folder = scratch("terminal");
    let mut program = Program::start_in_terminal(&ARGUMENTS, &folder);
    // Keys before the prompt are the terminal's to edit.
    program.until("testpmd> ");
    program.press("set bur\t 7\r");
    program.until_prompt_after("Number of packets per burst set to 7\r\n");
    program.press("sh\t con\t co\t\r");
    program.until_prompt_after("List of forwarding lcores:  1\r\n");
    program.press(&format!("{UP}{UP}7\r"));
    program.until_prompt_after("Number of packets per burst set to 77\r\n");
    program.press("start\r");
    program.until_prompt_after("TX desc=0\r\n");
    program.press(CTRL_C);
    // The prompt is back when all of it has been said.
    let told = program.until_prompt_after("Done.\r\n");
    assert!(told.contains("Waiting for lcores to finish..."), "{told}");
    program.press("set burst 9");
    program.press(CTRL_C);
    let told = program.until("Bye...\r\n");
    assert!(told.contains("Port 0 is closed") && !told.contains("set to 9"), "{told}");
    assert_eq!(program.finish().1, 0);

    let mut program = Program::start_in_terminal(&ARGUMENTS, &folder);
    program.until("testpmd> ");
    program.press(&format!("{UP}{UP}\r"));
    program.until_prompt_after("Number of packets per burst set to 77\r\n");
    program.press(CTRL_D);
    let told = program.until("Bye...\r\n");
    assert!(told.contains("Port 0 is closed"), "{told}");
    assert_eq!(program.finish().1, 0);
    std::fs::remove_dir_all(folder).expect("removed");
    Outcome::Done
}
