// Whether what is on the screen is up to date.
import { useFormat } from "~/i18n/format";
import { useText } from "~/i18n/text";
import { useConnection } from "~/platform/connection";
import { shellText } from "./shell.text";

export function ConnectionMark() {
  const text = useText(shellText);
  const format = useFormat();
  const { state, since } = useConnection();
  const words =
    state === "stale" ? text.connection.stale(format.time(new Date(since))) : text.connection[state];
  return (
    <div className={`connection connection-${state}`} role="status" title={words}>
      {state !== "idle" && (
        <>
          <span className="dot" aria-hidden="true" />
          <span className="connection-words">{words}</span>
        </>
      )}
    </div>
  );
}
