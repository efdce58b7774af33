// Tells of new incidents in the parts of the city that this device follows while nobody is signed in.
import { useRef } from "react";
import { useFollowedAreas } from "~/citizen/areaAlerts";
import { citizenText } from "~/citizen/citizen.text";
import { whereOf } from "~/citizen/data";
import { useAreas } from "~/domain/catalogue";
import { type Incident, IncidentStatus } from "~/gen/kvartal/incident/v1/incident_pb.js";
import { useText } from "~/i18n/text";
import { toast } from "~/kit";
import { useSession } from "~/platform/session";
import { useTopic } from "~/platform/streams";
import { incidents } from "~/platform/topics";

export default function AreaAlerts() {
  const text = useText(citizenText);
  const followed = useFollowedAreas();
  // Whoever is signed in is told by the platform.
  const signedIn = useSession() !== undefined;
  const { name } = useAreas();
  const told = useRef(new Set<string>());
  const tell = (incident: Incident) => {
    const fresh = incident.status === IncidentStatus.NEW && followed.includes(incident.areaId);
    if (!fresh || told.current.has(incident.incidentId)) return;
    told.current.add(incident.incidentId);
    const message = text.areaNews(name(incident.areaId), incident.title);
    if (!document.hidden || !notified(message, incident)) toast(message);
  };
  useTopic(
    incidents,
    ({ incident }) => incident && tell(incident),
    () => {},
    followed.length > 0 && !signedIn,
  );
  return null;
}

/** Whether the device says it. Telephones offer that to service workers only, and refuse it here. */
function notified(message: string, incident: Incident): boolean {
  if (!("Notification" in window) || Notification.permission !== "granted") return false;
  try {
    new Notification(message, { body: whereOf(incident), tag: incident.incidentId });
    return true;
  } catch {
    return false;
  }
}
