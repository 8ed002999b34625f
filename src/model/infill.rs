//! A gap in a text, for models that were trained to fill it in.

use super::gap::GapEdge;

/// The text around a gap, word for word but with line feeds.
///
/// Goes with a request whose messages ask for the same thing: who cannot fill in the middle takes those.
#[derive(Clone, Debug, PartialEq)]
pub struct Infill {
    /// Up to the gap.
    pub before: String,
    /// From the gap on.
    pub after: String,
    /// Where a filling has left the gap; `None` where lines do not tell, as in prose.
    pub edge: Option<GapEdge>,
    /// Most tokens of a filling.
    pub max_tokens: u32,
}

impl Infill {
    /// The string at which the model should stop, if there is a sure one.
    pub fn stop(&self) -> Option<String> {
        self.edge.as_ref().and_then(GapEdge::stop)
    }
}
