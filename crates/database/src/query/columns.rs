//! The columns of entities in a query that sea-query builds.

use sea_query::{Alias, ColumnName, ColumnRef, DynIden, Expr, ExprTrait as _, IntoIden as _};

use crate::{Entity, Field, Plain, Relation};

impl<E: Entity, V: Plain> Field<E, V> {
    /// Whether the column equals `value`. For a null value, whether it is null.
    pub fn is(self, value: &V) -> Expr {
        let bound = value.bind();
        if bound == V::null() {
            Expr::from(self).is_null()
        } else {
            Expr::from(self).eq(bound)
        }
    }
}

/// The table of an entity, to select from: `Query::select().from(table_of::<TaskRow>())`.
pub fn table_of<R: Relation>() -> DynIden {
    Alias::new(R::NAME).into_iden()
}

impl<E: Entity, V: Plain> From<Field<E, V>> for ColumnName {
    fn from(field: Field<E, V>) -> Self {
        (Alias::new(E::NAME), Alias::new(field.column)).into()
    }
}

impl<E: Entity, V: Plain> From<Field<E, V>> for Expr {
    fn from(field: Field<E, V>) -> Self {
        Expr::col(ColumnRef::Column(field.into()))
    }
}
