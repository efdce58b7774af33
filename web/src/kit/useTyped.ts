// Fields whose text stands elsewhere, in the address say, or means something else than its letters: a number.
import { type ChangeEvent, useState } from "react";

/**
 * For the control of such a field: what is typed shows at once and letter by letter, while what is made of it, `known`,
 * may come later or lack what means nothing yet, as the point at the end of `62.`.
 */
export function useTyped(known: string, onType: (text: string) => void) {
  const [typed, setTyped] = useState<string>();
  if (typed !== undefined && typed === known) setTyped(undefined);
  return {
    value: typed ?? known,
    onChange: ({ currentTarget }: ChangeEvent<HTMLInputElement>) => {
      setTyped(currentTarget.value);
      onType(currentTarget.value);
    },
    onBlur: () => setTyped(undefined),
  };
}
