// The pages about the account, one beside the other.
import { Link } from "@tanstack/react-router";
import { useText } from "~/i18n/text";
import { accountText } from "./account.text";
import { shellText } from "./shell.text";

export function AccountTabs() {
  const { nav } = useText(accountText);
  const text = useText(shellText);
  return (
    <nav className="subtabs" aria-label={nav}>
      <Link to="/account" activeOptions={{ exact: true }}>
        {text.profile}
      </Link>
      <Link to="/account/sessions">{text.sessions}</Link>
      <Link to="/account/notifications">{text.preferences}</Link>
    </nav>
  );
}
