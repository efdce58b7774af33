//! Keyset pages: `(key, id)` beyond the cursor, in index order, one row more than asked for.

use kvartal_kernel::PageRequest;
use sea_orm::sea_query::{Expr, ExprTrait, Order, SimpleExpr};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

/// The newest rows first: `ORDER BY key DESC, id DESC`. Feed the rows to [`kvartal_kernel::Page::from_surplus`].
pub fn descending<E: EntityTrait>(
    select: Select<E>,
    key: E::Column,
    id: E::Column,
    request: &PageRequest,
) -> Select<E> {
    page(select, key, id, request, Order::Desc)
}

/// The oldest rows first: `ORDER BY key ASC, id ASC`. Feed the rows to [`kvartal_kernel::Page::from_surplus`].
pub fn ascending<E: EntityTrait>(select: Select<E>, key: E::Column, id: E::Column, request: &PageRequest) -> Select<E> {
    page(select, key, id, request, Order::Asc)
}

fn page<E: EntityTrait>(
    mut select: Select<E>,
    key: E::Column,
    id: E::Column,
    request: &PageRequest,
    order: Order,
) -> Select<E> {
    if let Some(after) = request.after {
        // A row value, not `key < x OR (key = x AND id < y)`: both databases walk an index on (key, id) for it.
        let row = Expr::tuple([SimpleExpr::from(Expr::col(key.as_column_ref())), Expr::col(id.as_column_ref())]);
        let cursor = Expr::tuple([Expr::val(after.key), Expr::val(after.id)]);
        select = select.filter(if order == Order::Asc { row.gt(cursor) } else { row.lt(cursor) });
    }
    select.order_by(key, order.clone()).order_by(id, order).limit(u64::from(request.size) + 1)
}
