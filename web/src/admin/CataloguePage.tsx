// What reports can be about, and the parts of the city.
import { useMutation, useQuery } from "@connectrpc/connect-query";
import { Pencil, Plus } from "lucide-react";
import { type FormEvent, useState } from "react";
import type { Area, Category } from "~/gen/kvartal/incident/v1/common_pb.js";
import { ReportService } from "~/gen/kvartal/incident/v1/report_pb.js";
import { useLocale } from "~/i18n/locale";
import { useText } from "~/i18n/text";
import {
  Button,
  Card,
  type Column,
  Dialog,
  Listing,
  Page,
  ProblemNotice,
  TextArea,
  TextField,
  toast,
} from "~/kit";
import { useExplain } from "~/platform/errors";
import { uuid } from "~/platform/transport";
import { adminText } from "./admin.text";
import { catalogueText } from "./catalogue.text";

export function CataloguePage() {
  const text = useText(catalogueText);
  return (
    <Page title={text.title} lead={text.lead}>
      <Categories />
      <Areas />
    </Page>
  );
}

function Categories() {
  const text = useText(catalogueText);
  const locale = useLocale();
  const feed = useQuery(ReportService.method.listCategories, {});
  const [edited, setEdited] = useState<Category | "new">();
  const columns: readonly Column<Category>[] = [
    {
      key: "name",
      head: text.name,
      cell: (category) => (
        <>
          <strong>{locale === "en" ? category.nameEn : category.nameRu}</strong>
          <br />
          <span className="mono soft">{category.categoryId}</span>
        </>
      ),
    },
    { key: "group", head: text.group, cell: (category) => category.group },
    { key: "team", head: text.team, cell: (category) => category.team || text.byArea },
    { key: "days", head: text.days, number: true, cell: (category) => category.answerWorkingDays },
    { key: "expire", head: text.expire, number: true, cell: (category) => category.expireMinutes || "–" },
    { key: "questions", head: text.questions, number: true, cell: (category) => category.questions.length },
    {
      key: "edit",
      head: text.edit,
      quietHead: true,
      cell: (category) => (
        <Button icon={<Pencil aria-hidden="true" />} onClick={() => setEdited(category)}>
          {text.edit}
        </Button>
      ),
    },
  ];
  return (
    <Card
      title={text.categories}
      actions={
        <Button look="primary" icon={<Plus aria-hidden="true" />} onClick={() => setEdited("new")}>
          {text.addCategory}
        </Button>
      }
    >
      <Listing
        feed={feed}
        caption={text.categories}
        columns={columns}
        rows={feed.data?.categories ?? []}
        rowKey={(category) => category.categoryId}
      />
      {edited && (
        <CategoryForm
          category={edited === "new" ? undefined : edited}
          onClose={() => {
            setEdited(undefined);
            feed.refetch();
          }}
        />
      )}
    </Card>
  );
}

