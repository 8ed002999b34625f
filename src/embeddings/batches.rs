//! Cuts a list of texts into batches that a backend takes in one request.

use crate::backends::BatchLimits;
use crate::config::BackendSettings;

/// The batches, in order. A text that is larger than a whole batch is one by itself.
pub(super) fn split<'a>(
    texts: &'a [String],
    backend: &BackendSettings,
) -> impl Iterator<Item = &'a [String]> {
    by_limits(texts, BatchLimits::of(backend))
}

fn by_limits(texts: &[String], limits: BatchLimits) -> impl Iterator<Item = &[String]> {
    let mut rest = texts;
    std::iter::from_fn(move || {
        let mut n_bytes = 0;
        let fits = |text: &&String| {
            n_bytes += text.len();
            n_bytes <= limits.n_bytes
        };
        let n_texts = rest.iter().take(limits.n_texts).take_while(fits).count();
        let (batch, later) = rest.split_at(n_texts.max(1).min(rest.len()));
        rest = later;
        (!batch.is_empty()).then_some(batch)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(texts: &[&str], n_texts: usize, n_bytes: usize, expected: &[usize]) {
        let texts: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
        let batches: Vec<&[String]> = by_limits(&texts, BatchLimits { n_texts, n_bytes }).collect();
        assert_eq!(batches.iter().map(|batch| batch.len()).collect::<Vec<_>>(), expected);
        assert_eq!(batches.concat(), texts, "no text is lost and none moves");
    }

    #[test]
    fn batches_keep_to_both_limits() {
        check(&[], 2, 10, &[]);
        check(&["a", "b", "c", "d", "e"], 2, 10, &[2, 2, 1]);
        check(&["aaaa", "bbbb", "cccc", "d"], 9, 8, &[2, 2]);
        check(&["a long text by itself", "b"], 9, 8, &[1, 1]);
        check(&["a", "a long text by itself", "b"], 9, 8, &[1, 1, 1]);
    }
}
