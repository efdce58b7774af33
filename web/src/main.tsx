// Where it begins.
import "./theme/tokens.css";
import "./theme/base.css";
import "./kit/kit.css";
import "./kit/pick.css";
import "./kit/layers.css";
import "./shell/shell.css";
import "./theme/theme";
import { TransportProvider } from "@connectrpc/connect-query";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { startTransition } from "react";
import { createRoot } from "react-dom/client";
import { queryClient } from "./platform/query";
import { transport } from "./platform/transport";
import { router } from "./router";

const root = document.getElementById("root");
if (root) {
  // What stands in index.html stays until the whole page can be drawn.
  await router.load();
  const drawn = createRoot(root);
  // In slices, so that what the reader does meanwhile is not kept waiting.
  startTransition(() =>
    drawn.render(
      <TransportProvider transport={transport}>
        <QueryClientProvider client={queryClient}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </TransportProvider>,
    ),
  );
}
