// The frame of every page: title of the window, heading, lead, actions. Going to a page moves the focus to its heading.
import { type ReactNode, useEffect, useRef } from "react";
import { useText } from "~/i18n/text";
import { kitText } from "./kit.text";

/** The path of the page that was shown last. */
let shownAt: string | undefined;

interface PageProps {
  title: string;
  lead?: ReactNode;
  /** Buttons beside the heading. */
  actions?: ReactNode;
  /** `narrow` for forms and texts, `wide` for boards and maps. */
  width?: "narrow" | "normal" | "wide";
  /** The heading is there for those who hear the page, not for those who see it. */
  quietTitle?: boolean;
  children?: ReactNode;
}

export function Page({ title, lead, actions, width = "normal", quietTitle = false, children }: PageProps) {
  const { appName } = useText(kitText);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · ${appName}`;
  }, [title, appName]);
  const path = location.pathname;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the same component may show another page next
  useEffect(() => {
    const before = shownAt;
    shownAt = path;
    // Not on the first page, where the reader has not gone anywhere yet; nor from where the reader is, when what was
    // being loaded takes the place of what stood for it.
    const gone = before !== undefined && before !== path;
    const lost = before !== undefined && document.activeElement === document.body;
    if (gone || lost) heading.current?.focus({ preventScroll: true });
  }, [path]);
  return (
    <div className={`page page-${width}`}>
      <header className={quietTitle ? "unseen" : "page-head"}>
        <div>
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {lead !== undefined && <p className="lead">{lead}</p>}
        </div>
        {actions !== undefined && !quietTitle && <div className="row">{actions}</div>}
      </header>
      {children}
    </div>
  );
}
