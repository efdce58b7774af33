// Programs that call by themselves, and the keys that sign everybody's tokens.
import { useInfiniteQuery, useMutation, useQuery } from "@connectrpc/connect-query";
import { KeyRound, Plus, Trash2 } from "lucide-react";
import { type FormEvent, useState } from "react";
import { roleText } from "~/domain/roles";
import { Role } from "~/gen/kvartal/contract/v1/contract_pb.js";
import {
  type CreateMachineClientResponse,
  IdentityService,
  type Jwk,
  type MachineClient,
} from "~/gen/kvartal/identity/v1/identity_pb.js";
import { useText } from "~/i18n/text";
import {
  Ago,
  Badge,
  Button,
  Card,
  Checkbox,
  type Column,
  Dialog,
  Listing,
  Notice,
  Page,
  ProblemNotice,
  TextField,
  toast,
  toastError,
} from "~/kit";
import { adminText } from "./admin.text";
import { programsText } from "./programs.text";

export function ProgramsPage() {
  const text = useText(programsText);
  return (
    <Page title={text.title} lead={text.lead}>
      <Programs />
      <Keys />
    </Page>
  );
}

function Programs() {
  const text = useText(programsText);
  const admin = useText(adminText);
  const roles = useText(roleText);
  const [adding, setAdding] = useState(false);
  const [leaving, setLeaving] = useState<MachineClient>();
  const feed = useInfiniteQuery(
    IdentityService.method.listMachineClients,
    { pageSize: 50, pageToken: "" },
    { pageParamKey: "pageToken", getNextPageParam: (last) => last.nextPageToken || undefined },
  );
  const remove = useMutation(IdentityService.method.deleteMachineClient, {
    onSuccess: () => {
      toast(text.removed);
      feed.refetch();
    },
    onError: toastError,
  });
  const columns: readonly Column<MachineClient>[] = [
    {
      key: "name",
      head: text.name,
      cell: (client) => (
        <>
          <strong>{client.displayName}</strong>
          <br />
          <span className="mono soft">{client.clientId}</span>
        </>
      ),
    },
    {
      key: "roles",
      head: text.roles,
      cell: (client) => (
        <span className="roles">
          {client.roles.map((role) => (
            <Badge key={role}>{roles[role]}</Badge>
          ))}
        </span>
      ),
    },
    { key: "created", head: text.created, cell: (client) => <Ago time={client.createTime} /> },
    {
      key: "remove",
      head: text.remove,
      quietHead: true,
      cell: (client) => (
        <Button look="danger" icon={<Trash2 aria-hidden="true" />} onClick={() => setLeaving(client)}>
          {text.remove}
        </Button>
      ),
    },
  ];
  return (
    <Card
      title={text.programs}
      actions={
        <Button look="primary" icon={<Plus aria-hidden="true" />} onClick={() => setAdding(true)}>
          {text.add}
        </Button>
      }
    >
      <Listing
        feed={feed}
        caption={text.programs}
        columns={columns}
        rows={feed.data?.pages.flatMap((page) => page.machineClients) ?? []}
        rowKey={(client) => client.clientId}
        empty={text.none}
      />
      {adding && (
        <NewProgram
          onClose={() => {
            setAdding(false);
            feed.refetch();
          }}
        />
      )}
      {leaving && (
        <Dialog
          title={text.removeTitle(leaving.displayName)}
          onClose={() => setLeaving(undefined)}
          actions={
            <>
              <Button onClick={() => setLeaving(undefined)}>{admin.cancel}</Button>
              <Button
                look="danger"
                onClick={() => {
                  remove.mutate({ clientId: leaving.clientId });
                  setLeaving(undefined);
                }}
              >
                {text.remove}
              </Button>
            </>
          }
        >
          <p>{text.removeHint}</p>
        </Dialog>
      )}
    </Card>
  );
}

/** Roles that make sense for programs, besides the one that each of them has. */
const PROGRAM_ROLES = [Role.DISPATCHER, Role.PATROL, Role.ANALYST, Role.EDITOR];

function NewProgram({ onClose }: { onClose: () => void }) {
  const text = useText(programsText);
  const admin = useText(adminText);
  const roles = useText(roleText);
  const [made, setMade] = useState<CreateMachineClientResponse>();
  const create = useMutation(IdentityService.method.createMachineClient, { onSuccess: setMade });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    create.mutate({ displayName: String(form.get("name")), roles: form.getAll("role").map(Number) });
  };
  if (made) {
    return (
      <Dialog title={made.machineClient?.displayName ?? text.add} onClose={onClose}>
        <Notice tone="warn" title={text.secretOnce} />
        <dl className="facts">
          <dt>{text.id}</dt>
          <dd className="mono">{made.machineClient?.clientId}</dd>
          <dt>{text.secret}</dt>
          <dd className="mono">{made.clientSecret}</dd>
        </dl>
      </Dialog>
    );
  }
  return (
    <Dialog title={text.add} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <TextField label={text.name} name="name" required maxLength={80} />
        <fieldset className="stack">
          <legend className="legend">{text.moreRoles}</legend>
          {PROGRAM_ROLES.map((role) => (
            <Checkbox key={role} name="role" value={role} label={roles[role]} />
          ))}
        </fieldset>
        {create.error && <ProblemNotice error={create.error} />}
        <div className="row row-end">
          <Button onClick={onClose}>{admin.cancel}</Button>
          <Button look="primary" type="submit" busy={create.isPending}>
            {text.add}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function Keys() {
  const text = useText(programsText);
  const feed = useQuery(IdentityService.method.getJwks, {});
  const rotate = useMutation(IdentityService.method.rotateSigningKey, {
    onSuccess: ({ kid }) => {
      toast(text.rotated(kid));
      feed.refetch();
    },
    onError: toastError,
  });
  const columns: readonly Column<Jwk>[] = [
    { key: "kid", head: text.key, cell: (key) => <span className="mono">{key.kid}</span> },
    { key: "kind", head: text.algorithm, cell: (key) => `${key.alg} (${key.crv})` },
  ];
  return (
    <Card
      title={text.keys}
      actions={
        <Button
          icon={<KeyRound aria-hidden="true" />}
          busy={rotate.isPending}
          onClick={() => rotate.mutate({})}
        >
          {text.rotate}
        </Button>
      }
    >
      <p className="soft">{text.keysHint}</p>
      <Listing
        feed={feed}
        caption={text.keys}
        columns={columns}
        rows={feed.data?.keys ?? []}
        rowKey={(key) => key.kid}
      />
    </Card>
  );
}
