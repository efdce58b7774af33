// The frame of administrator pages: their own navigation, then the page.
import { Link, Outlet } from "@tanstack/react-router";
import { useText } from "~/i18n/text";
import { adminText } from "./admin.text";
import "./admin.css";

const SECTIONS = [
  ["/admin/services", "services"],
  ["/admin/jobs", "jobs"],
  ["/admin/users", "users"],
  ["/admin/programs", "programs"],
  ["/admin/audit", "audit"],
  ["/admin/deliveries", "deliveries"],
  ["/admin/templates", "templates"],
  ["/admin/catalogue", "catalogue"],
] as const;

export function AdminFrame() {
  const text = useText(adminText);
  return (
    <div className="admin">
      <nav className="admin-sections" aria-label={text.sections}>
        {SECTIONS.map(([to, name]) => (
          <Link key={to} to={to}>
            {text[name]}
          </Link>
        ))}
      </nav>
      <Outlet />
    </div>
  );
}
