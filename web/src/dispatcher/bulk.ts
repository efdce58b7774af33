// The same change of many things: a few at a time, each by itself, so that one refusal does not stop the others.
const AT_ONCE = 4;

export interface Failed<T> {
  readonly item: T;
  readonly error: unknown;
}

export interface Outcome<T, R> {
  readonly done: readonly R[];
  readonly failed: readonly Failed<T>[];
}

export async function eachOf<T, R>(
  items: readonly T[],
  change: (item: T) => Promise<R>,
): Promise<Outcome<T, R>> {
  const done: R[] = [];
  const failed: Failed<T>[] = [];
  const rest = [...items];
  const worker = async () => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) {
      try {
        done.push(await change(item));
      } catch (error) {
        failed.push({ item, error });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return { done, failed };
}
