//! What events of roads and incidents mean for those who follow areas.

use kvartal_events::Event;
use kvartal_kernel::Error;
use kvartal_kernel::geo::LatLng;
use kvartal_proto::incident::v1 as incident;
use kvartal_proto::traffic::v1 as traffic;

use super::somebody;
use crate::domain::{AreaNews, Arisen, Kind, Over};

/// What the event means; `None` for one that means nothing to them.
pub(super) fn news(event: &Event) -> Result<Option<AreaNews>, Error> {
    if event.is::<traffic::JamStarted>() {
        let said: traffic::JamStarted = event.decode()?;
        Ok(said.jam.map(jam))
    } else if event.is::<traffic::JamEnded>() {
        let said: traffic::JamEnded = event.decode()?;
        Ok(said.jam.map(|jam| {
            // One that was taken in by another goes on under its name.
            let told = jam.merged_into_jam_id.is_empty().then_some(Kind::AreaJamsEnded);
            AreaNews::Over(Over { kind: Kind::AreaJams, subject: jam.jam_id, told })
        }))
    } else if event.is::<traffic::DetectorFailed>() {
        let said: traffic::DetectorFailed = event.decode()?;
        Ok(Some(AreaNews::Arisen(Arisen {
            kind: Kind::AreaDetectors,
            spot: said.detector_id.clone(),
            points: said.location.into_iter().filter_map(|at| LatLng::new(at.latitude, at.longitude)).collect(),
            line: named(&[&said.display_name, &said.detector_id]),
            link: format!("/dispatch/detectors/{}", said.detector_id),
            subject: said.detector_id,
            except: None,
        })))
    } else if event.is::<traffic::DetectorRecovered>() {
        let said: traffic::DetectorRecovered = event.decode()?;
        Ok(Some(AreaNews::Over(Over { kind: Kind::AreaDetectors, subject: said.detector_id, told: None })))
    } else if event.is::<incident::IncidentCreated>() {
        let said: incident::IncidentCreated = event.decode()?;
        Ok(said.incident.map(incident_created))
    } else if event.is::<incident::ReportReceived>() {
        let said: incident::ReportReceived = event.decode()?;
        let reporter = somebody("reporter_id", &said.reporter_id)?;
        let visible = said.report.filter(|report| !report.hidden);
        Ok(visible.map(|report| {
            AreaNews::Arisen(Arisen {
                kind: Kind::AreaReports,
                spot: String::new(),
                points: report.location.into_iter().filter_map(|at| LatLng::new(at.latitude, at.longitude)).collect(),
                line: named(&[&report.address, &report.tracking_number]),
                link: format!("/reports/{}", report.report_id),
                subject: report.report_id,
                except: reporter,
            })
        }))
    } else {
        Ok(None)
    }
}

fn jam(jam: traffic::Jam) -> AreaNews {
    let line = named(&[&jam.display_name, &jam.corridor, &jam.jam_id]);
    // The bottleneck is a place: what forms there again is the same jam to those who pass it.
    let spot = jam.segment_ids.first().cloned().unwrap_or_else(|| line.clone());
    AreaNews::Arisen(Arisen {
        kind: Kind::AreaJams,
        spot,
        points: jam.head_location.into_iter().filter_map(|at| LatLng::new(at.latitude, at.longitude)).collect(),
        line,
        link: format!("/jams/{}", jam.jam_id),
        subject: jam.jam_id,
        except: None,
    })
}

fn incident_created(incident: incident::Incident) -> AreaNews {
    let place = incident.place.unwrap_or_default();
    AreaNews::Arisen(Arisen {
        kind: Kind::AreaIncidents,
        spot: String::new(),
        points: place.points.iter().filter_map(|at| LatLng::new(at.latitude, at.longitude)).collect(),
        line: named(&[&incident.title, &place.address, &place.road]),
        link: format!("/incidents/{}", incident.incident_id),
        subject: incident.incident_id,
        except: None,
    })
}

/// The first that says something, in one line of bounded length.
fn named(names: &[&str]) -> String {
    const CHARS_MAX: usize = 200;
    let name = names.iter().find(|name| !name.trim().is_empty()).copied().unwrap_or_default();
    name.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(CHARS_MAX).collect()
}
