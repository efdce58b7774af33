// All shortcuts of the board.
import { useState } from "react";
import { defineText, useText } from "~/i18n/text";
import { Checkbox, Dialog } from "~/kit";
import { letLettersWork, lettersWork } from "./useKeys";

const helpText = defineText({
  en: {
    title: "Shortcuts",
    letters: "Letters do something",
    lettersHint: "Switch them off if you speak to your computer or press them unawares.",
    keys: [
      ["j, ↓", "next row"],
      ["k, ↑", "row before"],
      ["Enter, o", "to what is selected"],
      ["x", "choose the row"],
      ["Esc", "choose none"],
      ["n", "log an incident"],
      ["/", "search the list"],
      ["1, 2", "incidents, reports"],
      ["a", "assign, or answer"],
      ["c", "remark"],
      ["e", "change"],
      ["l", "link"],
      ["m", "merge"],
      ["?", "this help"],
    ],
  },
  ru: {
    title: "Клавиши",
    letters: "Буквы действуют",
    lettersHint: "Отключите, если диктуете компьютеру или нажимаете их нечаянно.",
    keys: [
      ["j, ↓", "следующая строка"],
      ["k, ↑", "предыдущая строка"],
      ["Enter, o", "к выбранному"],
      ["x", "отметить строку"],
      ["Esc", "снять отметки"],
      ["n", "завести инцидент"],
      ["/", "поиск по списку"],
      ["1, 2", "инциденты, сообщения"],
      ["a", "назначить или ответить"],
      ["c", "замечание"],
      ["e", "изменить"],
      ["l", "связать"],
      ["m", "объединить"],
      ["?", "эта подсказка"],
    ],
  },
});

export function ShortcutHelp({ onClose }: { onClose: () => void }) {
  const text = useText(helpText);
  const [on, setOn] = useState(lettersWork);
  return (
    <Dialog title={text.title} onClose={onClose}>
      <dl className="facts">
        {text.keys.map(([keys, what]) => (
          <div key={keys} className="shortcut">
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <Checkbox
        label={text.letters}
        hint={text.lettersHint}
        checked={on}
        onChange={({ currentTarget }) => {
          letLettersWork(currentTarget.checked);
          setOn(currentTarget.checked);
        }}
      />
    </Dialog>
  );
}
