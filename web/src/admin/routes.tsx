// Pages of this part.
export const adminRoutes = [] as const;
