// What the main navigation offers to whom. Each part of the app lists its own pages.
import type { LinkProps } from "@tanstack/react-router";
import { Building2, type LucideIcon, MapIcon, MessageSquareText } from "lucide-react";
import { adminNavigation } from "~/admin/navigation";
import { dispatcherNavigation } from "~/dispatcher/navigation";
import type { Role } from "~/gen/kvartal/contract/v1/contract_pb.js";
import type { Text } from "~/i18n/text";
import { shellText } from "./shell.text";

export interface NavigationItem {
  readonly to: LinkProps["to"];
  readonly label: Text<string>;
  readonly icon: LucideIcon;
  /** Shown to whoever holds one of these; to everybody when absent. */
  readonly roles?: readonly Role[];
}

const { en, ru } = shellText;

const citizenNavigation: readonly NavigationItem[] = [
  { to: "/", label: { en: en.city, ru: ru.city }, icon: Building2 },
  { to: "/map", label: { en: en.map, ru: ru.map }, icon: MapIcon },
  { to: "/reports", label: { en: en.reports, ru: ru.reports }, icon: MessageSquareText },
];

export const navigation: readonly NavigationItem[] = [
  ...citizenNavigation,
  ...dispatcherNavigation,
  ...adminNavigation,
];
