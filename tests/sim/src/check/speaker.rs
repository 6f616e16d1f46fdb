//! Who speaks for a connection: its owner, and nobody else.

use super::{Flow, Rule};

/// Who may speak for a connection, as the bond and the stack say at the end of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Speaker {
    /// The adapter that the connection lives on.
    pub(crate) owner: Option<u8>,
    /// The old owner is no longer heard, since so many polls.
    pub(crate) gated_for: u32,
    /// Packets that the old owner's adapter had made when it was no longer heard.
    pub(crate) gated_at: Option<u16>,
    /// The adapter whose TCB is being written.
    pub(crate) heir: Option<u8>,
    /// Frames of the peer are held, and the new owner cannot take any itself yet.
    pub(crate) holds: bool,
    /// Polls since the owner changed.
    pub(crate) owner_for: u32,
    /// The host path has it.
    pub(crate) sheltered: bool,
}

/// At most one speaker.
pub(super) fn speaks(
    flow: &mut Flow,
    origin: Option<u8>,
    id: u16,
    grace: u32,
) -> Result<(), (Rule, String)> {
    let speaker = flow.speaker;
    let (Some(origin), Some(owner)) = (origin, speaker.owner) else { return Ok(()) };
    if speaker.heir == Some(origin) {
        if origin != owner {
            flow.new_spoke = Some(origin);
        }
        return Ok(());
    }
    if origin == owner {
        if let Some(new) = flow.new_spoke {
            return Err((Rule::Speaker, format!("adapter {owner} after adapter {new}")));
        }
        if speaker.gated_at.is_some_and(|made| (id.wrapping_sub(made) as i16) >= 0) {
            let how = format!("adapter {owner} made packet {id} when it was gated");
            return Err((Rule::Speaker, how));
        }
        if speaker.gated_for > grace {
            let polls = speaker.gated_for;
            return Err((Rule::Speaker, format!("adapter {owner}, gated for {polls} polls")));
        }
        return Ok(());
    }
    if speaker.owner_for > grace {
        return Err((Rule::Speaker, format!("adapter {origin}, owner is {owner}")));
    }
    Ok(())
}
