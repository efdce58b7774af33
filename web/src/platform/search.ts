// Reads search parameters: what is not as expected is left out, never an error, because people edit addresses.

/** A text, if it is one and not empty. */
export function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== ""
    ? value
    : typeof value === "number"
      ? String(value)
      : undefined;
}

/** One of these, if it is. */
export function oneOf<T extends string | number>(value: unknown, known: readonly T[]): T | undefined {
  return known.find((each) => each === value);
}

/** Those of the list that are known; `undefined` when none is. */
export function someOf<T extends string | number>(value: unknown, known: readonly T[]): T[] | undefined {
  const given = Array.isArray(value) ? value : [value];
  const found = known.filter((each) => given.includes(each));
  return found.length > 0 ? found : undefined;
}

export function number(value: unknown, min: number, max: number): number | undefined {
  return typeof value === "number" && value >= min && value <= max ? value : undefined;
}

export function flag(value: unknown): true | undefined {
  return value === true || undefined;
}

/** A time as `datetime-local` writes it, in the time zone of the reader; nothing for what is no time. */
export function moment(text: string | undefined): Date | undefined {
  const time = text ? new Date(text) : undefined;
  return time && !Number.isNaN(time.getTime()) ? time : undefined;
}
