// What stands in the bar for whoever is signed in: notifications and the account.
import { Link } from "@tanstack/react-router";
import { Bell } from "lucide-react";
import { useText } from "~/i18n/text";
import type { Person } from "~/platform/session";
import { AccountMenu } from "./AccountMenu";
import { shellText } from "./shell.text";
import { useUnread } from "./useUnread";

export function SignedIn({ person }: { person: Person }) {
  return (
    <>
      <Inbox />
      <AccountMenu person={person} />
    </>
  );
}

function Inbox() {
  const text = useText(shellText);
  const unread = useUnread();
  return (
    <Link to="/inbox" className="button button-quiet button-icon bell" aria-label={text.unread(unread)}>
      <Bell aria-hidden="true" />
      {unread > 0 && (
        <span className="bell-count" aria-hidden="true">
          {unread > 99 ? "99+" : unread}
        </span>
      )}
    </Link>
  );
}
