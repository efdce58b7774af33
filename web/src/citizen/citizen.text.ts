// Words of the citizen's pages.
import { defineText } from "~/i18n/text";

export const citizenText = defineText({
  en: {
    city: "The city now",
    cityLead: "What is happening and what is being done about it.",
    incidents: "Open incidents",
    noIncidents: "No open incidents",
  },
  ru: {
    city: "Город сейчас",
    cityLead: "Что происходит и что с этим делают.",
    incidents: "Открытые инциденты",
    noIncidents: "Открытых инцидентов нет",
  },
});
