//! The newest rows that match a filter, found quickly however many there are.
//!
//! A list is sorted by `(update_time, id)`. An index whose first columns are fixed by `=` gives that order at once; a
//! filter with several values for a column does not fix it. So such a filter is split into branches, one for each
//! combination of values; each branch walks its index from the newest row on and stops after one page, and the pages are
//! merged. What a branch does not fix is checked row by row.
//!
//! A box is different: few rows in it are found by the cells of the grid and sorted; when its cells hold many, walking
//! from the newest row on meets enough of them soon.

use kvartal_kernel::{Cursor, Error, PageRequest, Uuid};
use kvartal_store::db_error;
use sea_orm::sea_query::{Condition, Expr, ExprTrait, Order, Query, SelectStatement, UnionType};
use sea_orm::{ConnectionTrait, DatabaseConnection, EntityTrait, QueryResult};

/// So many rows in the cells of a box are still looked at one by one.
const DENSE: u64 = 20_000;

/// Table and columns of a list.
#[derive(Clone, Copy)]
pub(super) struct List<E: EntityTrait> {
    /// The sort key.
    pub(super) key: E::Column,
    /// Decides between equal keys.
    pub(super) id: E::Column,
    /// The cell of the grid.
    pub(super) cell: E::Column,
}

/// What is looked for.
pub(super) struct Search {
    /// Each fixes the first columns of an index; together they hold everything looked for.
    pub(super) branches: Vec<Condition>,
    /// What every row must fulfil.
    pub(super) every: Condition,
    /// First and last cells of the grid that hold everything looked for.
    pub(super) cells: Option<Vec<(i32, i32)>>,
}

impl<E: EntityTrait> List<E> {
    /// Keys of one page and one row more, newest first.
    pub(super) async fn page(
        self,
        db: &DatabaseConnection,
        search: Search,
        request: &PageRequest,
    ) -> Result<Vec<Cursor>, Error> {
        let wanted = u64::from(request.size) + 1;
        if let Some(cells) = &search.cells
            && self.are_few(db, cells).await?
        {
            // The limit cuts nothing off; it keeps the planner from walking by time after all.
            let range =
                |cells: &(i32, i32)| self.select(self.range(*cells), &search.every, request).limit(DENSE).take();
            let ranges = cells.iter().map(range);
            let mut select = self.union(ranges);
            self.newest_first(&mut select, wanted);
            return self.read(db, &select).await;
        }
        let branches = search.branches.into_iter().map(|branch| {
            let mut select = self.select(branch, &search.every, request);
            self.newest_first(&mut select, wanted);
            select
        });
        let mut select = self.union(branches);
        self.newest_first(&mut select, wanted);
        self.read(db, &select).await
    }

    /// Whether the cells hold few rows. Counting looks at no more of the index than reading afterwards does.
    async fn are_few(self, db: &DatabaseConnection, cells: &[(i32, i32)]) -> Result<bool, Error> {
        let mut rows = cells.iter().map(|cells| {
            let range = self.range(*cells);
            Query::select().column(self.cell).from(E::default().table_ref()).cond_where(range).to_owned()
        });
        let Some(mut near) = rows.next() else { return Ok(true) };
        near.unions(rows.map(|rows| (UnionType::All, rows))).limit(DENSE + 1);
        let count = Query::select().expr(Expr::col(self.cell).count()).from_subquery(near, "near").to_owned();
        let counted = db.query_one(&count).await.map_err(db_error)?;
        let counted: Option<i64> = counted.map(|row| row.try_get_by_index(0)).transpose().map_err(db_error)?;
        Ok(counted.and_then(|count| u64::try_from(count).ok()).is_some_and(|count| count <= DENSE))
    }

    fn range(self, (first, last): (i32, i32)) -> Condition {
        Condition::all().add(Expr::col(self.cell).gte(first)).add(Expr::col(self.cell).lte(last))
    }

    fn select(self, branch: Condition, every: &Condition, request: &PageRequest) -> SelectStatement {
        let mut select = Query::select();
        select.columns([self.key, self.id]).from(E::default().table_ref()).cond_where(branch).cond_where(every.clone());
        if let Some(after) = request.after {
            let row = Expr::tuple([Expr::col(self.key), Expr::col(self.id)]);
            select.and_where(row.lt(Expr::tuple([Expr::val(after.key), Expr::val(after.id)])));
        }
        select
    }

    fn newest_first(self, select: &mut SelectStatement, limit: u64) {
        select.order_by(self.key, Order::Desc).order_by(self.id, Order::Desc).limit(limit);
    }

    /// The rows of all branches. Each is a table of its own, because SQLite takes no order within a union.
    fn union(self, branches: impl Iterator<Item = SelectStatement>) -> SelectStatement {
        let mut tables = branches
            .map(|branch| Query::select().columns([self.key, self.id]).from_subquery(branch, "branch").to_owned());
        let Some(mut first) = tables.next() else {
            return self.select(
                Condition::all().add(Expr::val(false)),
                &Condition::all(),
                &PageRequest { size: 1, after: None },
            );
        };
        first.unions(tables.map(|table| (UnionType::All, table)));
        first
    }

    async fn read(self, db: &DatabaseConnection, select: &SelectStatement) -> Result<Vec<Cursor>, Error> {
        let rows = db.query_all(select).await.map_err(db_error)?;
        let cursor = |row: QueryResult| {
            let (key, id): (i64, Uuid) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            Ok(Cursor { key, id })
        };
        rows.into_iter().map(cursor).collect::<Result<_, sea_orm::DbErr>>().map_err(db_error)
    }
}

/// One branch for each combination of a value of the first and a value of the second column.
pub(super) fn combinations<A: Into<sea_orm::Value> + Clone, B: Into<sea_orm::Value> + Clone>(
    (first, first_values): (impl sea_orm::ColumnTrait, &[A]),
    (second, second_values): (impl sea_orm::ColumnTrait, &[B]),
) -> Vec<Condition> {
    let pairs = first_values.iter().flat_map(|a| second_values.iter().map(move |b| (a.clone(), b.clone())));
    pairs.map(|(a, b)| Condition::all().add(first.eq(a)).add(second.eq(b))).collect()
}
