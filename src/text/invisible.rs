//! Characters that nobody sees but compilers, terminals and models read.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a character belongs to the one before it: combining marks, variation selectors, joiners.
pub fn is_joiner(c: char) -> bool {
    matches!(c,
        '\u{0300}'..='\u{036F}' | '\u{0483}'..='\u{0489}' | '\u{0591}'..='\u{05BD}'
        | '\u{064B}'..='\u{065F}' | '\u{093A}'..='\u{094F}' | '\u{0E31}' | '\u{0E34}'..='\u{0E3A}'
        | '\u{0E47}'..='\u{0E4E}' | '\u{1160}'..='\u{11FF}' | '\u{1AB0}'..='\u{1AFF}'
        | '\u{1DC0}'..='\u{1DFF}' | '\u{200C}' | '\u{200D}' | '\u{20D0}'..='\u{20FF}'
        | '\u{3099}' | '\u{309A}' | '\u{FE00}'..='\u{FE0F}' | '\u{FE20}'..='\u{FE2F}'
        | '\u{1F1E6}'..='\u{1F1FF}' | '\u{1F3FB}'..='\u{1F3FF}' | '\u{E0020}'..='\u{E007F}'
        | '\u{E0100}'..='\u{E01EF}')
}

/// Whether a character is invisible or changes the order in which others are shown.
///
/// Tab, line feed, carriage return and form feed are not meant: source code has them.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{0000}'..='\u{0008}' | '\u{000B}' | '\u{000E}'..='\u{001F}' | '\u{007F}'..='\u{009F}'
        | '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
        | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E01EF}')
}

/// The first invisible character that `text` has more of than `known`, leaving aside well-formed emoji and the
/// joiners that Arabic and Indic scripts are written with. A form feed counts too: nobody sees it either.
pub fn new_invisible(text: &str, known: &str) -> Option<char> {
    let is_suspicious = |c: char| is_invisible(c) || c == '\u{000C}';
    let chars: Vec<char> = text.chars().collect();
    let mut spare: Vec<(char, usize)> = Vec::new();
    for idx in (0..chars.len()).filter(|&idx| is_suspicious(chars[idx]) && !is_wanted(&chars, idx))
    {
        let c = chars[idx];
        let at = spare.iter().position(|(other, _)| *other == c).unwrap_or_else(|| {
            spare.push((c, known.matches(c).count()));
            spare.len() - 1
        });
        match &mut spare[at].1 {
            0 => return Some(c),
            left => *left -= 1,
        }
    }
    None
}

/// The text without its invisible characters.
pub fn without_invisible(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let shown = |idx: &usize| !is_invisible(chars[*idx]) || is_wanted(&chars, *idx);
    (0..chars.len()).filter(shown).map(|idx| chars[idx]).collect()
}

/// The text with its invisible characters as `<U+XXXX>`, for people who are to see them.
pub fn with_names(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_invisible) {
        return Cow::Borrowed(text);
    }
    let chars: Vec<char> = text.chars().collect();
    let mut named = String::with_capacity(text.len() + 16);
    for (idx, &c) in chars.iter().enumerate() {
        if is_invisible(c) && !is_wanted(&chars, idx) {
            _ = write!(named, "<U+{:04X}>", u32::from(c));
        } else {
            named.push(c);
        }
    }
    Cow::Owned(named)
}

/// Whether an invisible character does its proper work between its neighbours.
fn is_wanted(chars: &[char], idx: usize) -> bool {
    let before = idx.checked_sub(1).map(|i| chars[i]);
    let after = chars.get(idx + 1).copied();
    match chars[idx] {
        '\u{FE0E}' | '\u{FE0F}' => {
            before.is_some_and(|c| is_emoji(c) || c.is_ascii_digit() || c == '#' || c == '*')
        }
        '\u{200D}' if before.is_some_and(is_emoji_or_part) => after.is_some_and(is_emoji),
        '\u{200C}' | '\u{200D}' => {
            before.is_some_and(is_joined_script) && after.is_some_and(is_joined_script)
        }
        '\u{E0020}'..='\u{E007F}' => is_flag_tag(chars, idx),
        _ => false,
    }
}

/// A tag inside the flag of a region: the black flag, up to six tags, the closing tag.
fn is_flag_tag(chars: &[char], idx: usize) -> bool {
    let is_tag = |c: &&char| matches!(**c, '\u{E0020}'..='\u{E007E}');
    let before = chars[..idx].iter().rev().take_while(is_tag).count();
    let rest = &chars[idx..];
    let ahead = rest.iter().take_while(is_tag).count();
    let flag = idx.checked_sub(before + 1).is_some_and(|i| chars[i] == '\u{1F3F4}');
    flag && before + ahead <= 6 && rest.get(ahead) == Some(&'\u{E007F}')
}

fn is_emoji(c: char) -> bool {
    matches!(c, '\u{00A9}' | '\u{00AE}' | '\u{203C}'..='\u{3299}' | '\u{1F000}'..='\u{1FAFF}')
        && !is_invisible(c)
}

fn is_emoji_or_part(c: char) -> bool {
    is_emoji(c) || c == '\u{FE0F}'
}

/// Scripts whose spelling uses joiners: Arabic, Syriac, and those of India and its neighbours.
fn is_joined_script(c: char) -> bool {
    matches!(c, '\u{0600}'..='\u{07FF}' | '\u{0900}'..='\u{0DFF}' | '\u{FB50}'..='\u{FDFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_that_nobody_sees_are_found() {
        for c in [
            '\u{200B}',
            '\u{202E}',
            '\u{2066}',
            '\u{FEFF}',
            '\u{E0041}',
            '\u{1B}',
            '\u{3164}',
            '\u{AD}',
        ] {
            assert_eq!(new_invisible(&format!("a{c}b"), "ab"), Some(c), "{c:?}");
            assert_eq!(new_invisible(&format!("a{c}b"), &format!("x{c}")), None, "{c:?} was there");
            assert_eq!(without_invisible(&format!("a{c}b")), "ab");
            assert_eq!(with_names(&format!("a{c}b")), format!("a<U+{:04X}>b", u32::from(c)));
        }
    }

    #[test]
    fn one_that_is_there_is_no_leave_for_more() {
        assert_eq!(new_invisible("a\u{200B}b\u{200B}", "\u{200B}"), Some('\u{200B}'));
        assert_eq!(new_invisible("a\u{C}b", "ab"), Some('\u{C}'));
        assert_eq!(new_invisible("a\u{C}b", "\u{C}ab"), None);
    }

    #[test]
    fn emoji_flags_and_joined_scripts_are_not_suspicious() {
        for text in [
            "plain\ttext\r\n",
            "❤\u{FE0F} 1\u{FE0F}\u{20E3}",
            "👩\u{200D}💻 👁\u{FE0F}\u{200D}🗨",
            "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
            "می\u{200C}خواهم",
        ] {
            assert_eq!(new_invisible(text, ""), None, "{text:?}");
            assert_eq!(without_invisible(text), text);
            assert_eq!(with_names(text), text);
        }
    }

    #[test]
    fn a_tag_without_its_flag_is_suspicious() {
        assert!(new_invisible("x\u{E0067}\u{E007F}", "").is_some());
        assert!(new_invisible("🏴\u{E0067}", "").is_some());
    }
}
