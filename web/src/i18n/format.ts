// Times, distances and numbers as the reader's language writes them.
import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import { type Locale, useLocale } from "./locale";

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 365 * 86_400],
  ["month", 30 * 86_400],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

export interface Format {
  /** `26 Nov 2026, 16:30` */
  dateTime(time: Date | Timestamp): string;
  /** `26 November 2026` */
  date(time: Date | Timestamp): string;
  /** `16:30` */
  time(time: Date | Timestamp): string;
  /** `5 minutes ago`; `now` within a minute. */
  ago(time: Date | Timestamp, now?: number): string;
  /** `350 m`, `1.2 km` */
  distance(metres: number): string;
  number(value: number | bigint, digits?: 0 | 1 | 2 | 3): string;
  percent(share: number): string;
}

/** Formats of the language of the page. */
export function useFormat(): Format {
  return formats(useLocale());
}

const made = new Map<Locale, Format>();

/** The same for a language; made once, because it takes browsers long. */
function formats(locale: Locale): Format {
  const known = made.get(locale) ?? make(locale);
  made.set(locale, known);
  return known;
}

function date(time: Date | Timestamp): Date {
  return time instanceof Date ? time : timestampDate(time);
}

/** Made when it is needed first: most pages need few formats, and each takes a telephone milliseconds. */
function late<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function make(locale: Locale): Format {
  const tag = locale === "en" ? "en-GB" : "ru-RU";
  const times = (options: Intl.DateTimeFormatOptions) => late(() => new Intl.DateTimeFormat(tag, options));
  const numbers = (options: Intl.NumberFormatOptions) => late(() => new Intl.NumberFormat(tag, options));
  const unit = (name: string, digits: number) =>
    numbers({ style: "unit", unit: name, maximumFractionDigits: digits });
  const dateTime = times({ dateStyle: "medium", timeStyle: "short" });
  const day = times({ dateStyle: "long" });
  const clock = times({ timeStyle: "short" });
  const relative = late(() => new Intl.RelativeTimeFormat(tag, { numeric: "auto" }));
  const percent = numbers({ style: "percent", maximumFractionDigits: 0 });
  const metres = unit("meter", 0);
  const kilometres = unit("kilometer", 1);
  const byDigits = [0, 1, 2, 3].map((digits) => numbers({ maximumFractionDigits: digits }));
  return {
    dateTime: (time) => dateTime().format(date(time)),
    date: (time) => day().format(date(time)),
    time: (time) => clock().format(date(time)),
    ago(time, now = Date.now()) {
      const seconds = (date(time).getTime() - now) / 1000;
      const [name, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
      return name === "second"
        ? relative().format(0, "second")
        : relative().format(Math.trunc(seconds / size), name);
    },
    distance: (value) =>
      value < 950 ? metres().format(Math.round(value / 10) * 10) : kilometres().format(value / 1000),
    number: (value, digits = 0) => byDigits[digits]?.().format(value) ?? String(value),
    percent: (share) => percent().format(share),
  };
}
