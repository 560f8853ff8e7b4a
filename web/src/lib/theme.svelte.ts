/** Light or dark, or whatever the system says. `static/first-paint.js` reads the same key. */
export type Theme = 'system' | 'light' | 'dark';
export const THEMES: readonly Theme[] = ['system', 'light', 'dark'];

const STORED = 'fachwerk.theme';
const systemDark = () => matchMedia('(prefers-color-scheme: dark)');

let chosen = $state<Theme>('system');

/** What the person chose. */
export function theme(): Theme {
	return chosen;
}

/** Takes over the stored choice and follows the system from now on; returns how to stop that. */
export function followTheme(): () => void {
	try {
		const stored = localStorage.getItem(STORED);
		if (stored === 'light' || stored === 'dark') chosen = stored;
	} catch {
		// Storage may be switched off: the system's choice stands.
	}
	const system = systemDark();
	system.addEventListener('change', apply);
	apply();
	return () => system.removeEventListener('change', apply);
}

/** Changes the theme and remembers it in this browser. */
export function chooseTheme(next: Theme): void {
	chosen = next;
	apply();
	try {
		localStorage.setItem(STORED, next);
	} catch {
		// It then lasts until the page is closed.
	}
}

function apply(): void {
	const dark = chosen === 'dark' || (chosen === 'system' && systemDark().matches);
	document.documentElement.setAttribute('data-kern-theme', dark ? 'dark' : 'light');
}
