// Words of the maps.
import { defineText } from "~/i18n/text";

export const mapText = defineText({
  en: {
    zoomIn: "Zoom in",
    zoomOut: "Zoom out",
    north: "Move north",
    south: "Move south",
    west: "Move west",
    east: "Move east",
    loading: "The map is being loaded…",
    simple: "This device cannot draw the full map; this is the simple one.",
    failed: "The map could not be loaded; this is the simple one.",
    keys: "Arrow keys move the map, plus and minus zoom. Everything on it is in the list as well.",
  },
  ru: {
    zoomIn: "Приблизить",
    zoomOut: "Отдалить",
    north: "Сдвинуть на север",
    south: "Сдвинуть на юг",
    west: "Сдвинуть на запад",
    east: "Сдвинуть на восток",
    loading: "Карта загружается…",
    simple: "Это устройство не может нарисовать полную карту; показана простая.",
    failed: "Карту не удалось загрузить; показана простая.",
    keys: "Стрелки двигают карту, плюс и минус меняют масштаб. Всё, что на ней есть, есть и в списке.",
  },
});
