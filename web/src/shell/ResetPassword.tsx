// A forgotten password: asking for the link, and, with the link's token, choosing another.
import { useMutation } from "@connectrpc/connect-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { IdentityService } from "~/gen/kvartal/identity/v1/identity_pb.js";
import { useText } from "~/i18n/text";
import { Button, Card, Notice, Page, ProblemNotice, TextField } from "~/kit";
import { useExplain } from "~/platform/errors";
import { endSession } from "~/platform/session";
import { accountText } from "./account.text";
import { MailPageLink } from "./MailPageLink";
import { resetRoute } from "./routes";

export function ResetPassword() {
  const { token } = resetRoute.useSearch();
  return token ? <Choose token={token} /> : <Ask />;
}

function Ask() {
  const text = useText(accountText);
  const [sentTo, setSentTo] = useState<string>();
  const ask = useMutation(IdentityService.method.requestPasswordReset);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const email = String(new FormData(event.currentTarget).get("email"));
    ask.mutate({ email }, { onSuccess: () => setSentTo(email) });
  };
  if (sentTo) {
    return (
      <Page title={text.mailSent} lead={text.mailSentLead(sentTo)} width="narrow">
        <MailPageLink />
      </Page>
    );
  }
  return (
    <Page title={text.reset} lead={text.resetLead} width="narrow">
      <Card>
        <form className="stack" onSubmit={submit}>
          <TextField label={text.email} name="email" type="email" autoComplete="username" required />
          {ask.isError && <ProblemNotice error={ask.error} />}
          <Button type="submit" look="primary" busy={ask.isPending}>
            {text.sendLink}
          </Button>
        </form>
      </Card>
    </Page>
  );
}

function Choose({ token }: { token: string }) {
  const text = useText(accountText);
  const explain = useExplain();
  const reset = useMutation(IdentityService.method.resetPassword, { onSuccess: endSession });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    reset.mutate({ token, newPassword: String(new FormData(event.currentTarget).get("password")) });
  };
  if (reset.isSuccess) {
    return (
      <Page title={text.reset} width="narrow">
        <Notice tone="good" title={text.resetDone} />
        <p>
          <Link to="/sign-in" className="button button-primary">
            {text.signIn}
          </Link>
        </p>
      </Page>
    );
  }
  return (
    <Page title={text.reset} width="narrow">
      <Card>
        <form className="stack" onSubmit={submit}>
          <TextField
            label={text.newPassword}
            hint={text.passwordHint}
            error={reset.isError ? explain(reset.error).fields.newPassword : undefined}
            name="password"
            type="password"
            autoComplete="new-password"
            minLength={10}
            maxLength={128}
            required
          />
          {reset.isError && <ProblemNotice error={reset.error} />}
          <Button type="submit" look="primary" busy={reset.isPending}>
            {text.setPassword}
          </Button>
        </form>
      </Card>
    </Page>
  );
}
