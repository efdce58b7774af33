// Names of categories in the language of the page.
import { useQuery } from "@connectrpc/connect-query";
import { useMemo } from "react";
import { ReportService } from "~/gen/kvartal/incident/v1/report_pb.js";
import { useLocale } from "~/i18n/locale";

/** The name of a category; its id while the name is not known. */
export function useCategoryNames(): (id: string) => string {
  const locale = useLocale();
  const { data } = useQuery(ReportService.method.listCategories, {}, { staleTime: 300_000 });
  return useMemo(() => {
    const names = new Map(
      data?.categories.map(({ categoryId, nameRu, nameEn }) => [
        categoryId,
        locale === "en" ? nameEn : nameRu,
      ]),
    );
    return (id) => names.get(id) ?? id;
  }, [data, locale]);
}
