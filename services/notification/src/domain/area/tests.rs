//! Places and messages, without a database.

use kvartal_kernel::geo::LatLng;
use kvartal_kernel::{Timestamp, Uuid, Version};

use super::{FollowedArea, FollowedAreaId, LINES_MAX, Place, Topic, Topics, check_topics, digest};
use crate::domain::{Kind, UserId};

fn at(latitude: f64, longitude: f64) -> LatLng {
    LatLng::new(latitude, longitude).unwrap()
}

fn area(place: Place) -> FollowedArea {
    FollowedArea {
        id: FollowedAreaId(Uuid::from_u128(1)),
        user: UserId(Uuid::from_u128(2)),
        name: "Центр".to_owned(),
        place,
        topics: [Topic::Jams].into_iter().collect(),
        created: Timestamp(0),
        version: Version::FIRST,
    }
}

#[test]
fn a_place_contains_what_lies_in_it_and_nothing_else() {
    let ring = vec![at(55.0, 37.0), at(55.0, 38.0), at(56.0, 37.0)];
    let triangle = Place::Area { id: Uuid::nil(), ring };
    assert!(triangle.contains(at(55.2, 37.2)) && !triangle.contains(at(55.9, 37.9)));
    assert!(triangle.bounds().contains(at(55.9, 37.9)), "the box around it is larger");
    let circle = Place::Circle { center: at(55.75, 37.62), radius_m: 1_000.0 };
    assert!(circle.contains(at(55.758, 37.62)) && !circle.contains(at(55.76, 37.62)));
    let block = Place::boxed(at(55.7, 37.5), at(55.8, 37.7)).unwrap();
    assert!(block.contains(at(55.7, 37.5)) && !block.contains(at(55.69, 37.5)));
}

#[test]
fn a_circle_at_the_end_of_the_map_has_a_box_that_holds_both_sides() {
    let circle = Place::Circle { center: at(-17.0, 179.99), radius_m: 5_000.0 };
    assert!(circle.contains(at(-17.0, -179.99)) && circle.bounds().contains(at(-17.0, -179.99)));
}

#[test]
fn boxes_too_large_empty_or_across_the_end_of_the_map_are_none() {
    assert_eq!(Place::boxed(at(55.0, 37.0), at(56.0, 37.1)), None);
    assert_eq!(Place::boxed(at(55.0, 37.0), at(55.0, 37.1)), None);
    assert_eq!(Place::boxed(at(55.1, 37.0), at(55.0, 37.1)), None);
    assert_eq!(Place::boxed(at(0.0, 179.9), at(0.1, -179.9)), None);
}

#[test]
fn topics_survive_storing_and_detectors_are_for_staff() {
    let all: Topics = Topic::ALL.into_iter().collect();
    assert_eq!(Topics::from_bits(all.bits()), all);
    assert_eq!(all.iter().collect::<Vec<_>>(), Topic::ALL);
    assert!(check_topics(all, true).is_ok() && check_topics(all, false).is_err());
    assert!(check_topics([Topic::Jams, Topic::Reports].into_iter().collect(), false).is_ok());
}

#[test]
fn a_message_tells_few_lines_and_how_many_more() {
    let area = area(Place::Circle { center: at(55.0, 37.0), radius_m: 100.0 });
    assert_eq!(digest(&area, Kind::AreaJams, &[]), None);
    let thing = |number: usize| (format!("jam {number}"), format!("пр. Мира, {number}"), format!("/jams/{number}"));
    let alone = digest(&area, Kind::AreaJams, &[thing(1)]).unwrap();
    assert_eq!((alone.subject.as_str(), alone.link.as_str()), ("jam 1", "/jams/1"));
    assert_eq!((alone.data["count"].as_str(), alone.data["more"].as_str()), ("1", ""));
    let many: Vec<_> = (0..50).map(thing).collect();
    let many = digest(&area, Kind::AreaJams, &many).unwrap();
    assert_eq!(many.data["lines"].lines().count(), LINES_MAX);
    assert_eq!((many.data["count"].as_str(), many.data["more"].as_str()), ("50", "45"));
    assert_eq!((many.subject, many.link), (area.id.to_string(), "/map".to_owned()));
}
