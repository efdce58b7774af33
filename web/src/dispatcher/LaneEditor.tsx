// Lane impact: a box for each lane, from the middle of the road outwards, that goes from free to affected to blocked.
import { Minus, Plus } from "lucide-react";
import { incidentText } from "~/domain/incidents";
import { LaneState } from "~/gen/kvartal/incident/v1/incident_pb.js";
import { defineText, useText } from "~/i18n/text";
import { Button } from "~/kit";

const laneText = defineText({
  en: {
    legend: "Lanes, from the middle outwards",
    lane: (number: number, state: string) => `Lane ${number}: ${state}`,
    add: "One lane more",
    remove: "One lane fewer",
    none: "No lanes given",
  },
  ru: {
    legend: "Полосы, от середины к краю",
    lane: (number, state) => `Полоса ${number}: ${state}`,
    add: "Добавить полосу",
    remove: "Убрать полосу",
    none: "Полосы не указаны",
  },
});

const NEXT: { readonly [state in LaneState]: LaneState } = {
  [LaneState.UNSPECIFIED]: LaneState.AFFECTED,
  [LaneState.FREE]: LaneState.AFFECTED,
  [LaneState.AFFECTED]: LaneState.BLOCKED,
  [LaneState.BLOCKED]: LaneState.FREE,
};
const LANES_MAX = 16;

export function LaneEditor({
  lanes,
  onChange,
  busy = false,
}: {
  lanes: readonly LaneState[];
  onChange: (lanes: LaneState[]) => void;
  busy?: boolean;
}) {
  const text = useText(laneText);
  const words = useText(incidentText);
  return (
    <fieldset disabled={busy}>
      <legend className="legend">{text.legend}</legend>
      <div className="lanes-row">
        {lanes.length === 0 && <span className="soft">{text.none}</span>}
        {lanes.map((state, index) => (
          <button
            // biome-ignore lint/suspicious/noArrayIndexKey: a lane is its place
            key={index}
            type="button"
            className={`lane lane-${LaneState[state]?.toLowerCase()}`}
            aria-label={text.lane(index + 1, words.lane[state])}
            onClick={() => onChange(lanes.map((each, at) => (at === index ? NEXT[each] : each)))}
          >
            <span aria-hidden="true">{index + 1}</span>
            <span aria-hidden="true">{words.lane[state]}</span>
          </button>
        ))}
        <Button
          iconOnly
          icon={<Plus aria-hidden="true" />}
          disabled={lanes.length >= LANES_MAX}
          onClick={() => onChange([...lanes, LaneState.FREE])}
        >
          {text.add}
        </Button>
        <Button
          iconOnly
          icon={<Minus aria-hidden="true" />}
          disabled={lanes.length === 0}
          onClick={() => onChange(lanes.slice(0, -1))}
        >
          {text.remove}
        </Button>
      </div>
    </fieldset>
  );
}
