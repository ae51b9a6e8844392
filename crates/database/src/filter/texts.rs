//! Conditions on text: beginnings, parts and words.

use std::marker::PhantomData;

use super::{
    condition::{Comparison, Condition},
    listing::Filter,
};
use crate::{Entity, Field, Plain, TextColumn};

/// A column of search words (`tsvector`) that the schema generates from other columns. The derive
/// of [`Entity`] creates it from `#[entity(search = "words", language = "english")]`, as
/// `ArticleRow::SEARCH`; the migration declares the column and its index:
///
/// ```sql
/// words tsvector GENERATED ALWAYS AS (to_tsvector('english', title || ' ' || body)) STORED
/// CREATE INDEX articles_words_idx ON articles USING gin (words);
/// ```
pub struct TextSearch<E> {
    column: &'static str,
    language: &'static str,
    entity: PhantomData<fn() -> E>,
}

impl<E> TextSearch<E> {
    /// The generated column, and the text search configuration that the schema generates it with.
    pub const fn new(column: &'static str, language: &'static str) -> Self {
        Self {
            column,
            language,
            entity: PhantomData,
        }
    }
}

impl<E: Entity, Place> Filter<E, Place> {
    /// Rows whose text `field` begins with `prefix`, without regard to case.
    ///
    /// It uses an index on `(organization_id, lower(field) text_pattern_ops)`.
    #[must_use]
    pub fn starts_with<V>(self, field: Field<E, V>, prefix: Option<String>) -> Self
    where
        V: Plain<Present: TextColumn>,
    {
        self.text(field, prefix.map(Comparison::StartsWith))
    }

    /// Rows whose text `field` contains `part`, without regard to case. `%` and `_` stand for
    /// themselves.
    ///
    /// It reads all rows that the other conditions leave, unless there is a trigram index
    /// (`gin (lower(field) gin_trgm_ops)`, extension `pg_trgm`).
    #[must_use]
    pub fn contains_text<V>(self, field: Field<E, V>, part: Option<String>) -> Self
    where
        V: Plain<Present: TextColumn>,
    {
        self.text(field, part.map(Comparison::ContainsText))
    }

    /// Rows that a query of words finds, in the syntax of search engines: `cat dog` (both), `"cat
    /// dog"` (the phrase), `cat or dog`, `-dog` (not). No query is invalid; one without words, such
    /// as `the`, finds nothing.
    #[must_use]
    pub fn search(self, search: TextSearch<E>, query: Option<String>) -> Self {
        let TextSearch {
            column, language, ..
        } = search;
        self.with(query.map(|query| Condition::Of(column, Comparison::Search(language, query))))
    }

    fn text<V>(self, field: Field<E, V>, comparison: Option<Comparison>) -> Self {
        self.with(comparison.map(|comparison| Condition::Of(field.column, comparison)))
    }
}
