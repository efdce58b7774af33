// An incident and a report as lines of lists; drawn anew when they change, not with every answer that their page gets.
import { Link } from "@tanstack/react-router";
import { memo } from "react";
import { useAreas, useCategories } from "~/domain/catalogue";
import { incidentText, incidentTone, priorityTone, reportTone } from "~/domain/incidents";
import { type Incident, LaneState, Priority } from "~/gen/kvartal/incident/v1/incident_pb.js";
import type { Report } from "~/gen/kvartal/incident/v1/report_pb.js";
import { useText } from "~/i18n/text";
import { Ago, Badge } from "~/kit";
import { citizenText } from "./citizen.text";
import { whereOf } from "./data";

export const IncidentLine = memo(({ incident }: { incident: Incident }) => {
  const words = useText(incidentText);
  const text = useText(citizenText);
  const { name } = useAreas();
  const closed = incident.lanes.filter((lane) => lane === LaneState.BLOCKED).length;
  return (
    <article className="line">
      <h3>
        <Link to="/incidents/$incidentId" params={{ incidentId: incident.incidentId }}>
          {incident.title}
        </Link>
      </h3>
      <p className="row">
        <Badge tone={incidentTone[incident.status]}>{words.incidentStatus[incident.status]}</Badge>
        <Badge>{words.kind[incident.kind]}</Badge>
        {incident.priority >= Priority.HIGH && (
          <Badge tone={priorityTone[incident.priority]}>{words.priority[incident.priority]}</Badge>
        )}
        {closed > 0 && (
          <span className="lanes" title={words.lane[LaneState.BLOCKED]}>
            {`${closed}/${incident.lanes.length}`}
          </span>
        )}
      </p>
      <p className="hint">
        {[whereOf(incident) || text.unknownPlace, name(incident.areaId)].filter(Boolean).join(" · ")}
        {" · "}
        <Ago time={incident.updateTime} />
      </p>
    </article>
  );
});

export const ReportLine = memo(({ report }: { report: Report }) => {
  const words = useText(incidentText);
  const text = useText(citizenText);
  const { name } = useCategories();
  const area = useAreas();
  const photo = report.photoIds[0];
  return (
    <article className="line line-report">
      {photo && (
        <img
          className="thumb"
          src={`/photos/${photo}?thumbnail=true`}
          alt=""
          width={72}
          height={72}
          loading="lazy"
        />
      )}
      <div className="grow">
        <h3>
          <Link to="/reports/$report" params={{ report: report.reportId }}>
            {name(report.categoryId)}
          </Link>
        </h3>
        <p className="row">
          <Badge tone={reportTone[report.status]}>{words.reportStatus[report.status]}</Badge>
          <code className="hint">{report.trackingNumber}</code>
        </p>
        <p className="clamp">{report.description}</p>
        <p className="hint">
          {[report.address || text.unknownPlace, area.name(report.areaId)].filter(Boolean).join(" · ")}
          {" · "}
          <Ago time={report.updateTime} />
        </p>
      </div>
    </article>
  );
});
