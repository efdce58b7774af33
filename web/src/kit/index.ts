// The components that pages are made of.
export * from "./controls";
export * from "./copy";
export * from "./Dialog";
export * from "./display";
export * from "./Page";
export * from "./Table";
export * from "./toast";
export * from "./useNow";
export * from "./useSettled";
export * from "./useTyped";
