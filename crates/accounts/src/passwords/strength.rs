//! How hard a password is to guess.

use mainstay_kernel::{ExposeSecret as _, SecretString};
use zxcvbn::{Score, zxcvbn};

/// How many characters of a password are analysed: what follows can only make it better. The work grows with the square of
/// this number.
const ANALYSED: usize = 32;

/// How many readings of a password are analysed, each of which costs as much as the password itself. Digits alone have no
/// more; symbols can make hundreds.
const MOST_READINGS: usize = 32;

/// How many characters of the context are analysed, and of how many words.
const ANALYSED_CONTEXT: (usize, usize) = (254, 40);

/// What a password is worth against somebody who guesses cleverly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strength {
    /// From 0, guessed at once, to 4, out of reach.
    pub score: u8,
    /// What is wrong with it.
    pub warning: Option<String>,
    /// How to make it better.
    pub suggestions: Vec<String>,
}

impl Strength {
    /// Estimates a password: by lists of common passwords, names and words, by patterns of the keyboard, dates, repeats,
    /// and the words of `context`, such as the owner's address (OWASP ASVS 6.2.4, 6.2.11; NIST SP 800-63B-4 §3.1.1.2).
    /// There are no rules of composition (6.2.5).
    pub fn of(password: &SecretString, context: &[&str]) -> Self {
        let analysed = analysed(password.expose_secret());
        let context: Vec<String> = context
            .iter()
            .map(|text| text.chars().take(ANALYSED_CONTEXT.0).collect())
            .collect();
        let words = context
            .iter()
            .flat_map(|text| text.split(|letter: char| !letter.is_alphanumeric()));

        let words: Vec<&str> = words
            .filter(|word| !word.is_empty())
            .take(ANALYSED_CONTEXT.1)
            .collect();
        let inputs: Vec<&str> = context
            .iter()
            .map(String::as_str)
            .chain(words.iter().copied())
            .collect();

        let whole = Self::estimate(&analysed, &inputs);
        let rest = without(&analysed, &words);
        let rest = if rest.len() < analysed.len() {
            Self::estimate(&rest, &[])
        } else {
            whole.clone()
        };

        if rest.score < whole.score {
            let warning = Some("This password is made of what is known of you.".to_owned());
            return Self {
                score: rest.score,
                warning,
                ..whole
            };
        }

        whole
    }

    fn estimate(password: &str, context: &[&str]) -> Self {
        let estimate = zxcvbn(password, context);
        let feedback = estimate.feedback();

        Self {
            score: estimate.score().into(),
            warning: feedback
                .and_then(|feedback| feedback.warning())
                .map(|warning| warning.to_string()),
            suggestions: feedback
                .map(|feedback| {
                    feedback
                        .suggestions()
                        .iter()
                        .map(ToString::to_string)
                        .collect()
                })
                .unwrap_or_default(),
        }
    }

    /// Whether an account may have it.
    pub fn is_enough(&self) -> bool {
        self.score >= u8::from(Score::Three)
    }
}

/// What is analysed of a password: its start. Where too many readings are left, symbols that stand for a letter are
/// written as that letter, as a cracking tool tries first.
fn analysed(password: &str) -> String {
    let start: String = password.chars().take(ANALYSED).collect();
    if readings(&start) > MOST_READINGS {
        start.chars().map(letter_of).collect()
    } else {
        start
    }
}

/// Which symbols and digits stand for a letter (the table of zxcvbn).
const STANDS_FOR: [(char, &str); 12] = [
    ('a', "4@"),
    ('b', "8"),
    ('c', "({[<"),
    ('e', "3"),
    ('g', "69"),
    ('i', "1!|"),
    ('l', "1|7"),
    ('o', "0"),
    ('s', "$5"),
    ('t', "+7"),
    ('x', "%"),
    ('z', "2"),
];

