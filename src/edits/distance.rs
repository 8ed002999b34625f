//! How long it takes to find the difference of two texts, before anybody waits for it.

use std::collections::HashMap;

/// Steps of a search for the difference of two texts: some 4,000 lines that come or go. A tenth of a second.
const MOST_STEPS: usize = 8_000_000;

/// Whether the difference of two texts is found soon. The time to find it grows with its square.
pub(super) fn are_near(one: &str, other: &str) -> bool {
    let mut ids = HashMap::new();
    let mut lines = |text| -> Vec<usize> {
        let next = |line| {
            let n_known = ids.len();
            *ids.entry(line).or_insert(n_known)
        };
        str::split_inclusive(text, '\n').map(next).collect()
    };
    let (one, other) = (lines(one), lines(other));
    let n_same = one.iter().zip(&other).take_while(|(one, other)| one == other).count();
    let (one, other) = (&one[n_same..], &other[n_same..]);
    let ends = one.iter().rev().zip(other.iter().rev());
    let n_same = ends.take_while(|(one, other)| one == other).count();
    let (one, other) = (&one[..one.len() - n_same], &other[..other.len() - n_same]);
    // So few lines need no look.
    let n_lines = one.len() + other.len();
    n_lines.saturating_mul(n_lines) / 2 <= MOST_STEPS
        || n_steps_within(one, other, MOST_STEPS).is_some()
}

/// The steps that Myers' search takes from one sequence to the other; `None` where they are more than these.
fn n_steps_within(one: &[usize], other: &[usize], most: usize) -> Option<usize> {
    // The search for `n` differences takes at least half the square of it.
    let most_differences = (2 * most).isqrt().min(one.len() + other.len());
    let middle = most_differences + 1;
    // How far the paths of so many differences come on each diagonal.
    let mut reached = vec![0; 2 * middle + 1];
    let mut n_steps = 0;
    for n_differences in 0..=most_differences {
        let (first, last) = (middle - n_differences, middle + n_differences);
        for diagonal in (first..=last).step_by(2) {
            let comes_down = diagonal == first
                || (diagonal != last && reached[diagonal - 1] < reached[diagonal + 1]);
            let start = if comes_down { reached[diagonal + 1] } else { reached[diagonal - 1] + 1 };
            let beside = (start + middle).checked_sub(diagonal)?;
            let (ahead, ahead_beside) = (one.get(start..), other.get(beside..));
            let ahead = ahead.unwrap_or_default().iter().zip(ahead_beside.unwrap_or_default());
            let n_same = ahead.take_while(|(one, other)| one == other).count();
            reached[diagonal] = start + n_same;
            n_steps += 1 + n_same;
            if start + n_same >= one.len() && beside + n_same >= other.len() {
                return Some(n_steps);
            }
        }
        if n_steps > most {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_of_a_search_are_counted_up_to_a_bound() {
        assert_eq!(n_steps_within(&[], &[], 10), Some(1));
        assert_eq!(n_steps_within(&[1, 2], &[1, 2], 10), Some(3));
        assert_eq!(n_steps_within(&[1, 2], &[2, 3], 100), Some(6));
        assert_eq!(n_steps_within(&[1, 2, 3], &[4, 5, 6], 100), Some(25));
        assert_eq!(n_steps_within(&[1, 2, 3], &[4, 5, 6], 20), None);
        let many: Vec<usize> = (0..1_000).collect();
        assert_eq!(n_steps_within(&many, &many, 100), Some(1_001));
        assert_eq!(n_steps_within(&many, &[], 100), None);
    }
}
