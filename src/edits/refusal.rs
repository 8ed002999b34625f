//! Tells that a model declined, in the languages in which models do.

/// Openings by which models decline.
const OPENINGS: &[&str] = &[
    // English
    "i'm sorry",
    "i am sorry",
    "sorry,",
    "sorry but",
    "i apologize",
    "unfortunately",
    "as an ai",
    "as a language model",
    "i cannot",
    "i can't",
    "i'm unable",
    "i am unable",
    "i'm not able",
    "i won't",
    "i must decline",
    // German, Dutch
    "es tut mir leid",
    "tut mir leid",
    "entschuldigung",
    "leider",
    "ich kann",
    "het spijt me",
    "helaas",
    // French, Spanish, Portuguese, Italian
    "je suis désolé",
    "désolé",
    "malheureusement",
    "je ne peux pas",
    "lo siento",
    "lamentablemente",
    "no puedo",
    "desculpe",
    "sinto muito",
    "lamento",
    "infelizmente",
    "não posso",
    "mi dispiace",
    "purtroppo",
    "non posso",
    // Polish, Russian, Turkish
    "przykro mi",
    "przepraszam",
    "niestety",
    "извините",
    "к сожалению",
    "я не могу",
    "üzgünüm",
    "maalesef",
    // Chinese, Japanese, Korean
    "抱歉",
    "很抱歉",
    "非常抱歉",
    "对不起",
    "對不起",
    "我无法",
    "我無法",
    "我不能",
    "作为一个",
    "申し訳",
    "すみません",
    "ごめんなさい",
    "죄송",
    "미안",
];

/// Words that decline.
const WORDS: &[&str] = &[
    "cannot",
    "can't",
    "unable",
    "not able",
    "won't",
    "decline",
    "as an ai",
    "as a language model",
    "not comfortable",
    "don't have access",
    "not allowed",
    "not permitted",
    "nicht",
    "kein",
    "kan niet",
    "kan ik",
    "ne peux pas",
    "ne suis pas",
    "impossible",
    "no puedo",
    "não posso",
    "não consigo",
    "non posso",
    "non sono in grado",
    "nie mogę",
    "не могу",
    "не удалось",
    "yapamam",
    "edemem",
    "yardımcı olamam",
    "无法",
    "無法",
    "不能",
    "できません",
    "できかねます",
    "할 수 없",
    "수 없습니다",
];

/// Whether a text begins by declining to do the work.
pub(super) fn is_refusal(text: &str) -> bool {
    let first: String = text.trim_start().chars().take(300).collect();
    let first = first.to_lowercase().replace('’', "'");
    OPENINGS.iter().any(|opening| first.starts_with(opening))
        && WORDS.iter().any(|word| first.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_from_apologies() {
        assert!(is_refusal("I'm sorry, but I can't help with that."));
        assert!(is_refusal("I’m sorry, but I can’t help with that."));
        assert!(is_refusal("As an AI language model, I cannot run code."));
        assert!(is_refusal("Es tut mir leid, dabei kann ich nicht helfen."));
        assert!(is_refusal("抱歉，我无法协助完成这个请求。"));
        assert!(!is_refusal("I apologize for the confusion. Here is the code:"));
        assert!(!is_refusal("Tut mir leid, hier ist der Code:"));
        assert!(!is_refusal("fn cannot() {}"));
    }
}
