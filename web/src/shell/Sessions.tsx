// Where the reader is signed in, and ending it from afar.
import { useMutation, useQuery } from "@connectrpc/connect-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { IdentityService, type Session } from "~/gen/kvartal/identity/v1/identity_pb.js";
import { useText } from "~/i18n/text";
import { Ago, Badge, Button, Card, Dialog, Page, ProblemNotice, Skeleton, toast, toastError } from "~/kit";
import { endSession } from "~/platform/session";
import { AccountTabs } from "./AccountTabs";
import { accountText } from "./account.text";
import { deviceName } from "./device";

export function Sessions() {
  const text = useText(accountText);
  const navigate = useNavigate();
  const [asking, setAsking] = useState(false);
  const sessions = useQuery(IdentityService.method.listSessions);
  const revoke = useMutation(IdentityService.method.revokeSession, {
    onSuccess: () => {
      toast(text.ended);
      sessions.refetch();
    },
    onError: toastError,
  });
  const everywhere = useMutation(IdentityService.method.signOutEverywhere, {
    onSuccess: ({ sessionCount }) => {
      endSession();
      toast(text.endedAll(sessionCount));
      navigate({ to: "/sign-in" });
    },
  });
  return (
    <Page title={text.sessions} lead={text.sessionsLead} width="narrow">
      <AccountTabs />
      <Card>
        {sessions.isPending && <Skeleton />}
        {sessions.isError && <ProblemNotice error={sessions.error} onRetry={() => sessions.refetch()} />}
        <ul className="list">
          {sessions.data?.sessions.map((session) => (
            <Device
              key={session.sessionId}
              session={session}
              busy={revoke.isPending}
              onEnd={() => revoke.mutate({ sessionId: session.sessionId })}
            />
          ))}
        </ul>
        <div className="row">
          <Button look="danger" onClick={() => setAsking(true)}>
            {text.endAll}
          </Button>
        </div>
      </Card>
      {asking && (
        <Dialog
          title={text.endAll}
          onClose={() => setAsking(false)}
          actions={
            <>
              <Button onClick={() => setAsking(false)}>{text.cancel}</Button>
              <Button look="danger" busy={everywhere.isPending} onClick={() => everywhere.mutate({})}>
                {text.endAll}
              </Button>
            </>
          }
        >
          <p>{text.endAllAsk}</p>
          {everywhere.isError && <ProblemNotice error={everywhere.error} />}
        </Dialog>
      )}
    </Page>
  );
}

function Device({ session, busy, onEnd }: { session: Session; busy: boolean; onEnd: () => void }) {
  const text = useText(accountText);
  const name = deviceName(session.userAgent) ?? text.unknownDevice;
  return (
    <li className="row spread">
      <div>
        <p className="row">
          <strong title={session.userAgent}>{name}</strong>
          {session.current && <Badge tone="good">{text.thisDevice}</Badge>}
        </p>
        <p className="hint">
          {session.address}
          {" · "}
          {text.seen} <Ago time={session.lastSeenTime} />
          {" · "}
          {text.begun} <Ago time={session.createTime} />
        </p>
      </div>
      {!session.current && (
        <Button disabled={busy} onClick={onEnd} aria-label={text.endSession(name)}>
          {text.end}
        </Button>
      )}
    </li>
  );
}
