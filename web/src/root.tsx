// The root of all routes: the frame, and what is shown when a page is missing, broken or not for the reader.
import { createRootRoute } from "@tanstack/react-router";
import { Broken, NotFound } from "./shell/ErrorPages";
import { Layout } from "./shell/Layout";

export const rootRoute = createRootRoute({
  component: Layout,
  notFoundComponent: NotFound,
  errorComponent: Broken,
});
