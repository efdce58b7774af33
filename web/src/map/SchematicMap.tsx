// The city as a plan in SVG: for devices without WebGL. It shows and does the same as the other map.
import { ArrowDown, ArrowLeft, ArrowRight, ArrowUp, Minus, Plus } from "lucide-react";
import { type KeyboardEvent, type MouseEvent, useEffect, useRef, useState } from "react";
import { useText } from "~/i18n/text";
import { Button } from "~/kit";
import type { SceneryLine } from "~/platform/site";
import { mapText } from "./map.text";
import { inBounds, type MapProps, type Pin, type Point, type View, ZOOM_MAX, ZOOM_MIN } from "./types";

/** What keys do: how far to the right, upwards, and nearer. */
const KEYS = new Map<string, readonly [right: number, up: number, zoom: number]>([
  ["ArrowUp", [0, 1, 0]],
  ["ArrowDown", [0, -1, 0]],
  ["ArrowLeft", [-1, 0, 0]],
  ["ArrowRight", [1, 0, 0]],
  ["+", [0, 0, 1]],
  ["=", [0, 0, 1]],
  ["-", [0, 0, -1]],
]);
const WIDTH = 800;
const HEIGHT = 560;

/** Between places and pixels of the plan; good enough within a city. */
function projection(view: View) {
  const perDegree = (512 * 2 ** view.zoom) / 360;
  const stretch = 1 / Math.cos((view.lat * Math.PI) / 180);
  return {
    x: (lng: number) => WIDTH / 2 + (lng - view.lng) * perDegree,
    y: (lat: number) => HEIGHT / 2 - (lat - view.lat) * perDegree * stretch,
    place: (x: number, y: number): Point => ({
      lng: view.lng + (x - WIDTH / 2) / perDegree,
      lat: view.lat - (y - HEIGHT / 2) / (perDegree * stretch),
    }),
  };
}

export function SchematicMap({
  label,
  pins = [],
  flows = [],
  zones = [],
  selected,
  onSelect,
  view: asked,
  onView,
  place,
  onPick,
  scenery,
  note,
}: MapProps & { scenery: readonly SceneryLine[]; note?: string }) {
  const text = useText(mapText);
  const [view, setView] = useState(asked);
  const tell = useRef(onView);
  useEffect(() => {
    tell.current = onView;
  });
  const { lat, lng, zoom } = asked;
  useEffect(() => setView({ lat, lng, zoom }), [lat, lng, zoom]);
  useEffect(() => {
    const { place } = projection(view);
    tell.current?.(view, { low: place(0, HEIGHT), high: place(WIDTH, 0) }, false);
  }, [view]);
  const { x, y, place: placeAt } = projection(view);
  const path = (points: readonly Point[]) =>
    points.map((p) => `${x(p.lng).toFixed(1)},${y(p.lat).toFixed(1)}`).join(" ");
  const bounds = { low: placeAt(-20, HEIGHT + 20), high: placeAt(WIDTH + 20, -20) };
  const move = (right: number, up: number) =>
    setView({ ...view, ...placeAt(WIDTH / 2 + right * 160, HEIGHT / 2 - up * 120) });
  const scale = (by: number) =>
    setView({ ...view, zoom: Math.min(ZOOM_MAX, Math.max(ZOOM_MIN, view.zoom + by)) });
  const onKeyDown = (event: KeyboardEvent) => {
    const [right, up, zoom] = KEYS.get(event.key) ?? [0, 0, 0];
    if (right || up) move(right, up);
    else if (zoom) scale(zoom);
    else return;
    event.preventDefault();
  };
  const click = (event: MouseEvent<SVGSVGElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    // The plan is fitted into the box with equal scales, centred.
    const ratio = Math.max(WIDTH / box.width, HEIGHT / box.height);
    const right = (event.clientX - box.left - box.width / 2) * ratio + WIDTH / 2;
    const down = (event.clientY - box.top - box.height / 2) * ratio + HEIGHT / 2;
    onPick?.(placeAt(right, down));
  };
  return (
    <div className="map schematic">
      <div
        className="schematic-sheet"
        role="application"
        aria-label={label}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
        tabIndex={0}
        onKeyDown={onKeyDown}
      >
        {/* biome-ignore lint/a11y/useKeyWithClickEvents: the button below picks the middle by keyboard */}
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label} onClick={onPick && click}>
          <rect width={WIDTH} height={HEIGHT} className="plan-ground" />
          {zones.map((zone) => (
            <polygon
              key={zone.id}
              points={path(zone.boundary)}
              className={zone.chosen ? "plan-chosen" : "plan-zone"}
            />
          ))}
          {scenery.map((line, index) => (
            <polyline
              // biome-ignore lint/suspicious/noArrayIndexKey: the plan never changes
              key={index}
              points={path(line.points.map(([lng, lat]) => ({ lat, lng })))}
              className={`plan-${line.class}`}
            />
          ))}
          {flows
            .filter((flow) => flow.level > 0)
            .map((flow) => (
              <polyline
                key={flow.id}
                points={path(flow.points)}
                className={`plan-flow plan-flow-${flow.level}`}
              />
            ))}
          {pins
            .filter((pin) => inBounds(pin, bounds))
            .map((pin) => (
              <PlanPin
                key={pin.id}
                pin={pin}
                x={x(pin.lng)}
                y={y(pin.lat)}
                selected={pin.id === selected}
                onSelect={onPick ? undefined : onSelect}
              />
            ))}
          {place && <circle cx={x(place.lng)} cy={y(place.lat)} r={10} className="plan-place" />}
        </svg>
      </div>
      {note && <p className="hint">{note}</p>}
      <div className="row">
        <Button iconOnly icon={<Plus aria-hidden="true" />} onClick={() => scale(1)}>
          {text.zoomIn}
        </Button>
        <Button iconOnly icon={<Minus aria-hidden="true" />} onClick={() => scale(-1)}>
          {text.zoomOut}
        </Button>
        <Button iconOnly icon={<ArrowUp aria-hidden="true" />} onClick={() => move(0, 1)}>
          {text.north}
        </Button>
        <Button iconOnly icon={<ArrowDown aria-hidden="true" />} onClick={() => move(0, -1)}>
          {text.south}
        </Button>
        <Button iconOnly icon={<ArrowLeft aria-hidden="true" />} onClick={() => move(-1, 0)}>
          {text.west}
        </Button>
        <Button iconOnly icon={<ArrowRight aria-hidden="true" />} onClick={() => move(1, 0)}>
          {text.east}
        </Button>
      </div>
    </div>
  );
}

function PlanPin({
  pin,
  x,
  y,
  selected,
  onSelect,
}: {
  pin: Pin;
  x: number;
  y: number;
  selected: boolean;
  onSelect: ((id: string) => void) | undefined;
}) {
  const shape = pin.kind === "incident" ? <path d="M0-11 11 0 0 11-11 0Z" /> : <circle r={8} />;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the list beside every map chooses by keyboard
    <g
      transform={`translate(${x.toFixed(1)} ${y.toFixed(1)})`}
      className={`plan-pin plan-${pin.tone} ${selected ? "plan-selected" : ""}`}
      onClick={onSelect && (() => onSelect(pin.id))}
    >
      <title>{pin.label}</title>
      {selected && <circle r={17} className="plan-ring" />}
      {shape}
    </g>
  );
}
