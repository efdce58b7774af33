// Where the link of the confirmation mail leads.
import { useMutation } from "@connectrpc/connect-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { IdentityService } from "~/gen/kvartal/identity/v1/identity_pb.js";
import { useText } from "~/i18n/text";
import { Notice, Page, ProblemNotice, Skeleton } from "~/kit";
import { accountText } from "./account.text";
import { confirmRoute } from "./routes";

export function ConfirmEmail() {
  const text = useText(accountText);
  const { token } = confirmRoute.useSearch();
  const { mutate, isError, isSuccess, error } = useMutation(IdentityService.method.confirmEmail);
  // The token works once, however often the component is drawn.
  const sent = useRef(false);
  useEffect(() => {
    if (!token || sent.current) return;
    sent.current = true;
    mutate({ token });
  }, [token, mutate]);
  return (
    <Page title={text.confirmTitle} width="narrow">
      {!token && (
        <Notice tone="danger" title={text.noToken}>
          <p>{text.noTokenLead}</p>
        </Notice>
      )}
      {token && !isError && !isSuccess && (
        <>
          <p>{text.confirming}</p>
          <Skeleton lines={1} />
        </>
      )}
      {isError && <ProblemNotice error={error} />}
      {isSuccess && (
        <>
          <Notice tone="good" title={text.confirmed} />
          <p>
            <Link to="/sign-in" className="button button-primary">
              {text.signIn}
            </Link>
          </p>
        </>
      )}
    </Page>
  );
}
