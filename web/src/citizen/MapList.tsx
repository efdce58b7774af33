// What is in sight on the map, as a list: everything the map does can be done here.
import { MapPin } from "lucide-react";
import type { ReactNode } from "react";
import { useText } from "~/i18n/text";
import { Button, Card, Empty } from "~/kit";
import { type Bounds, inBounds, type Pin } from "~/map/types";
import { citizenText } from "./citizen.text";

const LISTED = 40;

export interface MapLine {
  readonly pin: Pin;
  readonly line: ReactNode;
}

export function MapList({
  lines,
  bounds,
  selected,
  onShow,
}: {
  lines: readonly MapLine[];
  bounds: Bounds | undefined;
  selected: string | undefined;
  onShow: (pin: Pin) => void;
}) {
  const text = useText(citizenText);
  const near = bounds ? lines.filter(({ pin }) => inBounds(pin, bounds)) : lines;
  // What was chosen on the map stands first, so that it is found without looking for it.
  const ordered = [...near].sort((a, b) => Number(b.pin.id === selected) - Number(a.pin.id === selected));
  return (
    <Card title={text.list} actions={<span className="hint">{text.count(near.length)}</span>}>
      {near.length === 0 && (
        <Empty title={text.nothingInSight}>
          <p>{text.nothingInSightLead}</p>
        </Empty>
      )}
      <ul className="list">
        {ordered.slice(0, LISTED).map(({ pin, line }) => (
          <li key={pin.id} className={pin.id === selected ? "chosen" : undefined}>
            {line}
            <Button
              className="button-small"
              icon={<MapPin aria-hidden="true" />}
              onClick={() => onShow(pin)}
              aria-label={`${text.onMap}: ${pin.label}`}
            >
              {text.onMap}
            </Button>
          </li>
        ))}
      </ul>
    </Card>
  );
}
