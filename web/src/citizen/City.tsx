// The city at a glance.
import "./citizen.css";
import { useQuery } from "@connectrpc/connect-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { lazy, type ReactNode, Suspense } from "react";
import { useAreas } from "~/domain/catalogue";
import { OPEN_INCIDENTS, OPEN_REPORTS } from "~/domain/incidents";
import { IncidentService, LaneState } from "~/gen/kvartal/incident/v1/incident_pb.js";
import { ReportService, ReportStatus } from "~/gen/kvartal/incident/v1/report_pb.js";
import { useText } from "~/i18n/text";
import { Card, Empty, Page, ProblemNotice, Select, Skeleton, Stat } from "~/kit";
import { useLater } from "~/platform/useLater";
import { IncidentLine, ReportLine } from "./cards";
import { citizenText } from "./citizen.text";
import { useFreshIncidents } from "./data";
import { cityRoute, trafficNow } from "./routes";

// For whoever has chosen a district.
const loadFollowing = () => import("./FollowArea");
// Traffic has many messages: the rest of the page does not wait for them.
const Score = lazy(async () => ({ default: (await trafficNow()).ScoreCard }));
const Jams = lazy(async () => ({ default: (await trafficNow()).JamsNow }));

/** So many are counted; of more it is said that there are more. */
const MOST = 100;
const SHOWN = 6;

export function City(): ReactNode {
  const text = useText(citizenText);
  const { area = "" } = cityRoute.useSearch();
  const navigate = useNavigate();
  const { areas, name } = useAreas();
  const following = useLater(loadFollowing, area !== "");
  useFreshIncidents();
  const incidents = useQuery(IncidentService.method.listIncidents, {
    pageSize: MOST,
    filter: { statuses: [...OPEN_INCIDENTS], areaId: area },
  });
  const open = useQuery(ReportService.method.listReports, {
    pageSize: MOST,
    filter: { statuses: OPEN_REPORTS.filter((status) => status !== ReportStatus.FIXED), areaId: area },
  });
  // Only counted, so after what is read.
  const fixed = useQuery(
    ReportService.method.listReports,
    { pageSize: MOST, filter: { statuses: [ReportStatus.FIXED], areaId: area } },
    { enabled: !open.isPending },
  );
  const list = incidents.data?.incidents;
  const blocked = list?.filter((incident) => incident.lanes.includes(LaneState.BLOCKED)).length;
  return (
    <Page
      title={text.city}
      lead={text.cityLead}
      actions={
        <>
          {area && following && <following.FollowArea areaId={area} name={name(area)} />}
          <Select
            label={text.area}
            quietLabel
            value={area}
            onChange={({ currentTarget }) =>
              navigate({
                to: "/",
                search: currentTarget.value ? { area: currentTarget.value } : {},
                replace: true,
              })
            }
          >
            <option value="">{text.wholeCity}</option>
            {areas.map(({ areaId, displayName }) => (
              <option key={areaId} value={areaId}>
                {displayName}
              </option>
            ))}
          </Select>
        </>
      }
    >
      <Suspense
        fallback={
          <Card className="score-card">
            <Skeleton />
          </Card>
        }
      >
        <Score />
      </Suspense>
      <div className="stats">
        <Stat label={text.openIncidents} value={count(list?.length, incidents.data)} />
        <Stat label={text.blocked} value={count(blocked, incidents.data)} />
        <Stat label={text.openReports} value={count(open.data?.reports.length, open.data)} />
        <Stat label={text.fixedReports} value={count(fixed.data?.reports.length, fixed.data)} />
      </div>
      <div className="columns">
        <Card
          title={text.incidents}
          actions={
            <Link to="/map" search={area ? { area } : {}}>
              {text.onMap}
            </Link>
          }
        >
          {incidents.isPending && <Skeleton lines={8} />}
          {incidents.isError && <ProblemNotice error={incidents.error} onRetry={() => incidents.refetch()} />}
          {list?.length === 0 && (
            <Empty title={text.noIncidents}>
              <p>{text.noIncidentsLead}</p>
            </Empty>
          )}
          <ul className="list">
            {list?.slice(0, SHOWN).map((incident) => (
              <li key={incident.incidentId}>
                <IncidentLine incident={incident} />
              </li>
            ))}
          </ul>
        </Card>
        <Suspense
          fallback={
            <Card>
              <Skeleton lines={8} />
            </Card>
          }
        >
          <Jams />
        </Suspense>
        <Card
          title={text.latestReports}
          actions={
            <Link to="/reports" search={area ? { area } : {}}>
              {text.all}
            </Link>
          }
        >
          {open.isPending && <Skeleton lines={8} />}
          {open.isError && <ProblemNotice error={open.error} onRetry={() => open.refetch()} />}
          <ul className="list">
            {open.data?.reports.slice(0, SHOWN).map((report) => (
              <li key={report.reportId}>
                <ReportLine report={report} />
              </li>
            ))}
          </ul>
        </Card>
      </div>
    </Page>
  );
}

/** With a plus when only a part has been counted. */
function count(value: number | undefined, page: { nextPageToken: string } | undefined): string {
  return value === undefined ? "–" : page?.nextPageToken ? `${value}+` : String(value);
}
