// Which of several things were not changed, and why each.
import { useText } from "~/i18n/text";
import { Notice } from "~/kit";
import { useExplain } from "~/platform/errors";
import type { Failed } from "./bulk";
import { dispatchText } from "./dispatch.text";
import { type BoardRow, isIncident } from "./rows";

export function Failures({ failed }: { failed: readonly Failed<BoardRow>[] }) {
  const text = useText(dispatchText);
  const explain = useExplain();
  if (failed.length === 0) return null;
  return (
    <Notice tone="danger" title={text.notChanged(failed.length)}>
      <ul className="plain">
        {failed.map(({ item, error }) => {
          const { message, nextStep } = explain(error);
          return (
            <li key={isIncident(item) ? item.incidentId : item.reportId}>
              <strong>{isIncident(item) ? item.title : item.trackingNumber}</strong>
              {`: ${message} ${nextStep}`}
            </li>
          );
        })}
      </ul>
    </Notice>
  );
}
