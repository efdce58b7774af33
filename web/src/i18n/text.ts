// Words in both languages. A word that misses one does not compile; a literal in JSX does not pass the linter.
import { getLocale, type Locale, useLocale } from "./locale";

/** The same words in each language. */
export type Text<T> = { readonly [locale in Locale]: T };

/** Declares the words of a part of the app. Functions take what is filled in. */
export function defineText<T>(text: { en: T; ru: NoInfer<T> }): Text<T> {
  return text;
}

/** The words in the language of the page. */
export function useText<T>(text: Text<T>): T {
  return text[useLocale()];
}

/** The same outside of components; it does not follow a change of language. */
export function textOf<T>(text: Text<T>): T {
  return text[getLocale()];
}

/** `1 report`, `2 reports`. */
export function pluralEn(count: number, one: string, other: string): string {
  const { rule, number } = counted("en", count);
  return `${number} ${rule === "one" ? one : other}`;
}

/** `1 сообщение`, `2 сообщения`, `5 сообщений`. */
export function pluralRu(count: number, one: string, few: string, many: string): string {
  const { rule, number } = counted("ru", count);
  return `${number} ${rule === "one" ? one : rule === "few" ? few : many}`;
}

const counters = new Map<Locale, { rules: Intl.PluralRules; numbers: Intl.NumberFormat }>();

function counted(locale: Locale, count: number) {
  const counter = counters.get(locale) ?? {
    rules: new Intl.PluralRules(locale),
    numbers: new Intl.NumberFormat(locale),
  };
  counters.set(locale, counter);
  return { rule: counter.rules.select(count), number: counter.numbers.format(count) };
}
