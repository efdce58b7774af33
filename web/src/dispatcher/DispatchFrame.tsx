// The frame of dispatcher pages: their own navigation, then the page.
import { Link, Outlet } from "@tanstack/react-router";
import { useText } from "~/i18n/text";
import { dispatchText } from "./dispatch.text";
import "./dispatch.css";
import "./panel.css";

const SECTIONS = [
  ["/dispatch", "board"],
  ["/dispatch/traffic", "traffic"],
  ["/dispatch/patrols", "patrols"],
  ["/dispatch/cameras", "cameras"],
  ["/dispatch/detectors", "detectors"],
  ["/dispatch/forecast", "forecast"],
  ["/dispatch/templates", "templates"],
  ["/dispatch/feeds", "feeds"],
] as const;

export function DispatchFrame() {
  const text = useText(dispatchText);
  return (
    <div className="dispatch">
      <nav className="dispatch-sections" aria-label={text.sections}>
        {SECTIONS.map(([to, name]) => (
          <Link key={to} to={to} activeOptions={{ exact: to === "/dispatch", includeSearch: false }}>
            {text[name]}
          </Link>
        ))}
      </nav>
      <Outlet />
    </div>
  );
}
