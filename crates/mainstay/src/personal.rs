//! Declares types for personal data: which values are valid, and how they are masked for callers
//! who may not see them.

use mainstay_kernel::check_line;

/// Declares a text type for personal data: it is validated at input, sealed in the database and
/// masked in responses. `on one line` is for names and numbers and applies the rule of
/// [`Line`](mainstay_kernel::Line).
///
/// ```
/// use mainstay::prelude::*;
///
/// mainstay::personal_text! {
///     /// A person's name.
///     pub FullName, 1..=200 characters on one line, shown as mainstay::personal::initials;
/// }
/// assert_eq!(FullName::new("Ada Lovelace").mask(), "A. L.");
/// ```
#[macro_export]
macro_rules! personal_text {
    ($(
        $(#[$meta:meta])*
        $visibility:vis $name:ident, $min:literal..=$max:literal characters $(on one $line:ident)?, shown as $mask:path;
    )+) => {$(
        $crate::personal_text!(@type $(#[$meta])* $visibility $name, $min, $max $(, $line)?);

        impl $name {
            /// Creates a value without checking it. Input from outside is checked when it is
            /// deserialized.
            #[allow(dead_code)]
            $visibility fn new(text: impl Into<::std::string::String>) -> Self {
                Self(text.into())
            }

            /// The text.
            #[allow(dead_code)]
            $visibility fn as_str(&self) -> &str {
                $crate::personal_text!(@text self.0 $(, $line)?)
            }
        }

        impl $crate::crypto::Personal for $name {
            fn to_plaintext(&self) -> $crate::crypto::Zeroizing<::std::vec::Vec<u8>> {
                $crate::crypto::Zeroizing::new(self.as_str().as_bytes().to_vec())
            }

            fn from_plaintext(bytes: &[u8]) -> ::std::option::Option<Self> {
                ::std::string::String::from_utf8(bytes.to_vec()).ok().map(Self)
            }

            fn mask(&self) -> ::std::string::String {
                $mask(self.as_str())
            }
        }
    )+};
    (@type $(#[$meta:meta])* $visibility:vis $name:ident, $min:literal, $max:literal) => {
        $(#[$meta])*
        #[derive(
            Clone, PartialEq, Eq,
            $crate::http::serde::Deserialize, $crate::http::schemars::JsonSchema, $crate::http::garde::Validate,
        )]
        #[serde(crate = "mainstay::http::serde", transparent)]
        #[schemars(crate = "mainstay::http::schemars")]
        #[garde(transparent)]
        $visibility struct $name(
            #[garde(length(chars, min = $min, max = $max), custom($crate::personal::is_text))] ::std::string::String,
        );
    };
    (@type $(#[$meta:meta])* $visibility:vis $name:ident, $min:literal, $max:literal, $line:ident) => {
        $(#[$meta])*
        #[derive(
            Clone, PartialEq, Eq,
            $crate::http::serde::Deserialize, $crate::http::schemars::JsonSchema, $crate::http::garde::Validate,
        )]
        #[serde(crate = "mainstay::http::serde", transparent)]
        #[schemars(crate = "mainstay::http::schemars")]
        #[garde(transparent)]
        $visibility struct $name(
            #[garde(length(chars, min = $min, max = $max), custom($crate::personal::is_line))]
            #[schemars(length(min = $min, max = $max), regex(pattern = $crate::kernel::LINE_PATTERN))]
            ::std::string::String,
        );
    };
    (@text $text:expr) => { &$text };
    (@text $text:expr, $line:ident) => { $text.trim() };
}

/// Checks a personal text: no control characters except line breaks and tabs.
#[doc(hidden)]
pub fn is_text(text: &str, _: &()) -> garde::Result {
    if text
        .chars()
        .any(|letter| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t'))
    {
        return Err(garde::Error::new("contains control characters"));
    }
    Ok(())
}

/// Checks a personal text on one line, by the rule of [`Line`](mainstay_kernel::Line).
#[doc(hidden)]
pub fn is_line(text: &str, _: &()) -> garde::Result {
    // The length rule refuses an empty text.
    if text.is_empty() {
        return Ok(());
    }

    check_line(text).map_err(|error| garde::Error::new(error.to_string()))
}

/// Masks `Ada Lovelace` as `A. L.`, from three words at most, so that the mask reveals neither the
/// length of the text nor a text of one-letter words.
pub fn initials(text: &str) -> String {
    let letters = text
        .split_whitespace()
        .filter_map(|word| word.chars().next());

    let mut mask = String::new();
    for letter in letters.take(3) {
        if !mask.is_empty() {
            mask.push(' ');
        }
        mask.extend([letter, '.']);
    }

    mask
}

/// Masks all but the last two characters; masks a text of up to six characters completely.
pub fn last_two(text: &str) -> String {
    let is_long = text.chars().nth(6).is_some();
    let end = text.char_indices().nth_back(1).filter(|_| is_long);
    let shown = end.map_or("", |(start, _)| &text[start..]);

    ["•••", shown].concat()
}

/// Masks the whole text, including its length.
pub fn hidden(_: &str) -> String {
    "•••".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_reveal_little() {
        assert_eq!(initials("Ada  King Lovelace"), "A. K. L.");
        assert_eq!(initials("s e c r e t"), "s. e. c.");
        assert_eq!(last_two("+49 30 1234567"), "•••67");
        assert_eq!(last_two("123456"), "•••");
        assert_eq!(hidden("anything"), "•••");
    }

    #[test]
    fn control_characters_are_refused() {
        assert!(is_text("two\nlines", &()).is_ok());
        assert!(is_text("bell\u{7}", &()).is_err());
    }
}
