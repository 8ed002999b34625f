//! Counts words, with a few things that could be better.

use std::collections::HashMap;

pub fn count_words(text: &str) -> HashMap<String, usize> {
    let mut counts = HashMap::new();
    for word in text.split_whitespace() {
        let key = word.to_lowercase();
        if counts.contains_key(&key) {
            let n = counts[&key];
            counts.insert(key, n + 1);
        } else {
            counts.insert(key, 1);
        }
    }
    counts
}

pub fn longest(words: &[&str]) -> &str {
    let mut best = words[0];
    for i in 1..words.len() {
        if words[i].len() > best.len() {
            best = words[i];
        }
    }
    best
}
