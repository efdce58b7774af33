// A table whose rows are added and changed in a dialog.
import { Pencil, Plus } from "lucide-react";
import { type FormEvent, type ReactNode, useState } from "react";
import { useText } from "~/i18n/text";
import { Button, Card, type Column, Dialog, type Feed, Listing, ProblemNotice, toast } from "~/kit";
import { adminText } from "./admin.text";
import { catalogueText } from "./catalogue.text";

export function Register<T>({
  title,
  add,
  feed,
  columns,
  rows = [],
  rowKey,
  empty,
  form,
}: {
  title: string;
  /** What the button says that adds a row. */
  add: string;
  feed: Feed;
  columns: readonly Column<T>[];
  rows: readonly T[] | undefined;
  rowKey: (row: T) => string;
  empty?: string;
  /** The dialog of a row, or of a new one. */
  form: (row: T | undefined, onClose: () => void) => ReactNode;
}) {
  const text = useText(catalogueText);
  const [edited, setEdited] = useState<{ row: T | undefined }>();
  const edit: Column<T> = {
    key: "edit",
    head: text.edit,
    quietHead: true,
    cell: (row) => (
      <Button icon={<Pencil aria-hidden="true" />} onClick={() => setEdited({ row })}>
        {text.edit}
      </Button>
    ),
  };
  const close = () => {
    setEdited(undefined);
    feed.refetch();
  };
  return (
    <Card
      title={title}
      actions={
        <Button
          look="primary"
          icon={<Plus aria-hidden="true" />}
          onClick={() => setEdited({ row: undefined })}
        >
          {add}
        </Button>
      }
    >
      <Listing
        feed={feed}
        caption={title}
        columns={[...columns, edit]}
        rows={rows}
        rowKey={rowKey}
        empty={empty}
      />
      {edited && form(edited.row, close)}
    </Card>
  );
}

/** The form in such a dialog; `put` sends what is filled in. */
export function PutForm({
  title,
  put,
  onSubmit,
  onClose,
  children,
}: {
  title: string;
  put: { error: Error | null; isPending: boolean };
  onSubmit: (form: FormData) => void;
  onClose: () => void;
  children: ReactNode;
}) {
  const admin = useText(adminText);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    onSubmit(new FormData(event.currentTarget));
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        {children}
        {put.error && <ProblemNotice error={put.error} />}
        <div className="row row-end">
          <Button onClick={onClose}>{admin.cancel}</Button>
          <Button look="primary" type="submit" busy={put.isPending}>
            {admin.save}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** Says that it is saved and closes the dialog. */
export function useSaved(onClose: () => void) {
  const text = useText(catalogueText);
  return {
    onSuccess: () => {
      toast(text.saved);
      onClose();
    },
  };
}
