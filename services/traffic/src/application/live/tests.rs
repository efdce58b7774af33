//! Whoever reads a board whenever and however often ends up with what it shows.

use std::collections::BTreeMap;

use kvartal_kernel::geo::Bounds;
use proptest::prelude::*;

use super::{Board, Interest, NOTHING, PORTION, REMOVALS_MAX, Thing, Topic};

type Value = (String, u32);

fn thing(key: &str, value: u32) -> Thing<Value> {
    Thing { key: key.to_owned(), bounds: None, value: (key.to_owned(), value) }
}

fn everything() -> Interest {
    Interest { topics: Topic::ALL.to_vec(), bounds: None }
}

/// Somebody who keeps what he was told.
#[derive(Clone)]
struct Reader {
    seen: u64,
    seldom: bool,
    known: BTreeMap<String, u32>,
}

impl Reader {
    fn new() -> Self {
        Self { seen: NOTHING, seldom: false, known: BTreeMap::new() }
    }

    /// Reads one message; how many states it told of. Panics when it is told what it knows.
    fn read(&mut self, board: &Board<Value>) -> usize {
        let news = board.news(self.seen, &everything());
        if news.snapshot {
            self.known.clear();
        }
        for value in &news.things {
            let before = self.known.insert(value.0.clone(), value.1);
            // Who reads seldom may find a thing as it was before: it changed there and back.
            assert!(self.seldom || before != Some(value.1), "{} was told twice", value.0);
        }
        for key in &news.removed {
            self.known.remove(key);
        }
        // As a client that was cut off here and comes back with its token.
        self.seen = board.resume(&board.token(news.position)).unwrap();
        news.things.len() + news.removed.len()
    }
}

proptest! {
    #[test]
    fn a_reader_that_comes_and_goes_knows_what_is_shown(
        acts in prop::collection::vec((0_u8..12, 0_u32..4, 0_u8..5), 1..200),
    ) {
        let board: Board<Value> = Board::new(7);
        let mut shown: BTreeMap<String, u32> = BTreeMap::new();
        let (mut often, mut seldom) = (Reader::new(), Reader { seldom: true, ..Reader::new() });
        for (key, value, act) in acts {
            let key = format!("k{key}");
            if act == 0 {
                board.remove(Topic::Jams, &key);
                shown.remove(&key);
            } else {
                board.put(Topic::Jams, thing(&key, value));
                shown.insert(key, value);
            }
            often.read(&board);
            prop_assert_eq!(&often.known, &shown);
            if act == 1 {
                seldom.read(&board);
                prop_assert_eq!(&seldom.known, &shown);
            }
        }
        seldom.read(&board);
        prop_assert_eq!(&seldom.known, &shown);
        prop_assert_eq!(seldom.read(&board), 0);
    }
}

#[test]
fn who_is_slow_gets_each_thing_once_and_as_it_is_now() {
    let board: Board<Value> = Board::new(7);
    let mut reader = Reader::new();
    for round in 0..1_000 {
        for key in ["a", "b", "c"] {
            board.put(Topic::Segments, thing(key, round));
        }
    }
    assert_eq!(reader.read(&board), 3);
    assert_eq!(reader.known.values().copied().collect::<Vec<_>>(), [999, 999, 999]);
}

#[test]
fn everything_comes_in_portions_and_can_be_cut_in_between() {
    let board: Board<Value> = Board::new(7);
    let count = u32::try_from(PORTION * 2 + 5).unwrap();
    board.put_all(Topic::Segments, (0..count).map(|index| thing(&format!("s{index}"), index)).collect());
    let mut reader = Reader::new();
    assert_eq!(reader.read(&board), PORTION);
    // Changes while everything is being told: told as well, and once.
    board.put(Topic::Segments, thing("s1", 77_777));
    board.put(Topic::Segments, thing("s4000", 77_777));
    board.remove(Topic::Segments, "s2");
    while reader.read(&board) > 0 {}
    assert_eq!(reader.known.len(), PORTION * 2 + 4);
    assert_eq!((reader.known["s1"], reader.known["s4000"]), (77_777, 77_777));
}

#[test]
fn a_token_of_another_board_leads_to_the_beginning() {
    let (old, new): (Board<Value>, Board<Value>) = (Board::new(1), Board::new(2));
    old.put(Topic::Jams, thing("a", 1));
    new.put(Topic::Jams, thing("b", 1));
    let token = old.token(1);
    assert_eq!(new.resume(&token), Some(NOTHING));
    let news = new.news(NOTHING, &everything());
    assert!(news.snapshot && news.things.len() == 1);
    assert_eq!(new.resume("nonsense"), None);
    assert_eq!(new.resume("zzzzzzzzzzzzzzzzzz"), None);
}

#[test]
fn who_comes_from_before_forgotten_removals_gets_everything() {
    let board: Board<Value> = Board::new(7);
    board.put(Topic::Jams, thing("first", 1));
    board.put(Topic::Jams, thing("kept", 1));
    let mut reader = Reader::new();
    reader.read(&board);
    board.remove(Topic::Jams, "first");
    for index in 0..REMOVALS_MAX {
        board.put(Topic::Jams, thing(&format!("j{index}"), 1));
        board.remove(Topic::Jams, &format!("j{index}"));
    }
    let news = board.news(reader.seen, &everything());
    assert!(news.snapshot);
    reader.known.clear();
    reader.seen = NOTHING;
    reader.read(&board);
    assert_eq!(reader.known.keys().collect::<Vec<_>>(), ["kept"]);
}

#[test]
fn a_box_restricts_what_has_a_place() {
    let board: Board<Value> = Board::new(7);
    let at = |west: f64| Some(Bounds { south: 0.0, west, north: 1.0, east: west + 1.0 });
    for (key, west) in [("near", 0.0), ("far", 50.0)] {
        board.put(Topic::Segments, Thing { bounds: at(west), ..thing(key, 1) });
    }
    board.put(Topic::Scores, Thing { bounds: at(50.0), ..thing("score", 1) });
    let interest = Interest { topics: vec![Topic::Segments, Topic::Scores], bounds: at(0.5) };
    let names = |news: &super::News<Value>| news.things.iter().map(|value| value.0.clone()).collect::<Vec<_>>();
    let news = board.news(NOTHING, &interest);
    assert_eq!(names(&news), ["near", "score"]);
    // What moves away is told of once more, so that nobody keeps it where it was.
    board.put(Topic::Segments, Thing { bounds: at(50.0), ..thing("near", 2) });
    assert_eq!(names(&board.news(news.position, &interest)), ["near"]);
    let jams = Interest { topics: vec![Topic::Jams], bounds: None };
    assert!(board.news(NOTHING, &jams).things.is_empty());
}

#[test]
fn those_who_ask_the_same_share_one_answer() {
    let board: Board<Value> = Board::new(7);
    board.put(Topic::Jams, thing("a", 1));
    let (one, two) = (board.news(NOTHING, &everything()), board.news(NOTHING, &everything()));
    assert!(std::sync::Arc::ptr_eq(&one, &two));
    board.put(Topic::Jams, thing("a", 2));
    assert!(!std::sync::Arc::ptr_eq(&one, &board.news(NOTHING, &everything())));
}
