//! The RPCs of `kvartal.notification.v1.AreaService`.

use kvartal_kernel::geo::{Bounds, LatLng};
use kvartal_kernel::{Error, Role};
use kvartal_mesh::{caller, to_status};
use kvartal_proto::notification::v1 as pb;
use kvartal_proto::time;
use tonic::{Request, Response, Status};

use crate::application::{AreaDesk, Change, Whereabouts, Wish};
use crate::domain::{FollowedArea, FollowedAreaId, Place, Topic, Topics, UserId};

/// Answers the RPCs.
pub(crate) struct AreaGrpc {
    desk: AreaDesk,
}

impl AreaGrpc {
    pub(crate) fn new(desk: AreaDesk) -> Self {
        Self { desk }
    }
}

/// The signed-in person, and whether it looks after the roads; machine clients follow nothing.
fn person<T>(request: &Request<T>) -> Result<(UserId, bool), Status> {
    let caller = caller(request);
    let staff = caller.is(Role::Dispatcher) || caller.is(Role::Admin);
    Ok((caller.user_id().map(UserId).map_err(to_status)?, staff))
}

#[tonic::async_trait]
impl pb::area_service_server::AreaService for AreaGrpc {
    async fn list_followed_areas(
        &self,
        request: Request<pb::ListFollowedAreasRequest>,
    ) -> Result<Response<pb::ListFollowedAreasResponse>, Status> {
        let (user, _) = person(&request)?;
        let areas = self.desk.list(user).await.map_err(to_status)?;
        let followed_areas = areas.into_iter().map(pb::FollowedArea::from).collect();
        Ok(Response::new(pb::ListFollowedAreasResponse { followed_areas }))
    }

    async fn follow_area(
        &self,
        request: Request<pb::FollowAreaRequest>,
    ) -> Result<Response<pb::FollowAreaResponse>, Status> {
        let (user, staff) = person(&request)?;
        let pb::FollowAreaRequest { display_name: name, area_id, bounds, circle, topics } = request.into_inner();
        let whereabouts = whereabouts(&area_id, bounds, circle).map_err(to_status)?;
        let wish = Wish { user, staff, name, whereabouts, topics: chosen(&topics) };
        let area = self.desk.follow(wish).await.map_err(to_status)?;
        Ok(Response::new(pb::FollowAreaResponse { followed_area: Some(area.into()) }))
    }

    async fn update_followed_area(
        &self,
        request: Request<pb::UpdateFollowedAreaRequest>,
    ) -> Result<Response<pb::UpdateFollowedAreaResponse>, Status> {
        let (user, staff) = person(&request)?;
        let pb::UpdateFollowedAreaRequest { followed_area_id, display_name, topics, etag } = request.into_inner();
        let id = FollowedAreaId::parse("followed_area_id", &followed_area_id).map_err(to_status)?;
        let name = Some(display_name.trim().to_owned()).filter(|name| !name.is_empty());
        let topics = Some(chosen(&topics)).filter(|topics| !topics.is_empty());
        let area = self.desk.update(user, staff, id, Change { name, topics, etag }).await.map_err(to_status)?;
        Ok(Response::new(pb::UpdateFollowedAreaResponse { followed_area: Some(area.into()) }))
    }

    async fn unfollow_area(
        &self,
        request: Request<pb::UnfollowAreaRequest>,
    ) -> Result<Response<pb::UnfollowAreaResponse>, Status> {
        let (user, _) = person(&request)?;
        let id = FollowedAreaId::parse("followed_area_id", &request.into_inner().followed_area_id);
        self.desk.unfollow(user, id.map_err(to_status)?).await.map_err(to_status)?;
        Ok(Response::new(pb::UnfollowAreaResponse {}))
    }
}

/// The topics of a request.
fn chosen(numbers: &[i32]) -> Topics {
    numbers.iter().filter_map(|number| Topic::from_number(*number)).collect()
}

/// Exactly one of the three.
fn whereabouts(
    area_id: &str,
    bounds: Option<pb::BoundingBox>,
    circle: Option<pb::Circle>,
) -> Result<Whereabouts, Error> {
    match (area_id, bounds, circle) {
        ("", Some(bounds), None) => {
            let corners = (point(bounds.low), point(bounds.high));
            let place = corners.0.zip(corners.1).and_then(|(low, high)| Place::boxed(low, high));
            let wrong = "must have its low corner south-west of the high one and be at most 100 km wide and high";
            place.map(Whereabouts::Place).ok_or_else(|| Error::invalid("bounds", wrong))
        }
        ("", None, Some(circle)) => {
            let center = point(circle.center).ok_or_else(|| Error::invalid("circle.center", "must be a point"))?;
            Ok(Whereabouts::Place(Place::Circle { center, radius_m: circle.radius_m }))
        }
        ("", None, None) => Err(Error::invalid("area_id", "one of area_id, bounds and circle must be given")),
        (id, None, None) => id.parse().map(Whereabouts::Area).map_err(|_| Error::invalid("area_id", "must be a UUID")),
        _ => Err(Error::invalid("area_id", "only one of area_id, bounds and circle can be given")),
    }
}

fn point(point: Option<pb::LatLng>) -> Option<LatLng> {
    point.and_then(|point| LatLng::new(point.latitude, point.longitude))
}

impl From<FollowedArea> for pb::FollowedArea {
    fn from(area: FollowedArea) -> Self {
        let corner = |latitude, longitude| Some(pb::LatLng { latitude, longitude });
        let (mut area_id, mut bounds, mut circle) = (String::new(), None, None);
        match area.place {
            Place::Area { id, .. } => area_id = id.to_string(),
            Place::Box(Bounds { south, west, north, east }) => {
                bounds = Some(pb::BoundingBox { low: corner(south, west), high: corner(north, east) });
            }
            Place::Circle { center, radius_m } => {
                circle = Some(pb::Circle { center: corner(center.latitude, center.longitude), radius_m });
            }
        }
        Self {
            followed_area_id: area.id.to_string(),
            display_name: area.name,
            area_id,
            bounds,
            circle,
            topics: area.topics.iter().map(|topic| i32::from(topic.number())).collect(),
            create_time: Some(time::to_proto(area.created)),
            etag: area.version.etag(),
        }
    }
}
