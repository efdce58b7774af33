//! Page tokens and versions.

use proptest::prelude::*;
use uuid::Uuid;

use super::{Cursor, Page, PageRequest, Version};

proptest! {
    #[test]
    fn a_token_leads_back_to_its_row(key: i64, id: u128) {
        let cursor = Cursor { key, id: Uuid::from_u128(id) };
        prop_assert_eq!(Cursor::decode("incidents", &cursor.encode("incidents")).unwrap(), cursor);
    }

    #[test]
    fn a_token_of_another_list_is_refused(key: i64, id: u128) {
        let token = Cursor { key, id: Uuid::from_u128(id) }.encode("incidents");
        prop_assert!(Cursor::decode("reports", &token).is_err());
    }

    #[test]
    fn any_text_as_a_token_is_an_answer_not_a_crash(text: String) {
        let _ = PageRequest::parse("incidents", 10, &text);
    }
}

#[test]
fn a_page_knows_whether_there_is_another() {
    let cursor = |n: &i64| Cursor { key: *n, id: Uuid::nil() };
    assert_eq!(Page::from_surplus(vec![1, 2, 3], 2, cursor).next, Some(Cursor { key: 2, id: Uuid::nil() }));
    assert_eq!(Page::from_surplus(vec![1, 2], 2, cursor).next, None);
}

#[test]
fn an_old_etag_is_refused() {
    assert!(Version(3).check("v2").is_err());
    assert!(Version(3).check("v3").is_ok());
    assert!(Version(3).check("").is_ok());
}
