//! Reading the rows of a hand-written statement by the names of their columns.

use std::any::type_name;

use sqlx::{Column as _, Row as _, TypeInfo as _, postgres::PgColumn};

use crate::{ColumnType, Error, Opening, Plain, Row};

/// A type that is read from the columns of a row. Derive it for a struct: each field is read from
/// the column of its name.
///
/// ```ignore
/// #[derive(FromRow)]
/// struct ProjectTotal {
///     name: String,
///     #[from_row(column = "count")]
///     open: i64,
///     #[from_row(flatten)]
///     owner: Owner,
/// }
/// ```
///
/// Any column type, such as `i64` or `Option<Timestamp>`, reads the only column of a statement,
/// under any name.
///
/// The columns are looked up once per result. If any are missing or have another type, the error
/// names all of them. Sealed columns cannot be read: read their entity through the door.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not read from a row",
    label = "not a column type, and without `#[derive(FromRow)]`",
    note = "write `#[derive(FromRow)]` above the struct, with a field for each column of the statement"
)]
pub trait FromRow: Sized {
    /// Adds the columns that [`read`](Self::read) takes, in the same order.
    fn columns(columns: &mut Vec<ExpectedColumn>);

    /// Reads one row.
    ///
    /// # Errors
    /// [`Error::Internal`] if a column is null or has a value that the type does not allow.
    fn read(fields: &mut Fields<'_>) -> Result<Self, Error>;
}

/// A column that a statement must return.
#[derive(Clone, Copy)]
pub struct ExpectedColumn {
    /// Its name; `None` for the only column.
    name: Option<&'static str>,
    rust_type: fn() -> &'static str,
    fits: fn(&ColumnType<'_>) -> bool,
}

/// The fields of a row that are still to be read.
pub struct Fields<'a> {
    row: &'a Row,
    positions: std::slice::Iter<'a, usize>,
}

impl ExpectedColumn {
    /// The column `name` with values of the type `C`.
    pub const fn named<C: Plain>(name: &'static str) -> Self {
        Self {
            name: Some(name),
            ..Self::only::<C>()
        }
    }

    const fn only<C: Plain>() -> Self {
        Self {
            name: None,
            rust_type: type_name::<C>,
            fits: C::fits,
        }
    }

    /// The position of the column, or what is wrong with it.
    fn find(self, columns: &[PgColumn]) -> Result<usize, String> {
        let position = match self.name {
            None if columns.len() == 1 => 0,
            None => return Err(format!("expected one column, found {}", columns.len())),
            Some(name) => columns
                .iter()
                .position(|column| column.name() == name)
                .ok_or_else(|| format!("no column {name}"))?,
        };

        let column = &columns[position];
        if (self.fits)(&ColumnType(column.type_info())) {
            return Ok(position);
        }

        Err(format!(
            "the column {} is {}, not {}",
            column.name(),
            column.type_info().name(),
            (self.rust_type)()
        ))
    }
}

impl Fields<'_> {
    /// Reads the next column.
    ///
    /// # Errors
    /// [`Error::Internal`] if it is null or has a value that the type does not allow.
    pub fn take<C: Plain>(&mut self) -> Result<C, Error> {
        let position = self
            .positions
            .next()
            .ok_or_else(|| Error::internal("a row type reads more columns than it names"))?;

        C::read(self.row, *position, &Opening::closed(), "")
    }
}

impl<C: Plain> FromRow for C {
    fn columns(columns: &mut Vec<ExpectedColumn>) {
        columns.push(ExpectedColumn::only::<C>());
    }

    fn read(fields: &mut Fields<'_>) -> Result<Self, Error> {
        fields.take()
    }
}

impl Row {
    /// Reads each row of a result as a `T`, by the names of the columns.
    ///
    /// # Errors
    /// [`Error::Internal`] if a column is missing, or has another type or an invalid value; all
    /// missing and mistyped columns are named.
    pub fn read_all<T: FromRow>(rows: &[Self]) -> Result<Vec<T>, Error> {
        read_rows(rows)
    }

    /// Reads the first row of a result, if there is one, like [`read_all`](Self::read_all).
    ///
    /// # Errors
    /// Like [`read_all`](Self::read_all).
    pub fn read_first<T: FromRow>(rows: &[Self]) -> Result<Option<T>, Error> {
        Ok(read_rows(&rows[..rows.len().min(1)])?.pop())
    }
}

/// Reads all rows of a result.
///
/// # Errors
/// [`Error::Internal`] if a column is missing, or has another type or an invalid value.
pub(crate) fn read_rows<T: FromRow>(rows: &[Row]) -> Result<Vec<T>, Error> {
    let Some(first) = rows.first() else {
        return Ok(Vec::new());
    };

    let positions = positions::<T>(first.0.columns())?;
    let read = |row| {
        T::read(&mut Fields {
            row,
            positions: positions.iter(),
        })
    };

    rows.iter().map(read).collect()
}

/// Checks the columns of a statement, also of one that returns no rows.
pub(crate) type Expectation = fn(&[PgColumn]) -> Result<(), Error>;

/// The expectation of a statement whose rows are read as a `T`.
pub(crate) fn expect<T: FromRow>(columns: &[PgColumn]) -> Result<(), Error> {
    positions::<T>(columns).map(drop)
}

/// The positions of the columns of `T`.
fn positions<T: FromRow>(columns: &[PgColumn]) -> Result<Vec<usize>, Error> {
    let mut expected = Vec::new();
    T::columns(&mut expected);

    let (mut positions, mut problems) = (Vec::with_capacity(expected.len()), Vec::new());
    for column in expected {
        match column.find(columns) {
            Ok(position) => positions.push(position),
            Err(problem) => problems.push(problem),
        }
    }

    if problems.is_empty() {
        return Ok(positions);
    }

    Err(Error::internal(format!(
        "the statement does not return what {} reads: {}",
        type_name::<T>(),
        problems.join("; ")
    )))
}
