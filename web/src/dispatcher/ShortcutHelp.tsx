// All shortcuts of the board.
import { defineText, useText } from "~/i18n/text";
import { Dialog } from "~/kit";

const helpText = defineText({
  en: {
    title: "Shortcuts",
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
    </Dialog>
  );
}
