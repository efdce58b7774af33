// Signing in, and in demonstrations one button for each role.
import { useMutation } from "@connectrpc/connect-query";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import type { FormEvent } from "react";
import { IdentityService } from "~/gen/kvartal/identity/v1/identity_pb.js";
import { useText } from "~/i18n/text";
import { Button, Card, Page, ProblemNotice, TextField } from "~/kit";
import { startSession } from "~/platform/session";
import { site } from "~/platform/site";
import { accountText } from "./account.text";
import { signInRoute } from "./routes";

export function SignIn() {
  const text = useText(accountText);
  const navigate = useNavigate();
  const { next } = signInRoute.useSearch();
  const demo = useQuery(site).data?.demoAccounts ?? [];
  const signIn = useMutation(IdentityService.method.signIn, {
    onSuccess: ({ tokens, user }) => {
      if (!tokens || !user) return;
      startSession(tokens, user);
      navigate({ href: next?.startsWith("/") && !next.startsWith("//") ? next : "/" });
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    signIn.mutate({ email: String(form.get("email")), password: String(form.get("password")) });
  };
  return (
    <Page title={text.signIn} width="narrow">
      <form className="stack" onSubmit={submit}>
        <TextField label={text.email} name="email" type="email" autoComplete="username" required />
        <TextField
          label={text.password}
          name="password"
          type="password"
          autoComplete="current-password"
          required
        />
        {signIn.isError && <ProblemNotice error={signIn.error} />}
        <Button type="submit" look="primary" busy={signIn.isPending}>
          {text.signIn}
        </Button>
      </form>
      {demo.length > 0 && (
        <Card title={text.demo}>
          <p className="soft">{text.demoLead}</p>
          <div className="row">
            {demo.map(({ role, email, password }) => (
              <Button
                key={email}
                disabled={signIn.isPending}
                onClick={() => signIn.mutate({ email, password })}
              >
                {role}
              </Button>
            ))}
          </div>
        </Card>
      )}
    </Page>
  );
}