function CategoryForm({ category, onClose }: { category: Category | undefined; onClose: () => void }) {
  const text = useText(catalogueText);
  const admin = useText(adminText);
  const explain = useExplain();
  const put = useMutation(ReportService.method.putCategory, {
    onSuccess: () => {
      toast(text.saved);
      onClose();
    },
  });
  const fields = put.error ? explain(put.error).fields : {};
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const value = (name: string) => String(form.get(name) ?? "");
    put.mutate({
      categoryId: category?.categoryId ?? value("id"),
      nameRu: value("nameRu"),
      nameEn: value("nameEn"),
      group: value("group"),
      team: value("team"),
      answerWorkingDays: Number(value("days")),
      expireMinutes: Number(value("expire")),
      // The questions are kept: they have a form of their own nowhere yet.
      questions: category?.questions ?? [],
    });
  };
  const name = "[a-z][a-z0-9_]{1,39}";
  return (
    <Dialog title={category ? text.editCategory : text.addCategory} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        {!category && (
          <TextField
            label={text.id}
            name="id"
            required
            pattern={name}
            hint={text.idHint}
            error={fields.categoryId}
          />
        )}
        <TextField
          label={text.nameRu}
          name="nameRu"
          required
          maxLength={120}
          defaultValue={category?.nameRu}
        />
        <TextField
          label={text.nameEn}
          name="nameEn"
          required
          maxLength={120}
          defaultValue={category?.nameEn}
        />
        <TextField label={text.group} name="group" required pattern={name} defaultValue={category?.group} />
        <TextField
          label={text.team}
          name="team"
          maxLength={80}
          defaultValue={category?.team}
          hint={text.teamHint}
        />
        <TextField
          label={text.days}
          name="days"
          type="number"
          min={1}
          max={365}
          defaultValue={category?.answerWorkingDays ?? 8}
        />
        <TextField
          label={text.expire}
          name="expire"
          type="number"
          min={0}
          max={525_600}
          defaultValue={category?.expireMinutes ?? 0}
          hint={text.expireHint}
        />
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

function Areas() {
  const text = useText(catalogueText);
  const feed = useQuery(ReportService.method.listAreas, {});
  const [edited, setEdited] = useState<Area | "new">();
  const columns: readonly Column<Area>[] = [
    { key: "name", head: text.name, cell: (area) => <strong>{area.displayName}</strong> },
    { key: "team", head: text.team, cell: (area) => area.team || "–" },
    { key: "points", head: text.points, number: true, cell: (area) => area.boundary.length },
    {
      key: "edit",
      head: text.edit,
      quietHead: true,
      cell: (area) => (
        <Button icon={<Pencil aria-hidden="true" />} onClick={() => setEdited(area)}>
          {text.edit}
        </Button>
      ),
    },
  ];
  return (
    <Card
      title={text.areas}
      actions={
        <Button look="primary" icon={<Plus aria-hidden="true" />} onClick={() => setEdited("new")}>
          {text.addArea}
        </Button>
      }
    >
      <Listing
        feed={feed}
        caption={text.areas}
        columns={columns}
        rows={feed.data?.areas ?? []}
        rowKey={(area) => area.areaId}
        empty={text.noAreas}
      />
      {edited && (
        <AreaForm
          area={edited === "new" ? undefined : edited}
          onClose={() => {
            setEdited(undefined);
            feed.refetch();
          }}
        />
      )}
    </Card>
  );
}

function AreaForm({ area, onClose }: { area: Area | undefined; onClose: () => void }) {
  const text = useText(catalogueText);
  const admin = useText(adminText);
  const [id] = useState(() => area?.areaId ?? uuid());
  const [wrong, setWrong] = useState<string>();
  const put = useMutation(ReportService.method.putArea, {
    onSuccess: () => {
      toast(text.saved);
      onClose();
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const boundary = points(String(form.get("boundary")));
    setWrong(boundary ? undefined : text.boundaryWrong);
    if (!boundary) return;
    put.mutate({
      areaId: id,
      displayName: String(form.get("name")),
      team: String(form.get("team")),
      boundary,
    });
  };
  const lines = area?.boundary.map(({ latitude, longitude }) => `${latitude}, ${longitude}`).join("\n");
  return (
    <Dialog title={area ? text.editArea : text.addArea} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <TextField label={text.name} name="name" required maxLength={120} defaultValue={area?.displayName} />
        <TextField label={text.team} name="team" maxLength={80} defaultValue={area?.team} />
        <TextArea
          label={text.boundary}
          name="boundary"
          required
          rows={8}
          defaultValue={lines}
          hint={text.boundaryHint}
          error={wrong}
        />
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

/** One point a line, degrees north and east; `undefined` when a line is none. */
function points(text: string) {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const parsed = lines.map((line) => {
    const [latitude = Number.NaN, longitude = Number.NaN, ...rest] = line
      .split(/[,;\s]+/)
      .filter(Boolean)
      .map(Number);
    const good = rest.length === 0 && Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180;
    return good ? { latitude, longitude } : undefined;
  });
  const good = parsed.filter((point) => point !== undefined);
  return good.length === parsed.length && good.length >= 3 ? good : undefined;
}
