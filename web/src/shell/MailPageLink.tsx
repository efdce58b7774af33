// Leads to the mails that an installation without a mail server shows instead of sending.
import { useQuery } from "@tanstack/react-query";
import { useText } from "~/i18n/text";
import { site } from "~/platform/site";
import { accountText } from "./account.text";

export function MailPageLink() {
  const text = useText(accountText);
  const page = useQuery(site).data?.mailPage;
  if (!page) return null;
  return (
    <p>
      <a href={page} target="_blank" rel="noreferrer">
        {text.mailPage}
      </a>
    </p>
  );
}
