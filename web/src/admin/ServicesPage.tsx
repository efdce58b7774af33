// How every service is: version, dependencies, ways to it.
import { useQuery } from "@connectrpc/connect-query";
import { RefreshCw } from "lucide-react";
import type { Dependency } from "~/gen/kvartal/host/v1/host_pb.js";
import {
  type Endpoint,
  EndpointState,
  OperationsService,
  type ServiceReport,
} from "~/gen/kvartal/operations/v1/operations_pb.js";
import { useText } from "~/i18n/text";
import { Ago, Badge, Button, Card, Notice, Page, ProblemNotice, Skeleton, type Tone } from "~/kit";
import { adminText } from "./admin.text";
import { servicesText } from "./services.text";

/** How often the page asks again. */
const EVERY_MS = 5_000;

export function ServicesPage() {
  const admin = useText(adminText);
  const text = useText(servicesText);
  const query = useQuery(OperationsService.method.listServices, {}, { refetchInterval: EVERY_MS });
  const services = query.data?.services ?? [];
  const ill = services.filter((service) => !isWell(service));
  return (
    <Page
      title={text.title}
      lead={text.lead}
      actions={
        <Button
          icon={<RefreshCw aria-hidden="true" />}
          busy={query.isRefetching}
          onClick={() => query.refetch()}
        >
          {admin.refresh}
        </Button>
      }
    >
      {query.error && <ProblemNotice error={query.error} onRetry={() => query.refetch()} />}
      {query.isPending && <Skeleton lines={6} />}
      {query.data && (
        <Notice
          tone={ill.length === 0 ? "good" : "danger"}
          title={
            ill.length === 0 ? text.allWell : text.someIll(ill.map((service) => service.service).join(", "))
          }
        />
      )}
      <div className="service-grid">
        {services.map((service) => (
          <ServiceCard key={service.service} service={service} />
        ))}
      </div>
    </Page>
  );
}

function isWell({ status }: ServiceReport): boolean {
  return status?.serving === true && status.failedTasks.length === 0;
}

function ServiceCard({ service }: { service: ServiceReport }) {
  const text = useText(servicesText);
  const { status, problem, endpoints } = service;
  const tone: Tone = isWell(service) ? "good" : "danger";
  const word = !status ? text.silent : status.serving ? text.serving : text.notServing;
  return (
    <Card title={service.service} actions={<Badge tone={tone}>{word}</Badge>}>
      {problem && <p>{problem}</p>}
      {status && (
        <p className="soft">
          {text.version} <code>{status.version}</code>
        </p>
      )}
      {status && status.failedTasks.length > 0 && (
        <Notice tone="danger" title={text.failedTasks}>
          <p>{status.failedTasks.join(", ")}</p>
        </Notice>
      )}
      {status && (
        <section className="stack">
          <h3>{text.dependencies}</h3>
          <ul className="list">
            {status.dependencies.map((dependency) => (
              <DependencyLine key={dependency.name} dependency={dependency} />
            ))}
          </ul>
        </section>
      )}
      {status && (
        <section className="stack">
          <h3>{text.ways}</h3>
          {endpoints.length === 0 ? (
            <p className="soft">{text.sameProcess}</p>
          ) : (
            <Endpoints endpoints={endpoints} />
          )}
        </section>
      )}
    </Card>
  );
}

function DependencyLine({ dependency }: { dependency: Dependency }) {
  const text = useText(servicesText);
  const { name, up, required, sinceTime, lastError } = dependency;
  return (
    <li className="dependency">
      <span>
        {name} {!required && <span className="hint">{text.optional}</span>}
      </span>
      <Badge tone={up ? "good" : required ? "danger" : "warn"}>{up ? text.up : text.down}</Badge>
      <span className="hint">
        {text.since} <Ago time={sinceTime} />
        {lastError && ` · ${text.lastError}: ${lastError}`}
      </span>
    </li>
  );
}

const ENDPOINT_TONE: { readonly [state in EndpointState]: Tone } = {
  [EndpointState.UNSPECIFIED]: "neutral",
  [EndpointState.OPEN]: "good",
  [EndpointState.SHUT]: "danger",
  [EndpointState.PROBING]: "warn",
};

function Endpoints({ endpoints }: { endpoints: readonly Endpoint[] }) {
  const text = useText(servicesText);
  return (
    <ul className="list">
      {endpoints.map((endpoint) => (
        <li key={endpoint.address} className="dependency">
          <code>{endpoint.address}</code>
          <Badge tone={ENDPOINT_TONE[endpoint.state]}>{text.endpoint[endpoint.state]}</Badge>
          <span className="hint">
            {text.load(endpoint.connectionCount, endpoint.pendingCount, Number(endpoint.ejectionCount))}
            {endpoint.lastError && ` · ${text.lastError}: ${endpoint.lastError}`}
          </span>
        </li>
      ))}
    </ul>
  );
}
