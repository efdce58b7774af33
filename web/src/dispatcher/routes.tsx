// Pages of this part.
export const dispatcherRoutes = [] as const;
