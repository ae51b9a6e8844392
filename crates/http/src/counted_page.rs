//! Pages with the number of all rows.

use http::StatusCode;
use mainstay_database::{Cursor, Page, Total};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    Operation, Output, Problem, Request, View,
    answer::{json, succeeds},
    reply::Reply,
};

/// One page of a listing with the number of all matching rows: `{"items": […], "next_cursor": …,
/// "total": {"count": …, "exact": …}}`. The total is null unless the filter asked for it: see
/// [`Filter::with_total`](mainstay_database::Filter::with_total).
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CountedPageOf{V}", deny_unknown_fields)]
pub struct CountedPage<V> {
    /// The items, in order.
    pub items: Vec<V>,
    /// Pass it as `cursor` to get the next page; null on the last one.
    pub next_cursor: Option<Cursor>,
    /// How many items all pages have together; null if it was not asked for.
    pub total: Option<TotalView>,
}

/// The number of items on all pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct TotalView {
    /// The number of items, at most 10,000.
    pub count: u64,
    /// Whether there are as many. False if there are more than 10,000, or if the number is
    /// estimated.
    pub exact: bool,
}

impl<V> CountedPage<V> {
    /// Converts each row of a page into a view.
    pub fn new<E>(page: Page<E>, view: impl FnMut(E) -> V) -> Self {
        Self {
            items: page.items.into_iter().map(view).collect(),
            next_cursor: page.next,
            total: page.total.map(TotalView::from),
        }
    }
}

impl From<Total> for TotalView {
    fn from(total: Total) -> Self {
        Self {
            count: total.count,
            exact: total.exact,
        }
    }
}

impl<V: View> Output for CountedPage<V> {
    fn answer(self, _: &Request) -> Result<Reply, Problem> {
        Ok(json(StatusCode::OK, &self, None))
    }

    fn describe(operation: &mut Operation<'_>) {
        let schema = operation.output_schema::<Self>();
        succeeds(operation, StatusCode::OK, Some(schema), Vec::new());
    }
}
