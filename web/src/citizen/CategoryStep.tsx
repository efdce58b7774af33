// What it is about, and what the category asks.
import { useCategories } from "~/domain/catalogue";
import type { Question } from "~/gen/kvartal/incident/v1/common_pb.js";
import { useText } from "~/i18n/text";
import { Card, Select, TextField } from "~/kit";
import type { Draft } from "./draft";
import { reportText } from "./report.text";

export function CategoryStep({
  draft,
  onChange,
}: {
  draft: Draft;
  onChange: (part: Partial<Draft>) => void;
}) {
  const text = useText(reportText);
  const { categories, name } = useCategories();
  const questions = categories.find(({ categoryId }) => categoryId === draft.categoryId)?.questions ?? [];
  return (
    <Card title={text.category}>
      <fieldset className="tiles">
        <legend className="unseen">{text.category}</legend>
        {categories.map(({ categoryId }) => (
          <label key={categoryId} className="pick tile">
            <input
              type="radio"
              name="category"
              checked={draft.categoryId === categoryId}
              onChange={() => onChange({ categoryId, answers: {} })}
            />
            <span>{name(categoryId)}</span>
          </label>
        ))}
      </fieldset>
      {questions.map((question) => (
        <Asked
          key={question.key}
          question={question}
          value={draft.answers[question.key] ?? ""}
          onChange={(value) => {
            const { [question.key]: _, ...others } = draft.answers;
            onChange({ answers: value ? { ...others, [question.key]: value } : others });
          }}
        />
      ))}
    </Card>
  );
}

function Asked({
  question: { textEn, textRu, required, options },
  value,
  onChange,
}: {
  question: Question;
  value: string;
  onChange: (value: string) => void;
}) {
  const label = useText({ en: textEn, ru: textRu });
  if (options.length === 0) {
    return (
      <TextField
        label={label}
        required={required}
        maxLength={500}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    );
  }
  return (
    <Select
      label={label}
      required={required}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    >
      <option value="" />
      {options.map((option) => (
        <option key={option} value={option}>
          {option}
        </option>
      ))}
    </Select>
  );
}
