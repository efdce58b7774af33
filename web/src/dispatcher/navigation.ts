// What the navigation offers to dispatchers.
import { Siren } from "lucide-react";
import { Role } from "~/gen/kvartal/contract/v1/contract_pb.js";
import type { NavigationItem } from "~/shell/navigation";

export const dispatcherNavigation: readonly NavigationItem[] = [
  {
    to: "/dispatch",
    label: { en: "Dispatch", ru: "Диспетчерская" },
    icon: Siren,
    roles: [Role.DISPATCHER, Role.MODERATOR],
  },
];
