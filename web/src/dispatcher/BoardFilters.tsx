// The filters of the board; all of them stand in the address.
import { SlidersHorizontal } from "lucide-react";
import { useAreas, useCategories } from "~/domain/catalogue";
import { incidentText, OPEN_INCIDENTS, OPEN_REPORTS } from "~/domain/incidents";
import { IncidentKind, IncidentStatus, Priority } from "~/gen/kvartal/incident/v1/incident_pb.js";
import { ReportStatus } from "~/gen/kvartal/incident/v1/report_pb.js";
import { useText } from "~/i18n/text";
import { Button, Checkbox, Select, TextField, useTyped } from "~/kit";
import { type BoardSearch, numbersOf } from "./boardSearch";
import { dispatchText } from "./dispatch.text";

interface Props {
  search: BoardSearch;
  onChange: (part: BoardSearch, replace?: boolean) => void;
}

export function BoardFilters({ search, onChange }: Props) {
  const text = useText(dispatchText);
  const words = useText(incidentText);
  const wanted = useTyped(search.q ?? "", (q) => onChange({ q: q || undefined }, true));
  const { areas } = useAreas();
  const count = [
    search.status,
    search.kind,
    search.category,
    search.priority,
    search.area,
    search.mine,
  ].filter((each) => each !== undefined).length;
  const reset: BoardSearch = {
    status: undefined,
    kind: undefined,
    category: undefined,
    priority: undefined,
    area: undefined,
    mine: undefined,
    q: undefined,
  };
  return (
    <div className="board-filters">
      <TextField
        id="board-search"
        label={text.search}
        quietLabel
        placeholder={text.search}
        type="search"
        {...wanted}
      />
      <details className="board-more" open={count > 0 || undefined}>
        <summary>
          <SlidersHorizontal aria-hidden="true" />
          {count > 0 ? `${text.filters} (${count})` : text.filters}
        </summary>
        <div className="board-fields">
          <StatusFilter search={search} onChange={onChange} />
          {search.list === "reports" ? (
            <CategoryFilter search={search} onChange={onChange} />
          ) : (
            <>
              <Choice
                label={text.kind}
                values={numbersOf<IncidentKind>(IncidentKind)}
                chosen={search.kind}
                name={(kind) => words.kind[kind]}
                onChange={(kind) => onChange({ kind })}
              />
              <Select
                label={text.priority}
                value={search.priority ?? Priority.UNSPECIFIED}
                onChange={(event) => onChange({ priority: Number(event.target.value) || undefined })}
              >
                <option value={Priority.UNSPECIFIED}>{text.any}</option>
                {numbersOf<Priority>(Priority).map((priority) => (
                  <option key={priority} value={priority}>
                    {words.priority[priority]}
                  </option>
                ))}
              </Select>
            </>
          )}
          <Select
            label={text.area}
            value={search.area ?? ""}
            onChange={(event) => onChange({ area: event.target.value || undefined })}
          >
            <option value="">{text.any}</option>
            {areas.map((area) => (
              <option key={area.areaId} value={area.areaId}>
                {area.displayName}
              </option>
            ))}
          </Select>
          {search.list !== "reports" && (
            <Checkbox
              label={text.mine}
              checked={search.mine ?? false}
              onChange={(event) => onChange({ mine: event.target.checked || undefined })}
            />
          )}
          {count > 0 && <Button onClick={() => onChange(reset)}>{text.reset}</Button>}
        </div>
      </details>
    </div>
  );
}

function StatusFilter({ search, onChange }: Props) {
  const text = useText(dispatchText);
  const words = useText(incidentText);
  const reports = search.list === "reports";
  const known = reports ? numbersOf<number>(ReportStatus) : numbersOf<number>(IncidentStatus);
  const open: readonly number[] = reports ? OPEN_REPORTS : OPEN_INCIDENTS;
  const name = (status: number) =>
    reports ? words.reportStatus[status as ReportStatus] : words.incidentStatus[status as IncidentStatus];
  return (
    <Choice
      label={text.status}
      values={known}
      chosen={search.status ?? [...open]}
      name={name}
      onChange={(status) => {
        const usual = status?.length === open.length && status.every((each) => open.includes(each));
        onChange({ status: usual ? undefined : status });
      }}
    />
  );
}

function CategoryFilter({ search, onChange }: Props) {
  const text = useText(dispatchText);
  const { categories, name } = useCategories();
  return (
    <Select
      label={text.category}
      value={search.category?.[0] ?? ""}
      onChange={(event) => onChange({ category: event.target.value ? [event.target.value] : undefined })}
    >
      <option value="">{text.any}</option>
      {categories.map(({ categoryId }) => (
        <option key={categoryId} value={categoryId}>
          {name(categoryId)}
        </option>
      ))}
    </Select>
  );
}

/** Any number of a few. */
function Choice<V extends number>({
  label,
  values,
  chosen = [],
  name,
  onChange,
}: {
  label: string;
  values: readonly V[];
  chosen?: readonly V[];
  name: (value: V) => string;
  onChange: (chosen: V[] | undefined) => void;
}) {
  const toggle = (value: V, on: boolean) => {
    const next = values.filter((each) => (each === value ? on : chosen.includes(each)));
    onChange(next.length > 0 ? next : undefined);
  };
  return (
    <fieldset className="choice">
      <legend className="legend">{label}</legend>
      {values.map((value) => (
        <Checkbox
          key={value}
          label={name(value)}
          checked={chosen.includes(value)}
          onChange={(event) => toggle(value, event.target.checked)}
        />
      ))}
    </fieldset>
  );
}
