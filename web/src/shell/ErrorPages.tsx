// Pages that say why there is no page.
import { type ErrorComponentProps, Link, useRouter } from "@tanstack/react-router";
import { roleText } from "~/domain/roles";
import { useText } from "~/i18n/text";
import { Button, Page } from "~/kit";
import { Forbidden } from "~/platform/access";
import { Unreachable } from "~/platform/lazyPage";
import { shellText } from "./shell.text";

export function NotFound() {
  const text = useText(shellText);
  return (
    <Page title={text.notFound} lead={text.notFoundLead} width="narrow">
      <p>
        <Link to="/" className="button button-primary">
          {text.home}
        </Link>
      </p>
    </Page>
  );
}

export function Broken({ error }: ErrorComponentProps) {
  const text = useText(shellText);
  const roles = useText(roleText);
  const router = useRouter();
  if (error instanceof Forbidden) {
    const names = error.roles.map((role) => roles[role]).join(", ");
    return <Page title={text.forbidden} lead={text.forbiddenLead(names)} width="narrow" />;
  }
  if (error instanceof Unreachable) {
    return (
      <Page title={text.unreachable} lead={text.unreachableLead} width="narrow">
        <p>
          <Button look="primary" onClick={() => router.invalidate()}>
            {text.tryAgain}
          </Button>
        </p>
      </Page>
    );
  }
  // A file that an older page names is gone after an update.
  const outdated = /dynamically imported module|module script/i.test(String(error));
  return (
    <Page
      title={outdated ? text.outdated : text.broken}
      lead={outdated ? undefined : text.brokenLead}
      width="narrow"
    >
      <p>
        <Button look="primary" onClick={() => location.reload()}>
          {text.reload}
        </Button>
      </p>
    </Page>
  );
}
