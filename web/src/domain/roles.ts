// Names of the roles.
import { Role } from "~/gen/kvartal/contract/v1/contract_pb.js";
import { defineText } from "~/i18n/text";

export const roleText = defineText<{ readonly [role in Role]: string }>({
  en: {
    [Role.UNSPECIFIED]: "unknown",
    [Role.CITIZEN]: "citizen",
    [Role.DISPATCHER]: "dispatcher",
    [Role.PATROL]: "patrol",
    [Role.EDITOR]: "editor",
    [Role.MODERATOR]: "moderator",
    [Role.TEACHER]: "teacher",
    [Role.STUDENT]: "student",
    [Role.PARENT]: "parent",
    [Role.SELLER]: "seller",
    [Role.FREELANCER]: "freelancer",
    [Role.ANALYST]: "analyst",
    [Role.SUPPORT]: "support",
    [Role.ADMIN]: "administrator",
    [Role.SERVICE]: "machine client",
  },
  ru: {
    [Role.UNSPECIFIED]: "неизвестно",
    [Role.CITIZEN]: "житель",
    [Role.DISPATCHER]: "диспетчер",
    [Role.PATROL]: "патруль",
    [Role.EDITOR]: "редактор",
    [Role.MODERATOR]: "модератор",
    [Role.TEACHER]: "учитель",
    [Role.STUDENT]: "ученик",
    [Role.PARENT]: "родитель",
    [Role.SELLER]: "продавец",
    [Role.FREELANCER]: "исполнитель",
    [Role.ANALYST]: "аналитик",
    [Role.SUPPORT]: "поддержка",
    [Role.ADMIN]: "администратор",
    [Role.SERVICE]: "программа",
  },
});
