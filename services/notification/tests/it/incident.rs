//! An incident service that knows one area, behind the real server stack.

use std::sync::Arc;

use axum::Router;
use axum::routing::post;
use kvartal_host::Runtime;
use kvartal_mesh::audit::NoAudit;
use kvartal_mesh::server::{Limits, Stack};
use kvartal_proto::incident::v1::{Area, LatLng, ListAreasResponse};

use crate::identity::answer;

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
    let list = post(move || {
        let areas = areas.clone();
        async move { answer(&areas) }
    });
    let routes = Router::new().route("/kvartal.incident.v1.ReportService/ListAreas", list);
    let stack = Stack {
        contract: kvartal_proto::contract(),
        service: "incident",
        verifier: runtime.verifier(),
        mesh_key: None,
        limiter: runtime.limiter(),
        audit: Arc::new(NoAudit),
        clock: runtime.clock(),
        stop: runtime.stop(),
        calls: runtime.calls().clone(),
        limits: Limits::default(),
    };
    runtime.directory().register("incident", stack.wrap(routes.into()));
}
