// Pages of this part in the main navigation.
import type { NavigationItem } from "~/shell/navigation";

export const adminNavigation: readonly NavigationItem[] = [];
