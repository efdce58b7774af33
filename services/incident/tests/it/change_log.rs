//! The end of the change log, while transactions commit in another order than they draw positions.

use kvartal_incident::application::ports::{Changes, NextRead, Subject};
use kvartal_incident::domain::incident::IncidentStatus;
use kvartal_incident::infrastructure::StoredChanges;
use kvartal_incident::infrastructure::rows::{change_log, timeline};
use kvartal_kernel::Uuid;
use kvartal_proto::incident::v1 as pb;
use kvartal_store::{Store, StoreOptions};
use kvartal_testing::eventually;
use sea_orm::{ActiveValue, DatabaseTransaction, EntityTrait, Set, TransactionTrait};

use crate::city::{Calls, City, NOW, SOON, crash, on_both};

on_both!(the_log_is_read_in_order_and_pruned_from_its_beginning);

async fn the_log_is_read_in_order_and_pruned_from_its_beginning(city: City) {
    let changes = StoredChanges::new(city.store.clone());
    let (mark, last) = changes.range().await.unwrap().unwrap();
    assert_eq!(mark, last, "the mark of the beginning");
    let mut client = city.incidents(&city.dispatcher());
    let new = client.log(crash()).await;
    client.go(&new.incident_id, pb::IncidentStatus::Confirmed).await.unwrap();
    let (first, last) = (mark + 1, mark + 2);
    assert_eq!(changes.range().await.unwrap(), Some((mark, last)));
    let all = changes.between(Subject::Incident, 0, last, 10).await.unwrap();
    let positions: Vec<_> = all.iter().map(|change| change.position).collect();
    assert_eq!(positions, [first, first + 1]);
    assert!(all[0].was.is_none() && all[1].was.is_some());
    assert!(changes.between(Subject::Report, 0, last, 10).await.unwrap().is_empty());
    assert_eq!(changes.between(Subject::Incident, first, last, 1).await.unwrap(), all[1..2]);

    city.clock.advance(std::time::Duration::from_hours(49));
    client.go(&new.incident_id, pb::IncidentStatus::InProgress).await.unwrap();
    let last = first + 2;
    city.upkeep().prune_log().await.unwrap();
    assert_eq!(changes.range().await.unwrap(), Some((last - 1, last)), "the last old one marks the beginning");
    city.clock.advance(std::time::Duration::from_hours(99));
    city.upkeep().prune_log().await.unwrap();
    assert_eq!(changes.range().await.unwrap(), Some((last - 1, last)), "the last is always kept");
    let kept = changes.between(Subject::Incident, last - 1, last, 10).await.unwrap();
    let kvartal_incident::application::ports::Snapshot::Incident(incident) = &kept[0].now else { panic!() };
    assert_eq!(incident.status, IncidentStatus::InProgress);
}

/// A change as the service makes it: something else is written first.
async fn write(tx: &DatabaseTransaction, now: &str) {
    let entry = timeline::ActiveModel {
        id: Set(Uuid::new_v4()),
        subject_id: Set(Uuid::nil()),
        time: Set(NOW.0),
        actor: Set(String::new()),
        action: Set("created".to_owned()),
        was: Set(String::new()),
        now: Set(String::new()),
        comment: Set(String::new()),
        public: Set(true),
    };
    timeline::Entity::insert(entry).exec_without_returning(tx).await.unwrap();
    let change = change_log::ActiveModel {
        position: ActiveValue::NotSet,
        subject: Set(1),
        time: Set(NOW.0),
        was: Set(None),
        now: Set(now.to_owned()),
    };
    change_log::Entity::insert(change).exec_without_returning(tx).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn positions_that_are_still_to_come_are_waited_for() {
    let city = City::on_postgres().await;
    let mut client = city.incidents(&city.dispatcher());
    client.log(crash()).await;
    let changes = StoredChanges::new(city.store.clone());
    let start = eventually(SOON, || async { changes.start().await.unwrap() }).await;
    let body = {
        let row = change_log::Entity::find_by_id(start).one(city.store.reader()).await.unwrap().unwrap();
        row.now
    };
    let late = city.store.reader().begin().await.unwrap();
    write(&late, &body).await;
    let undone = city.store.reader().begin().await.unwrap();
    write(&undone, &body).await;
    client.log(crash()).await;
    for _ in 0..3 {
        let tail = changes.tail(start).await.unwrap();
        assert_eq!((tail.settled, tail.next, tail.changes.len()), (start, NextRead::Soon, 0));
    }
    undone.rollback().await.unwrap();
    let tail = changes.tail(start).await.unwrap();
    assert_eq!((tail.settled, tail.next), (start, NextRead::Soon), "the first is still to come");
    late.commit().await.unwrap();
    let (mut positions, mut at) = (Vec::new(), start);
    while positions.len() < 2 {
        let tail = tokio::time::timeout(SOON, changes.tail(at)).await.unwrap().unwrap();
        positions.extend(tail.changes.iter().map(|change| change.position));
        at = tail.settled;
    }
    assert_eq!(positions, [start + 1, start + 3], "in order; what was rolled back is passed over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_starts_waits_for_what_is_under_way() {
    let city = City::on_postgres().await;
    let mut client = city.incidents(&city.dispatcher());
    client.log(crash()).await;
    let options = StoreOptions { url: city.url(), pool_size: 2, application_name: "another process".to_owned() };
    let other = Store::open(options).await.unwrap();
    let late = other.reader().begin().await.unwrap();
    write(&late, "{}").await;
    client.log(crash()).await;
    let changes = StoredChanges::new(city.store.clone());
    for _ in 0..3 {
        assert_eq!(changes.start().await.unwrap(), None);
    }
    late.commit().await.unwrap();
    let (_, last) = changes.range().await.unwrap().unwrap();
    // Transactions of other databases of the server count too; they end soon.
    let start = eventually(SOON, || async { changes.start().await.unwrap() }).await;
    assert_eq!(start, last);
    other.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_the_beginning_holds_while_the_first_positions_are_still_to_come() {
    let city = City::on_postgres().await;
    let mut public = city.incidents(&city.nobody());
    let request = |resume_token: String| pb::WatchIncidentsRequest { filter: None, resume_token };
    let mut stream = public.watch_incidents(request(String::new())).await.unwrap().into_inner();
    let token = stream.message().await.unwrap().unwrap().resume_token;
    let late = city.store.reader().begin().await.unwrap();
    write(&late, "{}").await;
    city.incidents(&city.dispatcher()).log(crash()).await;
    assert!(public.watch_incidents(request(token)).await.is_ok());
    late.rollback().await.unwrap();
}
