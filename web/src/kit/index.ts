// The components that pages are made of.
export * from "./controls";
export * from "./Dialog";
export * from "./display";
export * from "./Page";
export * from "./Table";
export * from "./toast";
export * from "./useNow";
