// What happened to an incident or a report, entry by entry.
import { incidentText } from "~/domain/incidents";
import { IncidentStatus, type TimelineEntry } from "~/gen/kvartal/incident/v1/incident_pb.js";
import { ReportStatus } from "~/gen/kvartal/incident/v1/report_pb.js";
import { defineText, useText } from "~/i18n/text";
import { Ago } from "~/kit";
import { usePeople } from "./people";

const timelineText = defineText({
  en: {
    title: "Timeline",
    platform: "the platform",
    somebody: "somebody",
    actions: {
      created: "filed",
      updated: "changed",
      status: "status",
      assignment: "given to",
      comment: "remark",
      link: "linked",
      unlink: "unlinked",
      answer: "answer",
      confirmed: "confirmed",
      refuted: "refuted",
      moderation: "moderation",
    } as Readonly<Record<string, string>>,
  },
  ru: {
    title: "Хронология",
    platform: "платформа",
    somebody: "кто-то",
    actions: {
      created: "заведено",
      updated: "изменено",
      status: "статус",
      assignment: "назначено",
      comment: "замечание",
      link: "связано",
      unlink: "связь снята",
      answer: "ответ",
      confirmed: "подтверждено",
      refuted: "опровергнуто",
      moderation: "модерация",
    },
  },
});

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function Timeline({ entries, of }: { entries: readonly TimelineEntry[]; of: "incident" | "report" }) {
  const text = useText(timelineText);
  const words = useText(incidentText);
  const people = usePeople();
  const status = (name: string): string => {
    if (of === "incident")
      return words.incidentStatus[IncidentStatus[name as keyof typeof IncidentStatus]] ?? name;
    return words.reportStatus[ReportStatus[name as keyof typeof ReportStatus]] ?? name;
  };
  const value = (entry: TimelineEntry, raw: string): string => {
    if (entry.action === "status" || entry.action === "answer" || entry.action === "created")
      return status(raw);
    return UUID.test(raw) ? (people.name(raw) ?? raw.slice(0, 8)) : raw;
  };
  const who = ({ actorId }: TimelineEntry) =>
    actorId === "" ? text.platform : (people.name(actorId) ?? text.somebody);
  return (
    <ol className="timeline" aria-label={text.title}>
      {entries.map((entry) => (
        <li key={entry.entryId}>
          <span className="timeline-head">
            <strong>{text.actions[entry.action] ?? entry.action}</strong>
            {entry.after !== "" && (
              <span>
                {[entry.before, entry.after]
                  .filter(Boolean)
                  .map((raw) => value(entry, raw))
                  .join(" → ")}
              </span>
            )}
          </span>
          {entry.comment !== "" && <p>{entry.comment}</p>}
          <span className="hint">
            {who(entry)}
            {" · "}
            <Ago time={entry.time} />
          </span>
        </li>
      ))}
    </ol>
  );
}
