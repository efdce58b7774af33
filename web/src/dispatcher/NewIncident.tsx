// Logging an incident: what, where, log. Everything else has a good default and can be changed before or afterwards.
import { useMutation } from "@connectrpc/connect-query";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useAreas } from "~/domain/catalogue";
import { incidentText, priorityTone } from "~/domain/incidents";
import {
  Direction,
  type Incident,
  IncidentKind,
  IncidentService,
  type LaneState,
  Priority,
} from "~/gen/kvartal/incident/v1/incident_pb.js";
import { useText } from "~/i18n/text";
import {
  Button,
  Dialog,
  ProblemNotice,
  Segmented,
  Select,
  TextArea,
  TextField,
  toast,
  useTyped,
} from "~/kit";
import type { Point } from "~/map/types";
import { uuid } from "~/platform/transport";
import { numbersOf } from "./boardSearch";
import { dispatchText } from "./dispatch.text";
import { LaneEditor } from "./LaneEditor";
import { newIncidentText } from "./newIncident.text";
import { Where } from "./Where";

const KINDS = numbersOf<IncidentKind>(IncidentKind);
const PRIORITIES = numbersOf<Priority>(Priority);

/** How pressing a kind usually is. */
function usual(kind: IncidentKind): Priority {
  if (kind === IncidentKind.CRASH) return Priority.CRITICAL;
  if (kind === IncidentKind.HAZARD || kind === IncidentKind.CLOSURE) return Priority.HIGH;
  return kind === IncidentKind.EVENT || kind === IncidentKind.ROADWORK ? Priority.LOW : Priority.NORMAL;
}

export function NewIncident({
  onClose,
  onLogged,
}: {
  onClose: () => void;
  onLogged: (incident: Incident) => void;
}) {
  const text = useText(newIncidentText);
  const dispatch = useText(dispatchText);
  const words = useText(incidentText);
  const { zones } = useAreas();
  const [requestId] = useState(uuid);
  const [kind, setKind] = useState<IncidentKind>();
  const [priority, setPriority] = useState<Priority>();
  const [at, setAt] = useState<Partial<Point>>({});
  // A place has both.
  const point = at.lat !== undefined && at.lng !== undefined ? { lat: at.lat, lng: at.lng } : undefined;
  const [lanes, setLanes] = useState<readonly LaneState[]>([]);
  const [missing, setMissing] = useState(false);
  const create = useMutation(IncidentService.method.createIncident, {
    onSuccess: ({ incident }) => {
      toast(text.logged);
      if (incident) onLogged(incident);
    },
  });
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), []);
  const latitude = useTyped(String(at.lat ?? ""), (text) => setAt({ ...at, lat: degrees(text) }));
  const longitude = useTyped(String(at.lng ?? ""), (text) => setAt({ ...at, lng: degrees(text) }));
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setMissing(!kind || !point);
    if (!kind || !point) return;
    const form = new FormData(event.currentTarget);
    const value = (name: string) => String(form.get(name) ?? "").trim();
    const address = value("address");
    create.mutate({
      requestId,
      kind,
      priority: priority ?? usual(kind),
      title: value("title") || [words.kind[kind], address].filter(Boolean).join(", "),
      description: value("description"),
      place: {
        points: [{ latitude: point.lat, longitude: point.lng }],
        address,
        road: "",
        direction: Number(value("direction")),
      },
      lanes: [...lanes],
    });
  };
  const chosen = kind && (priority ?? usual(kind));
  return (
    <Dialog title={dispatch.newIncident} onClose={onClose}>
      <form className="stack new-incident" onSubmit={submit} noValidate>
        <fieldset className="kinds">
          <legend className="legend">{text.what}</legend>
          {KINDS.map((each, index) => (
            <label key={each} className="pick">
              <input
                ref={index === 0 ? first : undefined}
                type="radio"
                name="kind"
                checked={each === kind}
                onChange={() => setKind(each)}
              />
              <span>{words.kind[each]}</span>
            </label>
          ))}
        </fieldset>
        <div className="stack">
          <p className="legend">{text.where}</p>
          <Where label={text.where} place={point} onPick={setAt} />
          <div className="new-place">
            <Select
              label={dispatch.area}
              value=""
              onChange={(event) => {
                const zone = zones.find((each) => each.id === event.target.value);
                if (zone) setAt(middle(zone.boundary));
              }}
            >
              <option value="">{text.byArea}</option>
              {zones.map((zone) => (
                <option key={zone.id} value={zone.id}>
                  {zone.name}
                </option>
              ))}
            </Select>
            <TextField label={text.latitude} inputMode="decimal" {...latitude} />
            <TextField label={text.longitude} inputMode="decimal" {...longitude} />
          </div>
          <TextField label={text.address} name="address" maxLength={300} placeholder={text.addressExample} />
        </div>
        <details>
          <summary>{text.more}</summary>
          <div className="stack">
            <TextField label={text.title} name="title" maxLength={200} hint={text.titleHint} />
            <TextArea label={text.description} name="description" maxLength={4000} rows={3} />
            <Select label={text.direction} name="direction" defaultValue={Direction.UNKNOWN}>
              {numbersOf<Direction>(Direction).map((each) => (
                <option key={each} value={each}>
                  {words.direction[each]}
                </option>
              ))}
            </Select>
            <LaneEditor lanes={lanes} onChange={setLanes} />
          </div>
        </details>
        {chosen && (
          <Segmented
            label={text.priority}
            value={String(chosen)}
            options={PRIORITIES.map((each) => ({
              value: String(each),
              label: <span className={`tone-text-${priorityTone[each]}`}>{words.priority[each]}</span>,
            }))}
            onChange={(value) => setPriority(Number(value))}
          />
        )}
        {missing && (!kind || !point) && (
          <p className="field-error" role="alert">
            {kind ? text.noPlace : text.noKind}
          </p>
        )}
        {create.error && <ProblemNotice error={create.error} />}
        <div className="row row-end">
          <Button onClick={onClose}>{dispatch.cancel}</Button>
          <Button look="primary" type="submit" busy={create.isPending}>
            {text.log}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** With a point or a comma; nothing for what is no number. */
function degrees(text: string): number | undefined {
  const number = Number(text.replace(",", "."));
  return text.trim() === "" || Number.isNaN(number) ? undefined : number;
}

function middle(ring: readonly Point[]): Point {
  const mean = (pick: (point: Point) => number) =>
    Math.round((ring.reduce((sum, point) => sum + pick(point), 0) / Math.max(ring.length, 1)) * 1e6) / 1e6;
  return { lat: mean((point) => point.lat), lng: mean((point) => point.lng) };
}
