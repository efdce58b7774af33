// What the navigation offers to administrators.
import { Settings } from "lucide-react";
import { Role } from "~/gen/kvartal/contract/v1/contract_pb.js";
import type { NavigationItem } from "~/shell/navigation";
import { adminText } from "./admin.text";

const ADMINS: readonly Role[] = [Role.ADMIN];
const { en, ru } = adminText;

export const adminNavigation: readonly NavigationItem[] = [
  {
    to: "/admin",
    label: { en: en.administration, ru: ru.administration },
    icon: Settings,
    roles: ADMINS,
  },
];
