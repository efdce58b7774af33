// A remark for those who work here.
import { useMutation } from "@connectrpc/connect-query";
import type { FormEvent } from "react";
import { IncidentService } from "~/gen/kvartal/incident/v1/incident_pb.js";
import { useText } from "~/i18n/text";
import { Button, Dialog, ProblemNotice, TextArea, toast } from "~/kit";
import { dispatchText } from "./dispatch.text";
import { panelText } from "./panel.text";

export function RemarkDialog({ incidentId, onClose }: { incidentId: string; onClose: () => void }) {
  const text = useText(panelText);
  const dispatch = useText(dispatchText);
  const say = useMutation(IncidentService.method.addIncidentComment, {
    onSuccess: () => {
      toast(text.remarkSaid);
      onClose();
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    say.mutate({ incidentId, comment: String(new FormData(event.currentTarget).get("comment")).trim() });
  };
  return (
    <Dialog title={text.remark} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <TextArea label={dispatch.comment} name="comment" required maxLength={2000} />
        {say.error && <ProblemNotice error={say.error} />}
        <div className="row row-end">
          <Button onClick={onClose}>{dispatch.cancel}</Button>
          <Button look="primary" type="submit" busy={say.isPending}>
            {dispatch.save}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
