// Tells of reports that wait for the network, and sends them when there is one.
import { useEffect } from "react";
import { flush, startOutbox, useWaiting } from "~/citizen/outbox";
import { reportText } from "~/citizen/report.text";
import { textOf, useText } from "~/i18n/text";
import { Button, toast, toastError } from "~/kit";

const sent = (trackingNumber: string) => toast(textOf(reportText).sentLater(trackingNumber));

export function OutboxNotice() {
  const text = useText(reportText);
  const waiting = useWaiting();
  useEffect(() => startOutbox(sent, toastError), []);
  if (waiting === 0) return null;
  return (
    <div className="outbox" role="status">
      {text.waiting(waiting)}
      <Button onClick={() => flush(sent, toastError)}>{text.sendNow}</Button>
    </div>
  );
}
