// What is pressed and filled in: buttons and fields with label, hint and error.
import {
  type ButtonHTMLAttributes,
  type InputHTMLAttributes,
  type MouseEvent,
  type ReactNode,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
  useId,
} from "react";
import { useText } from "~/i18n/text";
import { kitText } from "./kit.text";

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: "primary" | "secondary" | "quiet" | "danger";
  /** Something is under way; pressing again does nothing. */
  busy?: boolean;
  icon?: ReactNode;
  /** Only the icon is shown; the children name it. */
  iconOnly?: boolean;
}

export function Button({
  look = "secondary",
  busy = false,
  icon,
  iconOnly = false,
  children,
  className = "",
  type = "button",
  onClick,
  ...rest
}: ButtonProps) {
  return (
    <button
      {...rest}
      type={type}
      className={`button button-${look} ${iconOnly ? "button-icon" : ""} ${className}`}
      // Not `disabled`, which would take the focus from whoever has just pressed it.
      aria-disabled={busy || undefined}
      aria-busy={busy || undefined}
      onClick={busy ? ignore : onClick}
    >
      {busy ? <span className="spinner" aria-hidden="true" /> : icon}
      {iconOnly ? <span className="unseen">{children}</span> : children}
    </button>
  );
}

/** Neither presses nor, for a button of a form, sends. */
function ignore(event: MouseEvent): void {
  event.preventDefault();
}

interface Around {
  label: string;
  hint?: ReactNode;
  /** What is wrong with the value. */
  error?: string | undefined;
  /** The label is there for those who hear the page only. */
  quietLabel?: boolean;
}

function Field({
  id,
  label,
  hint,
  error,
  quietLabel,
  required,
  children,
}: Around & { id: string; required: boolean | undefined; children: ReactNode }) {
  const text = useText(kitText);
  return (
    <div className="field">
      <label htmlFor={id} className={quietLabel ? "unseen" : undefined}>
        {label}
        {required && (
          <span className="required" title={text.required} aria-hidden="true">
            {" *"}
          </span>
        )}
      </label>
      {hint !== undefined && (
        <p id={`${id}-hint`} className="hint">
          {hint}
        </p>
      )}
      {children}
      {error && (
        <p id={`${id}-error`} className="field-error">
          {error}
        </p>
      )}
    </div>
  );
}

/** What every field has around its control, and what the control says of it. */
function useField(around: Around, given: { id?: string; required?: boolean }) {
  const own = useId();
  const id = given.id ?? own;
  const { hint, error } = around;
  const described = [hint !== undefined && `${id}-hint`, error && `${id}-error`].filter(Boolean);
  return {
    frame: (control: ReactNode) => (
      <Field {...around} id={id} required={given.required}>
        {control}
      </Field>
    ),
    control: {
      id,
      className: "input",
      "aria-invalid": error ? true : undefined,
      "aria-describedby": described.length > 0 ? described.join(" ") : undefined,
    },
  };
}

export function TextField({
  label,
  hint,
  error,
  quietLabel,
  ...rest
}: Around & InputHTMLAttributes<HTMLInputElement>) {
  const { frame, control } = useField({ label, hint, error, quietLabel }, rest);
  return frame(<input {...rest} {...control} />);
}

export function TextArea({
  label,
  hint,
  error,
  quietLabel,
  ...rest
}: Around & TextareaHTMLAttributes<HTMLTextAreaElement>) {
  const { frame, control } = useField({ label, hint, error, quietLabel }, rest);
  return frame(<textarea rows={4} {...rest} {...control} />);
}

export function Select({
  label,
  hint,
  error,
  quietLabel,
  children,
  ...rest
}: Around & SelectHTMLAttributes<HTMLSelectElement>) {
  const { frame, control } = useField({ label, hint, error, quietLabel }, rest);
  return frame(
    <select {...rest} {...control}>
      {children}
    </select>,
  );
}

export function Checkbox({
  label,
  hint,
  ...rest
}: { label: ReactNode; hint?: ReactNode } & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  return (
    <div className="check">
      <input {...rest} id={id} type="checkbox" aria-describedby={hint ? `${id}-hint` : undefined} />
      <label htmlFor={id}>{label}</label>
      {hint !== undefined && (
        <p id={`${id}-hint`} className="hint">
          {hint}
        </p>
      )}
    </div>
  );
}

/** One of a few, all in sight: filters, modes. */
export function Segmented<V extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: V;
  options: readonly { value: V; label: ReactNode }[];
  onChange: (value: V) => void;
}) {
  const name = useId();
  return (
    <fieldset className="segmented">
      <legend className="unseen">{label}</legend>
      {options.map((option) => (
        <label key={option.value} className="pick">
          <input
            type="radio"
            name={name}
            checked={option.value === value}
            onChange={() => onChange(option.value)}
          />
          <span>{option.label}</span>
        </label>
      ))}
    </fieldset>
  );
}
