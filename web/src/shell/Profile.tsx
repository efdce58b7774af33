// The reader's own account: name, language, telephone, password.
import { useMutation, useQuery } from "@connectrpc/connect-query";
import { type FormEvent, useRef } from "react";
import { roleText } from "~/domain/roles";
import { IdentityService, type User } from "~/gen/kvartal/identity/v1/identity_pb.js";
import { useFormat } from "~/i18n/format";
import { useText } from "~/i18n/text";
import { Badge, Button, Card, Notice, Page, ProblemNotice, Select, Skeleton, TextField, toast } from "~/kit";
import { useExplain } from "~/platform/errors";
import { updatePerson } from "~/platform/session";
import { AccountTabs } from "./AccountTabs";
import { accountText } from "./account.text";

export function Profile() {
  const text = useText(accountText);
  const profile = useQuery(IdentityService.method.getProfile);
  const user = profile.data?.user;
  return (
    <Page title={text.profile} width="narrow">
      <AccountTabs />
      {profile.isPending && <Skeleton lines={6} />}
      {profile.isError && <ProblemNotice error={profile.error} onRetry={() => profile.refetch()} />}
      {user && (
        <>
          <Facts user={user} />
          <Details user={user} onSaved={() => profile.refetch()} />
          <Password />
        </>
      )}
    </Page>
  );
}

function Facts({ user }: { user: User }) {
  const text = useText(accountText);
  const roles = useText(roleText);
  const format = useFormat();
  return (
    <Card>
      {!user.emailConfirmed && <Notice tone="warn" title={text.emailOpen} />}
      <dl className="facts">
        <dt>{text.email}</dt>
        <dd>{user.email}</dd>
        <dt>{text.roles}</dt>
        <dd className="row">
          {user.roles.map((role) => (
            <Badge key={role}>{roles[role]}</Badge>
          ))}
        </dd>
        <dt>{text.since}</dt>
        <dd>{user.createTime && format.date(user.createTime)}</dd>
      </dl>
    </Card>
  );
}

function Details({ user, onSaved }: { user: User; onSaved: () => void }) {
  const text = useText(accountText);
  const explain = useExplain();
  const update = useMutation(IdentityService.method.updateProfile, {
    onSuccess: ({ user }) => {
      if (user) updatePerson(user);
      toast(text.saved);
      onSaved();
    },
  });
  const wrong = update.isError ? explain(update.error).fields : {};
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    update.mutate({
      displayName: String(form.get("name")),
      locale: String(form.get("locale")),
      timeZone: String(form.get("zone")),
      phone: String(form.get("phone")).replace(/[\s()-]/g, ""),
      updateMask: { paths: ["display_name", "locale", "time_zone", "phone"] },
      etag: user.etag,
    });
  };
  return (
    <Card>
      <form className="stack" onSubmit={submit}>
        <TextField
          label={text.name}
          hint={text.nameHint}
          error={wrong.displayName}
          name="name"
          autoComplete="name"
          maxLength={80}
          defaultValue={user.displayName}
          required
        />
        <Select label={text.language} name="locale" defaultValue={user.locale}>
          {Object.entries(LANGUAGES).map(([locale, name]) => (
            <option key={locale} value={locale} lang={locale}>
              {name}
            </option>
          ))}
        </Select>
        <Select label={text.timeZone} error={wrong.timeZone} name="zone" defaultValue={user.timeZone}>
          {zones(user.timeZone).map((zone) => (
            <option key={zone} value={zone}>
              {zone}
            </option>
          ))}
        </Select>
        <TextField
          label={text.phone}
          hint={text.phoneHint}
          error={wrong.phone}
          name="phone"
          type="tel"
          autoComplete="tel"
          defaultValue={user.phone}
        />
        {update.isError && <ProblemNotice error={update.error} />}
        <Button type="submit" look="primary" busy={update.isPending}>
          {text.save}
        </Button>
      </form>
    </Card>
  );
}

const LANGUAGES = { ru: "Русский", en: "English" };

/** Those the browser knows, and the one in force. */
function zones(current: string): string[] {
  return [...new Set([current, ...Intl.supportedValuesOf("timeZone")])].sort();
}

function Password() {
  const text = useText(accountText);
  const explain = useExplain();
  const form = useRef<HTMLFormElement>(null);
  const change = useMutation(IdentityService.method.changePassword, {
    onSuccess: () => {
      form.current?.reset();
      toast(text.passwordChanged);
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    change.mutate({ currentPassword: String(data.get("current")), newPassword: String(data.get("new")) });
  };
  return (
    <Card title={text.changePassword}>
      <form ref={form} className="stack" onSubmit={submit}>
        <TextField
          label={text.currentPassword}
          name="current"
          type="password"
          autoComplete="current-password"
          required
        />
        <TextField
          label={text.newPassword}
          hint={text.passwordHint}
          error={change.isError ? explain(change.error).fields.newPassword : undefined}
          name="new"
          type="password"
          autoComplete="new-password"
          minLength={10}
          maxLength={128}
          required
        />
        {change.isError && <ProblemNotice error={change.error} />}
        <Button type="submit" busy={change.isPending}>
          {text.changePassword}
        </Button>
      </form>
    </Card>
  );
}
