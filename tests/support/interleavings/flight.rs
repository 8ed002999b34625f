//! How a scenario is played: what the editor does reaches the server, and what the server asks is answered.

use serde_json::{Value, json};

use super::editor::Editor;
use super::scenario::{Flight, Says, Step};

/// How long a late client waits before it tells of a change, in milliseconds; Neovim's figure.
const LATE: u64 = 150;

/// The way to the server.
pub(crate) trait Wire {
    /// Sends a notification; when it returns, the server has it.
    async fn tell(&mut self, method: &'static str, params: Value);
    /// Answers a request.
    async fn answer(&mut self, request: &Value, answer: Result<Value, Value>);
    /// Lets time pass, in milliseconds.
    async fn wait(&mut self, milliseconds: u64);
    /// After so many milliseconds nobody waits for an answer.
    fn too_late(&self) -> u64;
}

/// The editor does these things, one after the other.
pub(crate) async fn play(editor: &mut Editor, wire: &mut impl Wire, steps: &[Step]) {
    for step in steps {
        if let Step::Wait(milliseconds) = step {
            let milliseconds = u64::from(*milliseconds);
            let until_told = if editor.is_late() { milliseconds.min(LATE) } else { milliseconds };
            wire.wait(until_told).await;
            if until_told == LATE {
                editor.flush();
                tell(editor, wire).await;
            }
            wire.wait(milliseconds - until_told).await;
            continue;
        }
        editor.step(step);
        tell(editor, wire).await;
    }
}

async fn tell(editor: &mut Editor, wire: &mut impl Wire) {
    for (method, params) in editor.outgoing() {
        wire.tell(method, params).await;
    }
}

/// An edit of arawn's has arrived. `planned_on` is the text it was made for, as far as that is known.
pub(crate) async fn fly(
    editor: &mut Editor,
    wire: &mut impl Wire,
    request: &Value,
    planned_on: Option<&str>,
    flight: &Flight,
) {
    play(editor, wire, &flight.before).await;
    let taken = editor.take(&request["params"]["edit"], planned_on, flight.take);
    if flight.answers_first {
        answer(wire, request, flight.says, taken).await;
        tell(editor, wire).await;
        play(editor, wire, &flight.between).await;
    } else {
        tell(editor, wire).await;
        play(editor, wire, &flight.between).await;
        answer(wire, request, flight.says, taken).await;
    }
    if editor.is_late() {
        wire.wait(LATE).await;
        editor.flush();
        tell(editor, wire).await;
    }
}

async fn answer(wire: &mut impl Wire, request: &Value, says: Says, taken: bool) {
    let applied = |applied: bool| json!({ "applied": applied });
    let result = match says {
        Says::Truth | Says::Twice => Ok(applied(taken)),
        Says::Yes => Ok(applied(true)),
        Says::No => Ok(json!({ "applied": false, "failureReason": "the editor says no" })),
        Says::Error => Err(json!({ "code": -32603, "message": "the editor\nis confused" })),
        Says::Nothing => return,
        Says::TooLate => {
            wire.wait(wire.too_late()).await;
            Ok(applied(taken))
        }
    };
    wire.answer(request, result.clone()).await;
    if says == Says::Twice {
        wire.answer(request, result).await;
    }
}
