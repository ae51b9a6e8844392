use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;

/// What an organization is called.
#[derive(Clone, Debug, Deserialize, JsonSchema, Validate)]
#[serde(transparent)]
#[garde(transparent)]
pub(super) struct OrganizationName(
    #[garde(length(chars, min = 1, max = 200), custom(is_one_line))]
    #[schemars(length(min = 1, max = 200), extend("examples" = ["Example Ltd."]))]
    String,
);

impl OrganizationName {
    pub(super) fn into_string(self) -> String {
        self.0
    }
}

/// It stands in the subjects of mails.
fn is_one_line(text: &str, _: &()) -> garde::Result {
    let breaks = |letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}');
    if text.contains(breaks) || text.trim().is_empty() {
        Err(garde::Error::new("expected one line of text"))
    } else {
        Ok(())
    }
}
