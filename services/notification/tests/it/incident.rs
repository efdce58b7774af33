//! An incident service that knows one area, behind the real server stack.

use axum::Router;
use axum::routing::post;
use kvartal_host::Runtime;
use kvartal_proto::incident::v1::{Area, LatLng, ListAreasResponse};
use kvartal_stage::answer;

/// The area it knows: a square with Tverskaya in it.
pub(crate) const CENTRE: &str = "0198c0de-0000-7000-8000-00000000000a";

/// Makes the service known in this runtime.
pub(crate) fn register(runtime: &Runtime) {
    let corner = |latitude, longitude| LatLng { latitude, longitude };
    let boundary = vec![corner(55.7, 37.5), corner(55.7, 37.7), corner(55.8, 37.7), corner(55.8, 37.5)];
    let area =
        Area {
            area_id: CENTRE.to_owned(), display_name: "Центральный".to_owned(), boundary, team: String::new()
        };
    let areas = ListAreasResponse { areas: vec![area] };
    let list = post(async move || answer(&areas));
    let routes = Router::new().route("/kvartal.incident.v1.ReportService/ListAreas", list);
    kvartal_stage::stand_in(runtime, "incident", routes);
}
