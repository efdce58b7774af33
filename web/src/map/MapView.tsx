// A map of the city: drawn by MapLibre where the device can, else as a plan in SVG that does the same. A map beside other
// things is a plan until somebody reaches for it: MapLibre is larger than all the rest of the app.
import "./map.css";
import { useQuery } from "@tanstack/react-query";
import { Component, lazy, type ReactNode, Suspense, startTransition, useState } from "react";
import { useText } from "~/i18n/text";
import { scenery } from "~/platform/site";
import { useShade } from "~/theme/theme";
import { mapText } from "./map.text";
import { SchematicMap } from "./SchematicMap";
import type { MapProps } from "./types";

const GlMap = lazy(() => import("./GlMap"));
let webGl: boolean | undefined;

/** Whether the device draws WebGL 2, asked once. */
function canDrawGl(): boolean {
  webGl ??= document.createElement("canvas").getContext("webgl2") !== null;
  return webGl;
}

export function MapView({ beside = false, ...props }: MapProps & { beside?: boolean }) {
  const text = useText(mapText);
  const [wanted, setWanted] = useState(!beside);
  // A map drawn in other colours is another map.
  const shade = useShade();
  const lines = useQuery(scenery).data ?? [];
  if (!wanted) {
    // Who comes by keyboard stays with the plan, which has a button for everything. It stays until the other map is there.
    return (
      <div className="map-beside" onPointerEnter={() => startTransition(() => setWanted(true))}>
        <SchematicMap {...props} scenery={lines} />
      </div>
    );
  }
  if (!canDrawGl()) return <SchematicMap {...props} scenery={lines} note={text.simple} />;
  return (
    <Fallback render={() => <SchematicMap {...props} scenery={lines} note={text.failed} />}>
      <Suspense fallback={<div className="map map-waiting">{text.loading}</div>}>
        <GlMap key={shade} {...props} scenery={lines} />
      </Suspense>
    </Fallback>
  );
}

/** Draws something else when the map breaks, as when its file cannot be had. */
class Fallback extends Component<{ render: () => ReactNode; children: ReactNode }, { broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError() {
    return { broken: true };
  }

  override render() {
    return this.state.broken ? this.props.render() : this.props.children;
  }
}
