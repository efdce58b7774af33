// What the reader is told, and where.
import { useMutation, useQuery } from "@connectrpc/connect-query";
import { NotificationService, type Preference } from "~/gen/kvartal/notification/v1/notification_pb.js";
import { useText } from "~/i18n/text";
import { Card, Page, ProblemNotice, Skeleton, toast, toastError } from "~/kit";
import { AccountTabs } from "./AccountTabs";
import { FollowedAreas } from "./FollowedAreas";
import { inboxText } from "./inbox.text";

export function Preferences() {
  const text = useText(inboxText);
  const preferences = useQuery(NotificationService.method.getPreferences);
  const update = useMutation(NotificationService.method.updatePreferences, {
    onSuccess: () => {
      toast(text.saved);
      preferences.refetch();
    },
    onError: toastError,
  });
  const set = (preference: Preference, channel: "inApp" | "email", on: boolean) =>
    update.mutate({ preferences: [{ ...preference, [channel]: on }] });
  return (
    <Page title={text.preferences} lead={text.preferencesLead} width="narrow">
      <AccountTabs />
      <Card>
        {preferences.isPending && <Skeleton lines={6} />}
        {preferences.isError && (
          <ProblemNotice error={preferences.error} onRetry={() => preferences.refetch()} />
        )}
        {preferences.data && (
          <table className="table">
            <thead>
              <tr>
                <th scope="col">{text.kindColumn}</th>
                <th scope="col">{text.inApp}</th>
                <th scope="col">{text.email}</th>
              </tr>
            </thead>
            <tbody>
              {preferences.data.preferences.map((preference) => (
                <tr key={preference.kind}>
                  <th scope="row" className="wrap">
                    {text.kinds[preference.kind]}
                    {preference.critical && <span className="hint block">{text.critical}</span>}
                  </th>
                  {(["inApp", "email"] as const).map((channel) => (
                    <td key={channel}>
                      <input
                        type="checkbox"
                        className="checkbox"
                        aria-label={`${text.kinds[preference.kind]}: ${text[channel]}`}
                        checked={preference[channel]}
                        disabled={preference.critical || update.isPending}
                        onChange={(event) => set(preference, channel, event.currentTarget.checked)}
                      />
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Card>
      <FollowedAreas />
    </Page>
  );
}