/// At least how many readings zxcvbn tries: it combines what each letter may be written as, and a character that stands
/// for two letters counts twice.
fn readings(password: &str) -> usize {
    let weight = |character: char| {
        if matches!(character, '1' | '|' | '7') {
            2
        } else {
            1
        }
    };

    let choices = STANDS_FOR.iter().map(|(_, written)| {
        let present = written
            .chars()
            .filter(|character| password.contains(*character));
        present.map(weight).sum::<usize>().max(1)
    });

    choices.product()
}

/// The letter that a symbol stands for first. Digits stay: dates and sequences are made of them.
fn letter_of(symbol: char) -> char {
    let stands = |(letter, written): &(char, &str)| written.contains(symbol).then_some(*letter);
    if symbol.is_ascii_digit() {
        symbol
    } else {
        STANDS_FOR.iter().find_map(stands).unwrap_or(symbol)
    }
}

/// What is left of a password when every word of the context is taken out of it.
fn without(password: &str, words: &[&str]) -> String {
    let long = words.iter().filter(|word| word.chars().count() >= 3);
    long.fold(password.to_lowercase(), |rest, word| {
        rest.replace(&word.to_lowercase(), "")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_enough(password: &str, context: &[&str]) -> bool {
        Strength::of(&password.into(), context).is_enough()
    }

    /// OWASP ASVS 6.2.4, 6.2.5.
    #[test]
    fn what_is_common_is_refused_and_composition_does_not_matter() {
        for common in [
            "password1234567",
            "qwertyuiopasdfgh",
            "aaaaaaaaaaaaaaaaaaaa",
            "Passw0rd!Passw0rd!",
            "123456789012345",
        ] {
            assert!(!is_enough(common, &[]), "{common}");
        }

        for fine in [
            "correct horse battery staple",
            "violets tumble over granite",
            "кошка гуляет сама по себе",
            "xK9#mQ2$vL7@",
        ] {
            assert!(is_enough(fine, &[]), "{fine}");
        }
    }

    /// OWASP ASVS 6.2.11.
    #[test]
    fn words_of_the_context_do_not_count() {
        let context = ["grace.zuckerhut@example.org"];
        assert!(is_enough("gracezuckerhutexample", &[]));
        assert!(!is_enough("gracezuckerhutexample", &context));
    }

    /// The input takes zxcvbn alone a second, as do others of its kind: each character may stand for several letters, and
    /// all combinations are tried.
    #[test]
    fn crafted_passwords_leave_few_readings() {
        const CRAFTED: &str = "51{+|3@[(+31(+$[02$4395063297$9(6{4+[+74!9174|380!!70{||<839@4$<";

        let all: String = STANDS_FOR.iter().map(|(_, written)| *written).collect();
        let digits = "0123456789".repeat(10);

        for crafted in [
            CRAFTED,
            &all,
            &all.repeat(8),
            &digits,
            "([{<([{<@4@4$5$5!1|!1|+7+769",
        ] {
            let analysed = analysed(crafted);
            assert!(analysed.chars().count() <= ANALYSED, "{crafted}");
            assert!(
                readings(&analysed) <= MOST_READINGS,
                "{crafted} leaves {} readings",
                readings(&analysed)
            );
        }

        assert!(readings(CRAFTED) > 1_000);

        let alphabet: Vec<char> = format!("{all}abc^&-").chars().collect();
        let mut state = 1_u64;
        for _ in 0..1_000 {
            let crafted = (0..64).map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                alphabet[usize::try_from(state >> 33).unwrap() % alphabet.len()]
            });
            let crafted: String = crafted.collect();
            assert!(readings(&analysed(&crafted)) <= MOST_READINGS, "{crafted}");
        }
    }

    /// What is written as letters is no better than the word.
    #[test]
    fn symbols_in_place_of_letters_make_no_good_password() {
        for common in ["p@$$w0rd", "!@#$%^&*()_+", "{0mpu+3r|9"] {
            assert!(!is_enough(common, &[]), "{common}");
        }
        assert!(is_enough("v!0|3+$ +um8|3 0v3r (r@n1+3 <{[97", &[]));
    }
}
