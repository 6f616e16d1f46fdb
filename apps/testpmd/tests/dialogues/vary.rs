//! Numbers that differ from run to run.

/// Labels in front of numbers that count frames, time or bytes of memory.
const LABELS: [&str; 16] = [
    "TCP-rx-bytes:",
    "TCP-tx-bytes:",
    "RX-packets:",
    "RX-total:",
    "RX-dropped:",
    "RX-missed:",
    "RX-bytes:",
    "TX-packets:",
    "TX-total:",
    "TX-dropped:",
    "TX-bytes:",
    "Rx-pps:",
    "Rx-bps:",
    "Tx-pps:",
    "Tx-bps:",
    "len:",
];

/// Labels of lines of which nothing else is the same twice.
const WHOLLY: [&str; 4] =
    ["RX-bursts :", "TX-bursts :", "CPU cycles/packet=", "Latency of bursts:"];

/// The text with `#` for each number behind such a label but 0, and one space for the room that numbers are given.
pub(crate) fn normal(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        if let Some(label) = WHOLLY.iter().find(|label| line.contains(**label)) {
            out += &format!("  {label} #\n");
            continue;
        }
        if let Some(line) = connection(line).or_else(|| failover(line)) {
            out += &line;
            out.push('\n');
            continue;
        }
        let varies = LABELS.iter().any(|label| line.contains(label)) || is_counter(line);
        out += &if varies { without_numbers(line) } else { line.trim_end().to_owned() };
        out.push('\n');
    }
    out
}

/// A line of `show conn`, without the port that the stack chose, its tid, and what is under way.
fn connection(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [ends @ .., unacked, unread] = words.as_slice() else { return None };
    let is_end = |word: &&str| word.contains('.') && word.split_once(':').is_some();
    if !ends.iter().take(2).all(is_end) || ends.len() < 4 {
        return None;
    }
    let number = |word: &str| word.bytes().all(|b| b.is_ascii_digit());
    if !number(unacked) || !number(unread) {
        return None;
    }
    let mut ends: Vec<String> = ends.iter().map(|word| (*word).to_owned()).collect();
    for end in ends.iter_mut().take(2) {
        let (address, port) = end.split_once(':')?;
        if port.parse::<u32>().is_ok_and(|port| port >= 49_152) {
            *end = format!("{address}:#");
        }
    }
    // Whichever came first has the first.
    if let Some(tid) = ends.iter().position(|word| word == "tid") {
        ends[tid + 1..].fill("#".to_owned());
    }
    Some(format!("{} # #", ends.join(" ")))
}

/// A line of `show failover history`, without its times.
fn failover(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let is_time = |word: &&str| {
        word.split_once('.').is_some_and(|(whole, part)| {
            whole.bytes().chain(part.bytes()).all(|b| b.is_ascii_digit())
        })
    };
    if words.len() < 8 || !words.first().is_some_and(is_time) {
        return None;
    }
    // The time of the tunnel is there if there was one.
    let len = words.len();
    let kept = words
        .iter()
        .enumerate()
        .map(|(n, word)| if is_time(word) || n == len - 5 { "#" } else { word });
    Some(kept.collect::<Vec<&str>>().join(" "))
}

/// A line of `show port xstats`: a name in small letters and a number.
fn is_counter(line: &str) -> bool {
    line.split_once(": ").is_some_and(|(name, value)| {
        let name = name.trim_start();
        let is_name =
            name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        name.contains('_') && is_name && value.bytes().all(|b| b.is_ascii_digit())
    })
}

fn without_numbers(line: &str) -> String {
    let mut words = Vec::new();
    for word in line.split_whitespace() {
        let mut text = String::new();
        let mut digits = String::new();
        for c in word.chars().chain(['\0']) {
            if c.is_ascii_digit() || (c == '.' && !digits.is_empty()) {
                digits.push(c);
                continue;
            }
            match digits.trim_matches(['0', '.']) {
                "" => text += &digits,
                _ => text.push('#'),
            }
            digits.clear();
            text.extend(Some(c).filter(|c| *c != '\0'));
        }
        words.push(text);
    }
    let indent = line.len() - line.trim_start().len();
    format!("{}{}", " ".repeat(indent), words.join(" "))
}
