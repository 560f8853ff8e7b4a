/** The language of the interface: which one, its texts, and how a text is filled in. */
import { setApiLocale } from './api/client';
import type german from './messages/de.json';

export type Locale = 'de' | 'en';
export type MessageKey = keyof typeof german;
type PluralKey = MessageKey extends infer K ? (K extends `${infer Base}.one` ? Base : never) : never;
type Values = Record<string, string | number>;
type Texts = Record<MessageKey, string>;

export const LOCALES: readonly Locale[] = ['de', 'en'];
const STORED = 'fachwerk.locale';

const loaders: Record<Locale, () => Promise<{ default: Texts }>> = {
	de: () => import('./messages/de.json'),
	en: () => import('./messages/en.json')
};

let current = $state.raw<{ locale: Locale; texts: Texts | undefined }>({
	locale: 'de',
	texts: undefined
});

/** The language in use. */
export function locale(): Locale {
	return current.locale;
}

/** Loads the person's language, or German, before anything is shown. */
export async function loadStoredLocale(): Promise<void> {
	if (current.texts) return;
	let stored: string | null = null;
	try {
		stored = localStorage.getItem(STORED);
	} catch {
		// Storage may be switched off: German.
	}
	await use(stored === 'en' ? 'en' : 'de');
}

/** Changes the language and remembers it in this browser. */
export async function chooseLocale(next: Locale): Promise<void> {
	await use(next);
	try {
		localStorage.setItem(STORED, next);
	} catch {
		// It then lasts until the page is closed.
	}
}

/** Takes over a language that is chosen in another window of this browser; returns how to stop that. */
export function followLocale(): () => void {
	const follow = ({ key, newValue }: StorageEvent) => {
		const known = LOCALES.find((one) => one === newValue);
		if (key === STORED && known) void use(known);
	};
	addEventListener('storage', follow);
	return () => removeEventListener('storage', follow);
}

async function use(next: Locale): Promise<void> {
	const { default: texts } = await loaders[next]();
	current = { locale: next, texts };
	document.documentElement.lang = next;
	setApiLocale(next);
}

/** The text for `key`, its `{placeholders}` filled in. */
export function t(key: MessageKey, values?: Values): string {
	return fill(current.texts?.[key] ?? key, values);
}

/** The singular or plural text for `count`, which is also the placeholder `{count}`. */
export function tn(key: PluralKey, count: number, values?: Values): string {
	const form = count === 1 ? 'one' : 'other';
	const shown = new Intl.NumberFormat(current.locale).format(count);
	return t(`${key}.${form}` as MessageKey, { ...values, count: shown });
}

/** The text for a code the server sent, or the server's own words if we know no better. */
export function tCode(prefix: string, code: string, fallback: string): string {
	const key = `${prefix}.${code}` as MessageKey;
	return current.texts?.[key] ?? fallback;
}

/** Replaces `{name}` by the value of that name; leaves unknown names alone. */
export function fill(text: string, values: Values = {}): string {
	return text.replace(/\{(\w+)\}/g, (mark, name: string) => String(values[name] ?? mark));
}
