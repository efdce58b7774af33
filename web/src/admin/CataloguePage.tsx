// What reports can be about, and the parts of the city.
import { useMutation, useQuery } from "@connectrpc/connect-query";
import { useState } from "react";
import type { Area, Category } from "~/gen/kvartal/incident/v1/common_pb.js";
import { ReportService } from "~/gen/kvartal/incident/v1/report_pb.js";
import { useLocale } from "~/i18n/locale";
import { useText } from "~/i18n/text";
import { type Column, Page, TextArea, TextField } from "~/kit";
import { useExplain } from "~/platform/errors";
import { uuid } from "~/platform/transport";
import { catalogueText } from "./catalogue.text";
import { PutForm, Register, useSaved } from "./Register";

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
  ];
  return (
    <Register
      title={text.categories}
      add={text.addCategory}
      feed={feed}
      columns={columns}
      rows={feed.data?.categories}
      rowKey={(category) => category.categoryId}
      form={(category, onClose) => <CategoryForm category={category} onClose={onClose} />}
    />
  );
}

function CategoryForm({ category, onClose }: { category: Category | undefined; onClose: () => void }) {
  const text = useText(catalogueText);
  const explain = useExplain();
  const put = useMutation(ReportService.method.putCategory, useSaved(onClose));
  const fields = put.error ? explain(put.error).fields : {};
  const submit = (form: FormData) => {
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
    <PutForm
      title={category ? text.editCategory : text.addCategory}
      put={put}
      onSubmit={submit}
      onClose={onClose}
    >
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
      <TextField label={text.nameRu} name="nameRu" required maxLength={120} defaultValue={category?.nameRu} />
      <TextField label={text.nameEn} name="nameEn" required maxLength={120} defaultValue={category?.nameEn} />
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
    </PutForm>
  );
}

function Areas() {
  const text = useText(catalogueText);
  const feed = useQuery(ReportService.method.listAreas, {});
  const columns: readonly Column<Area>[] = [
    { key: "name", head: text.name, cell: (area) => <strong>{area.displayName}</strong> },
    { key: "team", head: text.team, cell: (area) => area.team || "–" },
    { key: "points", head: text.points, number: true, cell: (area) => area.boundary.length },
  ];
  return (
    <Register
      title={text.areas}
      add={text.addArea}
      feed={feed}
      columns={columns}
      rows={feed.data?.areas}
      rowKey={(area) => area.areaId}
      empty={text.noAreas}
      form={(area, onClose) => <AreaForm area={area} onClose={onClose} />}
    />
  );
}

function AreaForm({ area, onClose }: { area: Area | undefined; onClose: () => void }) {
  const text = useText(catalogueText);
  const [id] = useState(() => area?.areaId ?? uuid());
  const [wrong, setWrong] = useState<string>();
  const put = useMutation(ReportService.method.putArea, useSaved(onClose));
  const submit = (form: FormData) => {
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
    <PutForm title={area ? text.editArea : text.addArea} put={put} onSubmit={submit} onClose={onClose}>
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
    </PutForm>
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
