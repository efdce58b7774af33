// Who is signed in, and the pages about it.
import { useMutation } from "@connectrpc/connect-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { CircleUserRound } from "lucide-react";
import { useEffect, useRef } from "react";
import { roleText } from "~/domain/roles";
import { IdentityService } from "~/gen/kvartal/identity/v1/identity_pb.js";
import { useText } from "~/i18n/text";
import { Button } from "~/kit";
import { endSession, type Person } from "~/platform/session";
import { shellText } from "./shell.text";

export function AccountMenu({ person }: { person: Person }) {
  const text = useText(shellText);
  const roles = useText(roleText);
  const navigate = useNavigate();
  const menu = useRef<HTMLDetailsElement>(null);
  const signOut = useMutation(IdentityService.method.signOut, {
    // The tokens are forgotten here whether or not the platform could be told.
    onSettled: () => {
      endSession();
      navigate({ to: "/" });
    },
  });
  const close = () => menu.current?.removeAttribute("open");
  useEffect(() => {
    const outside = (event: Event) => {
      if (!menu.current?.contains(event.target as Node)) close();
    };
    const onEscape = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || !menu.current?.open) return;
      close();
      menu.current.querySelector("summary")?.focus();
    };
    addEventListener("pointerdown", outside);
    addEventListener("focusin", outside);
    addEventListener("keydown", onEscape);
    return () => {
      removeEventListener("pointerdown", outside);
      removeEventListener("focusin", outside);
      removeEventListener("keydown", onEscape);
    };
  });
  return (
    <details className="menu" ref={menu}>
      <summary className="button button-quiet">
        <CircleUserRound aria-hidden="true" />
        <span className="menu-name">{person.displayName}</span>
      </summary>
      <div className="menu-body">
        <p>
          <strong>{person.displayName}</strong>
          <br />
          <span className="hint">{person.roles.map((role) => roles[role]).join(", ")}</span>
        </p>
        <ul className="plain">
          <li>
            <Link to="/account" onClick={close}>
              {text.profile}
            </Link>
          </li>
          <li>
            <Link to="/account/sessions" onClick={close}>
              {text.sessions}
            </Link>
          </li>
          <li>
            <Link to="/account/notifications" onClick={close}>
              {text.preferences}
            </Link>
          </li>
        </ul>
        <Button busy={signOut.isPending} onClick={() => signOut.mutate({})}>
          {text.signOut}
        </Button>
      </div>
    </details>
  );
}
