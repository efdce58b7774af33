// A modal dialog: the browser's own, with its focus trap and its Escape key.
import { X } from "lucide-react";
import { type ReactNode, useId, useLayoutEffect, useRef } from "react";
import { useText } from "~/i18n/text";
import { Button } from "./controls";
import { kitText } from "./kit.text";

export function Dialog({
  title,
  onClose,
  children,
  actions,
}: {
  title: string;
  onClose: () => void;
  children: ReactNode;
  /** Buttons at the bottom, the main one last. */
  actions?: ReactNode;
}) {
  const text = useText(kitText);
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  // Before it goes it is closed, however it goes: then the browser gives the focus back to where it was.
  useLayoutEffect(() => {
    const element = dialog.current;
    if (element && !element.open) element.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog ref={dialog} className="dialog" aria-labelledby={id} onClose={onClose}>
      <header className="card-head">
        <h2 id={id}>{title}</h2>
        <Button look="quiet" iconOnly icon={<X aria-hidden="true" />} onClick={() => dialog.current?.close()}>
          {text.close}
        </Button>
      </header>
      {children}
      {actions !== undefined && <footer className="row row-end">{actions}</footer>}
    </dialog>
  );
}
