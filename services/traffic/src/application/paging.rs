//! Pages of short lists that are sorted by a text.

use kvartal_kernel::{Cursor, Page, PageRequest};

use crate::domain::network::SegmentId;

/// The page of a sorted list that begins behind the item at which the last one ended; when that is gone, at its place.
pub fn page_of<T>(sorted: Vec<T>, page: PageRequest, name: impl Fn(&T) -> &str) -> Page<T> {
    // A cursor holds no text, so it holds the text's digest.
    let digest = |item: &T| SegmentId::named(name(item)).0;
    let from = page.after.map_or(0, |after| {
        let found = sorted.iter().position(|item| digest(item) == after.id).map(|place| place + 1);
        found.unwrap_or_else(|| usize::try_from(after.key).unwrap_or(0))
    });
    let surplus = usize::try_from(page.size).unwrap_or(usize::MAX).saturating_add(1);
    let rows: Vec<(usize, T)> = sorted.into_iter().enumerate().skip(from).take(surplus).collect();
    let cursor =
        |(place, item): &(usize, T)| Cursor { key: i64::try_from(*place).unwrap_or(i64::MAX), id: digest(item) };
    Page::from_surplus(rows, page.size, cursor).map(|(_, item)| item)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_hold_everything_once_even_when_the_last_item_is_gone() {
        let names = ["a", "b", "c", "d", "e"];
        let first = page_of(names.to_vec(), PageRequest { size: 2, after: None }, |name| name);
        assert_eq!(first.items, ["a", "b"]);
        let second = page_of(names.to_vec(), PageRequest { size: 2, after: first.next }, |name| name);
        assert_eq!(second.items, ["c", "d"]);
        let gone = page_of(vec!["a", "c", "d", "e"], PageRequest { size: 2, after: first.next }, |name| name);
        assert_eq!(gone.items, ["c", "d"]);
        let last = page_of(names.to_vec(), PageRequest { size: 2, after: second.next }, |name| name);
        assert_eq!((last.items, last.next), (vec!["e"], None));
    }
}
