// What errors mean and what to do about them: first by the platform's reason, else by the gRPC code.
import { Code } from "@connectrpc/connect";
import { defineText } from "~/i18n/text";

type Words = readonly [message: string, nextStep: string];

interface ErrorText {
  reasons: Readonly<Record<string, Words>>;
  codes: { readonly [code in Code]: Words };
}

export const errorText = defineText<ErrorText>({
  en: {
    reasons: {
      WRONG_CREDENTIALS: [
        "The e-mail address or the password is wrong.",
        "Check both, or reset the password.",
      ],
      WRONG_PASSWORD: ["The current password is wrong.", "Type it again, or sign out and reset it."],
      LINK_INVALID: ["This link has been used or has expired.", "Ask for a new one."],
      RATE_LIMITED: ["Too many attempts in a short time.", "Wait a minute, then try again."],
      SESSION_OVER: ["You have been signed out.", "Sign in again."],
      SESSION_REVOKED: ["This session was ended on another device.", "Sign in again."],
      SIGN_IN_REQUIRED: ["This needs an account.", "Sign in, then try again."],
      ROLE_REQUIRED: ["Your account does not have the role for this.", "Ask an administrator for the role."],
      LAST_ADMIN: ["This is the last administrator.", "Give the role to somebody else first."],
      CHANGED_MEANWHILE: [
        "Somebody else changed this in the meantime.",
        "Look at the new state, then try again.",
      ],
      TRANSITION_NOT_ALLOWED: [
        "This step is not possible from the present status.",
        "Choose another status.",
      ],
      REPORT_NOT_FOUND: ["There is no such report.", "Check the number; hidden reports are not shown."],
      INCIDENT_NOT_FOUND: ["There is no such incident.", "Go back to the list."],
      USER_NOT_FOUND: ["There is no such account.", "Check the identifier."],
      SESSION_NOT_FOUND: ["This session has already ended.", "Reload the list."],
      PHOTO_REFUSED: ["This picture cannot be used.", "Choose a JPEG, PNG or WebP of at most 8 MB."],
      PHOTO_NOT_FOUND: ["There is no such photo.", "Go back to the report."],
      PHOTO_NOT_AVAILABLE: ["A photo is no longer there.", "Remove it and take it again."],
      PHOTOS_BUSY: ["Many photos are being read at the moment.", "Try again in a few seconds."],
      PASSWORDS_BUSY: ["Many people are signing in at the moment.", "Try again in a few seconds."],
      TOO_MANY_REPORTS: [
        "You have filed many reports today.",
        "Try again tomorrow, or call the dispatch desk.",
      ],
      NOTHING_TO_CONFIRM: ["This report cannot be confirmed now.", "Look at its present status."],
      OBJECTION_WINDOW_OVER: ["The time for an objection is over.", "File a new report."],
      ORIGINAL_IS_DUPLICATE: ["That report is itself a duplicate.", "Name the report it repeats."],
      LINKED_ALREADY: ["The report already belongs to an incident.", "Take it from there first."],
      NOBODY_ASSIGNED: ["Nobody was named.", "Choose a person or a team."],
      NO_ANSWER: ["The answer is missing.", "Write what the reporter should read."],
      REQUEST_ID_REUSED: ["This was sent before with other content.", "Start the form again."],
      RESUME_TOKEN_EXPIRED: ["You have been away for long.", "The page reads everything again."],
    },
    codes: {
      [Code.Canceled]: ["The call was cancelled.", "Try again."],
      [Code.Unknown]: ["Something unexpected happened.", "Try again; if it stays, tell us the number below."],
      [Code.InvalidArgument]: ["Something in the form is not right.", "Look at the marked fields."],
      [Code.DeadlineExceeded]: ["The platform did not answer in time.", "Try again in a moment."],
      [Code.NotFound]: ["There is no such thing.", "Check the address, or go back."],
      [Code.AlreadyExists]: ["It exists already.", "Look at what is there."],
      [Code.PermissionDenied]: ["You may not do this.", "Ask an administrator for the role."],
      [Code.ResourceExhausted]: ["Too much at once.", "Wait a minute, then try again."],
      [Code.FailedPrecondition]: [
        "This is not possible in the present state.",
        "Reload and look at the state.",
      ],
      [Code.Aborted]: ["Somebody else was faster.", "Reload and try again."],
      [Code.OutOfRange]: ["A value is out of range.", "Look at the marked fields."],
      [Code.Unimplemented]: [
        "The platform does not know this yet.",
        "Reload the page: it may be out of date.",
      ],
      [Code.Internal]: ["Something broke on our side.", "Try again; if it stays, tell us the number below."],
      [Code.Unavailable]: ["The platform cannot be reached.", "Check the network; the page tries by itself."],
      [Code.DataLoss]: ["Data is damaged.", "Tell us the number below."],
      [Code.Unauthenticated]: ["You are not signed in.", "Sign in, then try again."],
    },
  },
  ru: {
    reasons: {
      WRONG_CREDENTIALS: ["Неверный адрес почты или пароль.", "Проверьте их или восстановите пароль."],
      WRONG_PASSWORD: ["Текущий пароль неверен.", "Введите его ещё раз или выйдите и восстановите пароль."],
      LINK_INVALID: ["Ссылка уже использована или устарела.", "Запросите новую."],
      RATE_LIMITED: ["Слишком много попыток за короткое время.", "Подождите минуту и попробуйте снова."],
      SESSION_OVER: ["Сеанс завершён.", "Войдите снова."],
      SESSION_REVOKED: ["Сеанс завершён с другого устройства.", "Войдите снова."],
      SIGN_IN_REQUIRED: ["Для этого нужна учётная запись.", "Войдите и попробуйте снова."],
      ROLE_REQUIRED: ["У вашей учётной записи нет нужной роли.", "Попросите роль у администратора."],
      LAST_ADMIN: ["Это последний администратор.", "Сначала дайте роль кому-нибудь ещё."],
      CHANGED_MEANWHILE: ["Кто-то уже изменил это.", "Посмотрите новое состояние и попробуйте снова."],
      TRANSITION_NOT_ALLOWED: ["Из нынешнего статуса этот шаг невозможен.", "Выберите другой статус."],
      REPORT_NOT_FOUND: ["Такого сообщения нет.", "Проверьте номер; скрытые сообщения не показываются."],
      INCIDENT_NOT_FOUND: ["Такого инцидента нет.", "Вернитесь к списку."],
      USER_NOT_FOUND: ["Такой учётной записи нет.", "Проверьте идентификатор."],
      SESSION_NOT_FOUND: ["Этот сеанс уже завершён.", "Обновите список."],
      PHOTO_REFUSED: ["Этот снимок не подходит.", "Выберите JPEG, PNG или WebP не больше 8 МБ."],
      PHOTO_NOT_FOUND: ["Такого снимка нет.", "Вернитесь к сообщению."],
      PHOTO_NOT_AVAILABLE: ["Снимка больше нет.", "Уберите его и снимите ещё раз."],
      PHOTOS_BUSY: ["Сейчас обрабатывается много снимков.", "Попробуйте через несколько секунд."],
      PASSWORDS_BUSY: ["Сейчас входит много людей.", "Попробуйте через несколько секунд."],
      TOO_MANY_REPORTS: [
        "Сегодня вы отправили много сообщений.",
        "Попробуйте завтра или позвоните диспетчеру.",
      ],
      NOTHING_TO_CONFIRM: ["Сейчас это сообщение нельзя подтвердить.", "Посмотрите его нынешний статус."],
      OBJECTION_WINDOW_OVER: ["Срок для возражения прошёл.", "Отправьте новое сообщение."],
      ORIGINAL_IS_DUPLICATE: ["То сообщение само повторяет другое.", "Укажите исходное сообщение."],
      LINKED_ALREADY: ["Сообщение уже относится к инциденту.", "Сначала отвяжите его."],
      NOBODY_ASSIGNED: ["Никто не назначен.", "Выберите человека или бригаду."],
      NO_ANSWER: ["Нет ответа.", "Напишите, что прочтёт заявитель."],
      REQUEST_ID_REUSED: ["Это уже отправляли с другим содержанием.", "Начните форму заново."],
      RESUME_TOKEN_EXPIRED: ["Вас долго не было.", "Страница прочтёт всё заново."],
    },
    codes: {
      [Code.Canceled]: ["Вызов отменён.", "Попробуйте снова."],
      [Code.Unknown]: [
        "Случилось что-то непредвиденное.",
        "Попробуйте снова; если не поможет, сообщите нам номер ниже.",
      ],
      [Code.InvalidArgument]: ["Что-то в форме заполнено неверно.", "Посмотрите на отмеченные поля."],
      [Code.DeadlineExceeded]: ["Платформа не ответила вовремя.", "Попробуйте чуть позже."],
      [Code.NotFound]: ["Такого нет.", "Проверьте адрес или вернитесь назад."],
      [Code.AlreadyExists]: ["Это уже есть.", "Посмотрите на то, что есть."],
      [Code.PermissionDenied]: ["Вам это не разрешено.", "Попросите роль у администратора."],
      [Code.ResourceExhausted]: ["Слишком много сразу.", "Подождите минуту и попробуйте снова."],
      [Code.FailedPrecondition]: [
        "В нынешнем состоянии это невозможно.",
        "Обновите страницу и посмотрите на состояние.",
      ],
      [Code.Aborted]: ["Кто-то успел раньше.", "Обновите страницу и попробуйте снова."],
      [Code.OutOfRange]: ["Значение вне допустимых пределов.", "Посмотрите на отмеченные поля."],
      [Code.Unimplemented]: ["Платформа этого ещё не умеет.", "Обновите страницу: она могла устареть."],
      [Code.Internal]: [
        "У нас что-то сломалось.",
        "Попробуйте снова; если не поможет, сообщите нам номер ниже.",
      ],
      [Code.Unavailable]: ["Платформа недоступна.", "Проверьте сеть; страница пробует сама."],
      [Code.DataLoss]: ["Данные повреждены.", "Сообщите нам номер ниже."],
      [Code.Unauthenticated]: ["Вы не вошли.", "Войдите и попробуйте снова."],
    },
  },
});
