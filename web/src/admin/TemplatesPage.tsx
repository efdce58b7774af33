// How messages to people look in both languages, and a test of sending.
import { useMutation, useQuery } from "@connectrpc/connect-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Send } from "lucide-react";
import { Kind, NotificationService } from "~/gen/kvartal/notification/v1/notification_pb.js";
import { useLocale } from "~/i18n/locale";
import { useText } from "~/i18n/text";
import { Button, Card, Page, ProblemNotice, Segmented, Select, Skeleton, toast, toastError } from "~/kit";
import { templatesText } from "./templates.text";

export interface TemplatesSearch {
  kind?: number;
  locale?: "ru" | "en";
}

const KINDS = Object.values(Kind).filter(
  (kind): kind is Kind => typeof kind === "number" && kind !== Kind.UNSPECIFIED,
);

export function TemplatesPage() {
  const text = useText(templatesText);
  const own = useLocale();
  const { kind: wanted, locale = own } = useSearch({ from: "/admin/templates" });
  const kind = KINDS.find((each) => each === wanted) ?? Kind.REPORT_STATUS_CHANGED;
  const navigate = useNavigate({ from: "/admin/templates" });
  const query = useQuery(NotificationService.method.previewTemplate, { kind, locale });
  const test = useMutation(NotificationService.method.sendTestNotification, {
    onSuccess: ({ notificationId }) => toast(notificationId ? text.sent : text.suppressed),
    onError: toastError,
  });
  return (
    <Page title={text.title} lead={text.lead}>
      <div className="filters">
        <Select
          label={text.kind}
          value={kind}
          onChange={(event) =>
            navigate({ search: (before) => ({ ...before, kind: Number(event.target.value) }) })
          }
        >
          {KINDS.map((each) => (
            <option key={each} value={each}>
              {text.kinds[each]}
            </option>
          ))}
        </Select>
        <Segmented
          label={text.language}
          value={locale}
          options={[
            { value: "ru", label: text.russian },
            { value: "en", label: text.english },
          ]}
          onChange={(value) => navigate({ search: (before) => ({ ...before, locale: value }) })}
        />
        <Button
          icon={<Send aria-hidden="true" />}
          busy={test.isPending}
          onClick={() => test.mutate({ kind })}
        >
          {text.sendTest}
        </Button>
      </div>
      {query.isPending && <Skeleton lines={8} />}
      {query.error && <ProblemNotice error={query.error} onRetry={() => query.refetch()} />}
      {query.data && (
        <>
          <Card title={text.inApp}>
            <div lang={locale} className="stack">
              <h3>{query.data.title}</h3>
              <p>{query.data.body}</p>
            </div>
          </Card>
          <Card title={text.byMail}>
            <div lang={locale} className="stack">
              <p>
                {text.subject} <strong>{query.data.title}</strong>
              </p>
              <div className="preview">{query.data.emailText}</div>
            </div>
          </Card>
        </>
      )}
    </Page>
  );
}
