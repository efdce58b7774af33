// Where it is: on the map, by the device's position, or in the middle of what the map shows.
import { Crosshair, LocateFixed } from "lucide-react";
import { useRef, useState } from "react";
import { useAreas } from "~/domain/catalogue";
import { useText } from "~/i18n/text";
import { Button, Card, toast } from "~/kit";
import { MapView } from "~/map/MapView";
import { type Point, type View, viewOf } from "~/map/types";
import { position } from "./data";
import { reportText } from "./report.text";

export function PlaceStep({ place, onPlace }: { place: Point | undefined; onPlace: (place: Point) => void }) {
  const text = useText(reportText);
  const { zones } = useAreas();
  const [busy, setBusy] = useState(false);
  const seen = useRef<View>(undefined);
  const home = viewOf(zones.flatMap((zone) => zone.boundary));
  const view = place ? { ...place, zoom: Math.max(seen.current?.zoom ?? 0, 15) } : home;
  const locate = () => {
    setBusy(true);
    position()
      .then(onPlace, () => toast(text.positionFailed))
      .finally(() => setBusy(false));
  };
  return (
    <Card title={text.place}>
      <div className="row">
        <Button icon={<LocateFixed aria-hidden="true" />} busy={busy} onClick={locate}>
          {text.myPosition}
        </Button>
        <Button
          icon={<Crosshair aria-hidden="true" />}
          // Until it is known where the city lies there is no middle.
          disabled={!view}
          onClick={() => {
            const middle = seen.current ?? home;
            if (middle) onPlace({ lat: middle.lat, lng: middle.lng });
          }}
        >
          {text.pinMiddle}
        </Button>
      </div>
      <div className="map-small">
        {view && (
          <MapView
            beside
            label={text.place}
            view={view}
            zones={zones}
            place={place}
            onPick={onPlace}
            onView={(moved) => {
              seen.current = moved;
            }}
          />
        )}
      </div>
      <p role="status">{place ? text.chosen(place.lat.toFixed(5), place.lng.toFixed(5)) : text.noPlace}</p>
      <p className="hint">{text.placeHint}</p>
    </Card>
  );
}
