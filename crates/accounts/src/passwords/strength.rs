//! How hard a password is to guess.

use mainstay_kernel::{ExposeSecret as _, SecretString};
use zxcvbn::{Score, zxcvbn};

/// Number of characters of a password that are analysed. Further characters can only make it
/// stronger, and the cost grows with the square of this number.
const ANALYSED: usize = 32;

/// Maximum number of readings of a password, with symbols and digits replaced by letters. Each
/// costs as much as the password itself. Digits alone stay below the maximum; symbols can produce
/// hundreds.
const MAX_READINGS: usize = 32;

/// Number of characters of each item of the context that are analysed, and number of words.
const ANALYSED_CONTEXT: (usize, usize) = (254, 40);

/// The strength of a password against an attacker who tries likely passwords first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strength {
    /// From 0 (guessed at once) to 4 (very hard to guess).
    pub score: u8,
    /// What is wrong with it.
    pub warning: Option<String>,
    /// How to improve it.
    pub suggestions: Vec<String>,
}

impl Strength {
    /// Estimates a password with lists of common passwords, names and words, keyboard patterns,
    /// dates, repetitions, and the words of `context`, such as the owner's address (OWASP ASVS
    /// 6.2.4, 6.2.11; NIST SP 800-63B-4 §3.1.1.2). There are no composition rules (6.2.5).
    pub fn of(password: &SecretString, context: &[&str]) -> Self {
        let analysed = analysed(password.expose_secret());
        let context: Vec<String> = context
            .iter()
            .map(|text| text.chars().take(ANALYSED_CONTEXT.0).collect())
            .collect();
        let words: Vec<&str> = context
            .iter()
            .flat_map(|text| text.split(|character: char| !character.is_alphanumeric()))
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
            let warning = Some("This password contains what is known about you.".to_owned());
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

    /// Whether an account may use the password.
    pub fn is_enough(&self) -> bool {
        self.score >= u8::from(Score::Three)
    }
}

/// The part of a password that is analysed: its start. If it has too many readings, each symbol
/// that stands for a letter is replaced by that letter, as cracking tools try first.
fn analysed(password: &str) -> String {
    let start: String = password.chars().take(ANALYSED).collect();

    if readings(&start) > MAX_READINGS {
        start.chars().map(letter_of).collect()
    } else {
        start
    }
}

/// The symbols and digits that can stand for each letter (the table of zxcvbn).
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

/// A lower bound of the readings that zxcvbn tries. It combines the symbols for each letter, and
/// counts a character that stands for two letters twice.
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

/// The first letter that a symbol can stand for. Digits are kept, because dates and sequences
/// consist of them.
fn letter_of(symbol: char) -> char {
    if symbol.is_ascii_digit() {
        return symbol;
    }

    STANDS_FOR
        .iter()
        .find_map(|(letter, written)| written.contains(symbol).then_some(*letter))
        .unwrap_or(symbol)
}

/// Removes every word of the context from a password.
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
    fn common_passwords_are_refused_and_composition_does_not_matter() {
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

    /// zxcvbn alone takes a second for such an input, because each character may stand for several
    /// letters and it tries all combinations.
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
                readings(&analysed) <= MAX_READINGS,
                "{crafted} has {} readings",
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
            assert!(readings(&analysed(&crafted)) <= MAX_READINGS, "{crafted}");
        }
    }

    #[test]
    fn symbols_in_place_of_letters_do_not_make_a_password_strong() {
        for common in ["p@$$w0rd", "!@#$%^&*()_+", "{0mpu+3r|9"] {
            assert!(!is_enough(common, &[]), "{common}");
        }
        assert!(is_enough("v!0|3+$ +um8|3 0v3r (r@n1+3 <{[97", &[]));
    }
}
