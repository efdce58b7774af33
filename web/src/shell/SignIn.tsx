// Signing in, and in demonstrations one button for each role.
import { useMutation } from "@connectrpc/connect-query";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import type { FormEvent } from "react";
import { roleText } from "~/domain/roles";
import { Role } from "~/gen/kvartal/contract/v1/contract_pb.js";
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
  const signIn = useMutation(IdentityService.method.signIn, {
    onSuccess: ({ tokens, user }) => {
      if (!tokens || !user) return;
      startSession(tokens, user);
      // Only paths of our own: what is in an address may come from anybody.
      navigate({ href: next && /^\/(?![/\\\s])/.test(next) ? next : "/" });
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    signIn.mutate({ email: String(form.get("email")), password: String(form.get("password")) });
  };
  return (
    <Page title={text.signIn} lead={text.signInLead} width="narrow">
      <Card>
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
        <p>
          <Link to="/reset-password">{text.forgot}</Link>
        </p>
        <p>
          {text.noAccount} <Link to="/register">{text.register}</Link>
        </p>
      </Card>
      <DemoAccounts busy={signIn.isPending} onChoose={(account) => signIn.mutate(account)} />
    </Page>
  );
}

function DemoAccounts({
  busy,
  onChoose,
}: {
  busy: boolean;
  onChoose: (account: { email: string; password: string }) => void;
}) {
  const text = useText(accountText);
  const roles = useText(roleText);
  const accounts = useQuery(site).data?.demoAccounts ?? [];
  if (accounts.length === 0) return null;
  return (
    <Card title={text.demo}>
      <p className="soft">{text.demoLead}</p>
      <ul className="plain row">
        {accounts.map(({ role, email, password }) => (
          <li key={email}>
            <Button disabled={busy} onClick={() => onChoose({ email, password })}>
              {roles[Role[role.toUpperCase() as keyof typeof Role]] ?? role}
            </Button>
          </li>
        ))}
      </ul>
    </Card>
  );
}
