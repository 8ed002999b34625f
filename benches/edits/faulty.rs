//! A model that makes mistakes at a known rate, and what becomes of its answers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use arawn::assistant::{Finished, Outcome};

use super::functions::{LANGUAGES, Language};
use super::setup::{Reask, Setup};
use super::upstream::Upstream;

/// Cases a language.
const N_CASES: usize = 40;

/// Which first answers are broken: two of five.
fn breaks_first(case_idx: usize) -> bool {
    case_idx % 5 < 2
}

/// Which second answers are broken too: one of twelve.
fn breaks_again(case_idx: usize) -> bool {
    (case_idx / 5).is_multiple_of(12)
}

/// The mistakes that small models make, as far as they break the syntax.
#[derive(Clone, Copy, Debug)]
enum Mistake {
    LastLineLost,
    StringCut,
    SentenceInside,
    LineTwice,
    BracketDropped,
    HalfIndented,
    LeftOut,
}

const MISTAKES: [Mistake; 7] = [
    Mistake::LastLineLost,
    Mistake::StringCut,
    Mistake::SentenceInside,
    Mistake::LineTwice,
    Mistake::BracketDropped,
    Mistake::HalfIndented,
    Mistake::LeftOut,
];

impl Mistake {
    /// The code with the mistake; `None` where it does not lend itself to it.
    fn in_code(self, code: &str, language: &str) -> Option<String> {
        let mut lines: Vec<String> = code.lines().map(str::to_owned).collect();
        let middle = lines.len() / 2;
        match self {
            Self::LastLineLost if language == "python" => lines.truncate(1),
            Self::LastLineLost => lines.truncate(lines.len() - 1),
            Self::StringCut => {
                let line = lines.iter_mut().find(|line| line.matches('"').count() == 2)?;
                line.remove(line.rfind('"')?);
            }
            Self::SentenceInside => {
                lines.insert(middle, "Now we return the result of the whole thing:".to_owned());
            }
            Self::LineTwice => {
                let idx = lines.iter().position(|line| line.contains("if ") && opens(line))?;
                let line = lines[idx].clone();
                lines.insert(idx, line);
            }
            Self::BracketDropped => {
                let line = lines.iter_mut().rev().find(|line| line.contains(')'))?;
                line.remove(line.rfind(')')?);
            }
            Self::HalfIndented if language == "python" => {
                let idx = (2..lines.len())
                    .rev()
                    .find(|&idx| !lines[idx].trim().is_empty() && !opens(&lines[idx - 1]))?;
                lines[idx].insert_str(0, "  ");
            }
            Self::HalfIndented => return None,
            Self::LeftOut => {
                let sign = if language == "python" { "#" } else { "//" };
                lines.truncate(2);
                lines.push(format!("    {sign} ... rest of the code stays the same ..."));
            }
        }
        Some(lines.join("\n") + "\n")
    }
}

fn opens(line: &str) -> bool {
    line.ends_with('{') || line.ends_with(':')
}

/// One question, and what is right.
struct Case {
    document: String,
    selected: std::ops::Range<usize>,
    language: &'static str,
    right: String,
    answers: [String; 2],
}

impl Case {
    fn new(language: &Language, n: usize, case_idx: usize) -> Self {
        let head = if language.id == "php" { "<?php\n" } else { "" };
        let before = head.to_owned() + &language.document(n + 100..n + 103, "total");
        let selection = language.function(n, "total");
        let after = "\n".to_owned() + &language.document(n + 200..n + 202, "total");
        let right = language.function(n, "amount");
        let answer = |is_broken: bool, first: usize| {
            let code = if is_broken {
                let mut mistakes = MISTAKES.iter().cycle().skip(first % MISTAKES.len());
                mistakes.find_map(|mistake| mistake.in_code(&right, language.id)).unwrap()
            } else {
                right.clone()
            };
            format!("```{}\n{code}```", language.id)
        };
        let answers = [answer(breaks_first(case_idx), n), answer(breaks_again(case_idx), n + 3)];
        let selected = before.chars().count()..before.chars().count() + selection.chars().count();
        let document = before + &selection + &after;
        Self { document, selected, language: language.id, right, answers }
    }
}

/// What became of the answers of one run through all cases.
#[derive(Default)]
struct Tally {
    good: usize,
    wrong: usize,
    proposed: usize,
    refused: usize,
    asked_again: usize,
}

impl Tally {
    fn n(&self) -> usize {
        self.good + self.wrong + self.proposed + self.refused
    }

    fn row(&self, what: &str) {
        let share = 100.0 * self.good as f64 / self.n() as f64;
        println!(
            "| {what} | {share:.1} % | {} | {} | {} | {} | {} |",
            self.good, self.wrong, self.proposed, self.refused, self.asked_again
        );
    }
}

/// Whether the checks count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Checks {
    Ignored,
    Obeyed,
}

pub(crate) async fn run() {
    println!(
        "\n| {} languages, {N_CASES} cases each | right | applied | broken and applied | proposed | not applied | asked again |",
        LANGUAGES.len()
    );
    println!("|---|---|---|---|---|---|---|");
    through_all(Reask::No, Checks::Ignored).await.row("as the model answers");
    through_all(Reask::No, Checks::Obeyed).await.row("with checks");
    through_all(Reask::Once, Checks::Obeyed).await.row("with checks and one more try");
}

async fn through_all(reask: Reask, checks: Checks) -> Tally {
    let answers: Arc<Mutex<[String; 2]>> = Arc::default();
    let given = answers.clone();
    let upstream = Upstream::start(
        Duration::ZERO,
        Arc::new(move |messages| {
            let asked_again = messages.len() > 2
                || messages
                    .iter()
                    .any(|it| it["content"].as_str().unwrap().contains("was not used"));
            given.lock().unwrap()[usize::from(asked_again)].clone()
        }),
    );
    let setup = Setup::new(&upstream.url(), reask);
    let mut tally = Tally::default();
    for (language_idx, language) in LANGUAGES.iter().enumerate() {
        for n in 0..N_CASES {
            let case = Case::new(language, n, language_idx * N_CASES + n);
            answers.lock().unwrap().clone_from(&case.answers);
            let job = setup.job(&case.document, case.language, case.selected.clone());
            let finished = setup.assistant.run(&job, &mut |_| ()).await.unwrap();
            count(&mut tally, &case, &finished, checks);
        }
    }
    tally
}

fn count(tally: &mut Tally, case: &Case, finished: &Finished, checks: Checks) {
    tally.asked_again += usize::from(finished.asked_again.is_some());
    match &finished.result {
        Outcome::Edit { caution: Some(_), .. } if checks == Checks::Obeyed => tally.proposed += 1,
        Outcome::Edit { text, .. } if *text == case.right => tally.good += 1,
        Outcome::Edit { text, .. } => {
            if checks == Checks::Obeyed {
                eprintln!(
                    "broken and applied ({}):\n{}\n---\n{text}",
                    case.language, case.answers[0]
                );
            }
            tally.wrong += 1;
        }
        _ => tally.refused += 1,
    }
}
