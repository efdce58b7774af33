// The frame around every page: navigation, connection, language, theme, account.
import { Link, Outlet } from "@tanstack/react-router";
import { Bell, CircleUserRound, Languages, Plus, SunMoon } from "lucide-react";
import { LOCALES, setLocale, useLocale } from "~/i18n/locale";
import { useText } from "~/i18n/text";
import { Button, Toaster } from "~/kit";
import { hasRole, useSession } from "~/platform/session";
import { useLater } from "~/platform/useLater";
import { setTheme, THEMES, useTheme } from "~/theme/theme";
import { ConnectionMark } from "./ConnectionMark";
import { loadExtrasWhenIdle, loadSignedIn } from "./later";
import { navigation } from "./navigation";
import { shellText } from "./shell.text";

export function Layout() {
  const text = useText(shellText);
  return (
    <>
      <a className="skip" href="#content">
        {text.skip}
      </a>
      <header className="bar">
        <Link to="/" className="brand">
          <Mark />
          <span>{text.appName}</span>
        </Link>
        <Navigation />
        <div className="bar-tools">
          <ConnectionMark />
          <LocaleSwitch />
          <ThemeSwitch />
          <Account />
        </div>
      </header>
      <Extras />
      <main id="content" tabIndex={-1}>
        <Outlet />
      </main>
      <Toaster />
    </>
  );
}

function Extras() {
  const parts = useLater(loadExtrasWhenIdle);
  if (!parts) return null;
  const [{ OutboxNotice }, { default: AreaAlerts }] = parts;
  return (
    <>
      <OutboxNotice />
      <AreaAlerts />
    </>
  );
}

/** Four blocks around a crossing, one of them lit. */
function Mark() {
  return (
    <svg viewBox="0 0 24 24" width="28" height="28" aria-hidden="true" className="mark">
      <rect x="2" y="2" width="9" height="9" rx="2" />
      <rect x="13" y="2" width="9" height="9" rx="2" className="mark-lit" />
      <rect x="2" y="13" width="9" height="9" rx="2" />
      <rect x="13" y="13" width="9" height="9" rx="2" />
    </svg>
  );
}

function Navigation() {
  const text = useText(shellText);
  const locale = useLocale();
  const session = useSession();
  const shown = navigation.filter(({ roles }) => !roles || hasRole(session, roles));
  return (
    <nav className="tabs" aria-label={text.mainNavigation}>
      {shown.map(({ to, label, icon: Icon }) => (
        <Link key={to} to={to} className="tab" activeOptions={{ exact: to === "/" }}>
          <Icon aria-hidden="true" />
          <span>{label[locale]}</span>
        </Link>
      ))}
      <Link to="/report" className="tab tab-report">
        <Plus aria-hidden="true" />
        <span>{text.report}</span>
      </Link>
    </nav>
  );
}

function LocaleSwitch() {
  const text = useText(shellText);
  const locale = useLocale();
  const next = LOCALES.find((each) => each !== locale) ?? locale;
  return (
    <Button
      look="quiet"
      icon={<Languages aria-hidden="true" />}
      onClick={() => setLocale(next)}
      aria-label={`${text.language}: ${LANGUAGE_NAMES[next]}`}
      lang={next}
    >
      <span aria-hidden="true">{next.toUpperCase()}</span>
    </Button>
  );
}

const LANGUAGE_NAMES = { ru: "Русский", en: "English" };

function ThemeSwitch() {
  const text = useText(shellText);
  const theme = useTheme();
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "system";
  const name = `${text.theme}: ${text.themes[theme]}`;
  return (
    <Button
      look="quiet"
      iconOnly
      icon={<SunMoon aria-hidden="true" />}
      title={name}
      onClick={() => setTheme(next)}
    >
      {name}
    </Button>
  );
}

function Account() {
  const text = useText(shellText);
  const session = useSession();
  const part = useLater(loadSignedIn, session !== undefined);
  if (!session) {
    return (
      <Link to="/sign-in" className="button button-secondary sign-in">
        <CircleUserRound aria-hidden="true" />
        <span>{text.signIn}</span>
      </Link>
    );
  }
  return part ? <part.SignedIn person={session.user} /> : <Room name={session.user.displayName} />;
}

/** As much room as the bell and the menu take, so that nothing moves when they come. */
function Room({ name }: { name: string }) {
  return (
    <span className="room" aria-hidden="true">
      <span className="button button-icon">
        <Bell />
      </span>
      <span className="button">
        <CircleUserRound />
        <span className="menu-name">{name}</span>
      </span>
    </span>
  );
}
