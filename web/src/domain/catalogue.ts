// What reports can be about, and the parts of the city, named in the language of the page.
import { useQuery } from "@connectrpc/connect-query";
import type { Area, Category } from "~/gen/kvartal/incident/v1/common_pb.js";
import { ReportService } from "~/gen/kvartal/incident/v1/report_pb.js";
import { type Locale, useLocale } from "~/i18n/locale";
import type { Point, Zone } from "~/map/types";

const RARELY = { staleTime: 5 * 60_000 };

interface Categories {
  readonly categories: readonly Category[];
  /** The id while the name is not known. */
  readonly name: (id: string) => string;
}

interface Areas {
  readonly areas: readonly Area[];
  /** Nothing while the name is not known. */
  readonly name: (id: string) => string;
  /** For maps. */
  readonly zones: readonly Zone[];
}

export function useCategories(): Categories {
  const locale = useLocale();
  const { data } = useQuery(ReportService.method.listCategories, {}, RARELY);
  return namedCategories(data?.categories ?? NONE, locale);
}

export function useAreas(): Areas {
  const locale = useLocale();
  const { data } = useQuery(ReportService.method.listAreas, {}, RARELY);
  return namedAreas(data?.areas ?? NONE, locale);
}

export function pointOf({ latitude, longitude }: { latitude: number; longitude: number }): Point {
  return { lat: latitude, lng: longitude };
}

const NONE: never[] = [];

const namedCategories = once((categories: readonly Category[], locale): Categories => {
  const names = new Map(
    categories.map(({ categoryId, nameRu, nameEn }) => [categoryId, locale === "en" ? nameEn : nameRu]),
  );
  return { categories, name: (id) => names.get(id) ?? id };
});

const namedAreas = once((areas: readonly Area[], locale): Areas => {
  const named = areas.map((area) => ({ ...area, displayName: inLanguage(area.displayName, locale) }));
  const names = new Map(named.map(({ areaId, displayName }) => [areaId, displayName]));
  const zones = named.map(({ areaId, displayName, boundary }) => ({
    id: areaId,
    name: displayName,
    boundary: boundary.map(pointOf),
  }));
  return { areas: named, name: (id) => names.get(id) ?? "", zones };
});

/** Cities that speak two languages name their parts in both: `Портовый / Port`. */
function inLanguage(name: string, locale: Locale): string {
  const [first = name, second = first] = name.split(" / ");
  return locale === "en" ? second : first;
}

/** Made once for each answer, however many lines of a page use it. */
function once<T extends object, R>(make: (answer: T, locale: Locale) => R): (answer: T, locale: Locale) => R {
  const made = { en: new WeakMap<T, R>(), ru: new WeakMap<T, R>() };
  return (answer, locale) => {
    const known = made[locale].get(answer) ?? make(answer, locale);
    made[locale].set(answer, known);
    return known;
  };
}
