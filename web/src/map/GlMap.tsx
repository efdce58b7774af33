// The map that MapLibre draws. What it shows are sources of its own; nothing comes from elsewhere.
import "maplibre-gl/dist/maplibre-gl.css";
import type { Feature, FeatureCollection } from "geojson";
import {
  type GeoJSONSource,
  Map as MapLibre,
  type MapMouseEvent,
  NavigationControl,
  setWorkerUrl,
} from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import { useEffect, useId, useRef } from "react";
import { useText } from "~/i18n/text";
import type { SceneryLine } from "~/platform/site";
import { flowFeatures, pinFeatures, placeFeatures, sceneryFeatures, zoneFeatures } from "./features";
import { mapText } from "./map.text";
import { CLICKABLE, drawPins, style } from "./style";
import { type MapProps, ZOOM_MAX, ZOOM_MIN } from "./types";

setWorkerUrl(workerUrl);

export default function GlMap(props: MapProps & { scenery: readonly SceneryLine[] }) {
  const text = useText(mapText);
  const hint = useId();
  const box = useRef<HTMLDivElement>(null);
  const map = useRef<MapLibre>(undefined);
  const latest = useRef(props);
  useEffect(() => {
    latest.current = props;
  });

  // biome-ignore lint/correctness/useExhaustiveDependencies: the map is made once; later changes reach it below
  useEffect(() => {
    if (!box.current) return;
    const { view, label } = latest.current;
    const made = new MapLibre({
      container: box.current,
      style: style(getComputedStyle(document.documentElement)),
      center: [view.lng, view.lat],
      zoom: view.zoom,
      minZoom: ZOOM_MIN,
      maxZoom: ZOOM_MAX,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      attributionControl: false,
      fadeDuration: 0,
      locale: {
        "Map.Title": label,
        "NavigationControl.ZoomIn": text.zoomIn,
        "NavigationControl.ZoomOut": text.zoomOut,
      },
    });
    made.touchZoomRotate.disableRotation();
    made.addControl(new NavigationControl({ showCompass: false }), "top-right");
    drawPins(made, getComputedStyle(document.documentElement));
    made.getCanvas().setAttribute("aria-describedby", hint);
    made.on("load", () => {
      map.current = made;
      show(made, latest.current);
      tellView(made, false);
      made.getContainer().dataset.ready = "true";
    });
    made.on("idle", () => {
      // Everything that is known is drawn.
      if (map.current) made.getContainer().dataset.idle = "true";
    });
    made.on("moveend", (event) => {
      tellView(made, "byUs" in event && !("originalEvent" in event));
    });
    made.on("click", (event) => click(made, event));
    for (const layer of CLICKABLE) {
      made.on("mouseenter", layer, () => {
        made.getCanvas().style.cursor = "pointer";
      });
      made.on("mouseleave", layer, () => {
        made.getCanvas().style.cursor = latest.current.onPick ? "crosshair" : "";
      });
    }
    return () => {
      map.current = undefined;
      made.remove();
    };
  }, []);

  const tellView = (made: MapLibre, asked: boolean) => {
    const { lat, lng } = made.getCenter();
    const low = made.getBounds().getSouthWest();
    const high = made.getBounds().getNorthEast();
    latest.current.onView?.(
      { lat, lng, zoom: made.getZoom() },
      { low: { lat: low.lat, lng: low.lng }, high: { lat: high.lat, lng: high.lng } },
      asked,
    );
  };

  const click = (made: MapLibre, event: MapMouseEvent) => {
    const { onPick, onSelect } = latest.current;
    if (onPick) {
      onPick({ lat: event.lngLat.lat, lng: event.lngLat.lng });
      return;
    }
    // A finger is not a needle.
    const around = 8;
    const hit = made.queryRenderedFeatures(
      [
        [event.point.x - around, event.point.y - around],
        [event.point.x + around, event.point.y + around],
      ],
      { layers: CLICKABLE.filter((layer) => made.getLayer(layer)) },
    )[0];
    if (!hit) return;
    if (hit.properties.cluster) made.easeTo({ center: event.lngLat, zoom: made.getZoom() + 2 });
    else if (hit.properties.id) onSelect?.(String(hit.properties.id));
  };

  useEffect(() => {
    if (map.current) show(map.current, props);
  });

  const { lat, lng, zoom } = props.view;
  useEffect(() => {
    const made = map.current;
    if (!made) return;
    const at = made.getCenter();
    const same =
      Math.abs(at.lat - lat) < 1e-5 &&
      Math.abs(at.lng - lng) < 1e-5 &&
      Math.abs(made.getZoom() - zoom) < 0.01;
    if (!same) made.easeTo({ center: [lng, lat], zoom, duration: 400 }, { byUs: true });
  }, [lat, lng, zoom]);

  return (
    <>
      <p id={hint} className="unseen">
        {text.keys}
      </p>
      <div ref={box} className={`map ${props.onPick ? "map-picking" : ""}`} />
    </>
  );
}

const shown = new WeakMap<MapLibre, Map<string, unknown>>();

/** Hands the map what has changed. */
function show(map: MapLibre, props: MapProps & { scenery: readonly SceneryLine[] }): void {
  const { pins = [], flows = [], zones = [], place, selected, scenery } = props;
  const known = shown.get(map) ?? new Map<string, unknown>();
  shown.set(map, known);
  const set = (source: string, input: readonly unknown[], make: () => Feature[]) => {
    const before = known.get(source);
    if (
      Array.isArray(before) &&
      before.length === input.length &&
      before.every((each, i) => each === input[i])
    )
      return;
    known.set(source, input);
    const data: FeatureCollection = { type: "FeatureCollection", features: make() };
    map.getSource<GeoJSONSource>(source)?.setData(data);
  };
  set("scenery", [scenery], () => sceneryFeatures(scenery));
  set("zones", [zones], () => zoneFeatures(zones));
  set("flows", [flows], () => flowFeatures(flows));
  const reports = pins.filter((pin) => pin.kind === "report");
  const others = pins.filter((pin) => pin.kind !== "report");
  set("reports", reports, () => pinFeatures(reports));
  set("pins", others, () => pinFeatures(others));
  set("place", [place, selected, pins], () =>
    placeFeatures(
      place,
      pins.find((pin) => pin.id === selected),
    ),
  );
}
