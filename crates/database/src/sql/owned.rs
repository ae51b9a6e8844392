//! How a table or a function is limited to an owner. `tables.rs` and `functions.rs` say it of each.

/// The kind of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OwnerKind {
    /// A person, who owns the rows of their account.
    Person,
    /// An organization.
    Organization,
}

/// A table, and whose rows it has.
pub(super) struct Table {
    pub(super) name: &'static str,
    person: Option<Rows>,
    organization: Option<Rows>,
}

/// The rows of one owner in a table.
pub(super) struct Rows {
    /// The condition for them, where `t` is the row and `?` is the owner.
    pub(super) condition: &'static str,
    /// A further condition for rows that are written.
    pub(super) only: Option<&'static str>,
    pub(super) updated: bool,
    pub(super) deleted: bool,
    /// What limits a new row; nothing if there can be none.
    pub(super) inserted: Option<&'static [Source]>,
}

/// Where a column of a new row takes its value from.
#[derive(Clone, Copy)]
pub(super) enum Source {
    /// The column is the owner. The wall sets it, regardless of the text.
    Owner(&'static str),
    /// The column is the ID of a row of the table that the same statement has written.
    Written(&'static str, &'static str),
    /// The column is the ID of a row of the table that the owner has. Otherwise the wall sets it
    /// to null.
    Own(&'static str, &'static str),
}

impl Table {
    pub(super) const fn new(name: &'static str) -> Self {
        Self {
            name,
            person: None,
            organization: None,
        }
    }

    pub(super) const fn person(self, rows: Rows) -> Self {
        Self {
            person: Some(rows),
            ..self
        }
    }

    pub(super) const fn organization(self, rows: Rows) -> Self {
        Self {
            organization: Some(rows),
            ..self
        }
    }

    /// The rows that an owner of this kind has.
    pub(super) const fn rows(&self, kind: OwnerKind) -> Option<&Rows> {
        match kind {
            OwnerKind::Person => self.person.as_ref(),
            OwnerKind::Organization => self.organization.as_ref(),
        }
    }
}

impl Rows {
    /// Whether the column says whose row it is, or which key goes with the row.
    pub(super) fn is_limited_by(&self, column: &str) -> bool {
        let conditions = [self.condition, self.only.unwrap_or_default()];

        column == "data_key"
            || conditions
                .iter()
                .flat_map(|condition| condition.split_whitespace())
                .any(|word| word.strip_prefix("t.") == Some(column))
    }

    /// Rows that are only read.
    pub(super) const fn seen(condition: &'static str) -> Self {
        Self {
            condition,
            only: None,
            updated: false,
            deleted: false,
            inserted: None,
        }
    }

    pub(super) const fn only(self, condition: &'static str) -> Self {
        Self {
            only: Some(condition),
            ..self
        }
    }

    pub(super) const fn updated(self) -> Self {
        Self {
            updated: true,
            ..self
        }
    }

    pub(super) const fn deleted(self) -> Self {
        Self {
            deleted: true,
            ..self
        }
    }

    pub(super) const fn inserted(self, sources: &'static [Source]) -> Self {
        Self {
            inserted: Some(sources),
            ..self
        }
    }

    /// Rows that are the person's in the column `user_id`, read and written.
    pub(super) const fn of_user() -> Self {
        Self::seen("t.user_id = ?")
            .updated()
            .deleted()
            .inserted(&[Source::Owner("user_id")])
    }

    /// Rows that are the organization's in the column `organization_id`, read and written.
    pub(super) const fn of_organization() -> Self {
        Self::seen("t.organization_id = ?")
            .updated()
            .deleted()
            .inserted(&[Source::Owner("organization_id")])
    }
}

/// A function of the schema that a limited statement may call.
pub(super) struct Function {
    pub(super) name: &'static str,
    person: Option<Argument>,
    organization: Option<Argument>,
}

/// What limits a call.
#[derive(Clone, Copy)]
pub(super) enum Argument {
    /// Nothing: the function reads no row of an owner, or returns no more than yes or no.
    Any,
    /// The argument at this position is the owner. The wall sets it, regardless of the text.
    OwnerAt(usize),
    /// The only argument is this column of the row that the statement deletes.
    Deleted(&'static str),
}

impl Function {
    pub(super) const fn new(
        name: &'static str,
        person: Option<Argument>,
        organization: Option<Argument>,
    ) -> Self {
        Self {
            name,
            person,
            organization,
        }
    }

    /// What limits a call for an owner of this kind; nothing if it may not be called.
    pub(super) const fn argument(&self, kind: OwnerKind) -> Option<Argument> {
        match kind {
            OwnerKind::Person => self.person,
            OwnerKind::Organization => self.organization,
        }
    }
}
