// A new account: the form, then word that mail is on its way.
import { useMutation } from "@connectrpc/connect-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { IdentityService } from "~/gen/kvartal/identity/v1/identity_pb.js";
import { useLocale } from "~/i18n/locale";
import { useText } from "~/i18n/text";
import { Button, Card, Page, ProblemNotice, TextField, toast, toastError } from "~/kit";
import { useExplain } from "~/platform/errors";
import { accountText } from "./account.text";
import { MailPageLink } from "./MailPageLink";

export function Register() {
  const text = useText(accountText);
  const locale = useLocale();
  const explain = useExplain();
  const [sentTo, setSentTo] = useState<string>();
  const register = useMutation(IdentityService.method.register);
  const wrong = register.isError ? explain(register.error).fields : {};
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const email = String(form.get("email"));
    const request = {
      email,
      displayName: String(form.get("name")),
      password: String(form.get("password")),
      locale,
      timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    };
    register.mutate(request, { onSuccess: () => setSentTo(email) });
  };
  if (sentTo) return <MailSent email={sentTo} />;
  return (
    <Page title={text.register} lead={text.registerLead} width="narrow">
      <Card>
        <form className="stack" onSubmit={submit}>
          <TextField
            label={text.name}
            hint={text.nameHint}
            error={wrong.displayName}
            name="name"
            autoComplete="name"
            maxLength={80}
            required
          />
          <TextField
            label={text.email}
            error={wrong.email}
            name="email"
            type="email"
            autoComplete="email"
            maxLength={254}
            required
          />
          <TextField
            label={text.password}
            hint={text.passwordHint}
            error={wrong.password}
            name="password"
            type="password"
            autoComplete="new-password"
            minLength={10}
            maxLength={128}
            required
          />
          {register.isError && <ProblemNotice error={register.error} />}
          <Button type="submit" look="primary" busy={register.isPending}>
            {text.register}
          </Button>
        </form>
        <p>
          {text.haveAccount} <Link to="/sign-in">{text.signIn}</Link>
        </p>
      </Card>
    </Page>
  );
}

function MailSent({ email }: { email: string }) {
  const text = useText(accountText);
  const resend = useMutation(IdentityService.method.resendConfirmation, {
    onSuccess: () => toast(text.resent),
    onError: toastError,
  });
  return (
    <Page title={text.mailSent} lead={text.mailSentLead(email)} width="narrow">
      <div className="row">
        <Button busy={resend.isPending} onClick={() => resend.mutate({ email })}>
          {text.resend}
        </Button>
        <Link to="/sign-in" className="button button-primary">
          {text.signIn}
        </Link>
      </div>
      <MailPageLink />
    </Page>
  );
}
