// Runs before the first paint, so that neither the theme nor the language flickers. The same two
// keys are written by src/lib/theme.svelte.ts and src/lib/i18n.svelte.ts.
(function () {
	var root = document.documentElement;
	var theme = null;
	var locale = null;
	try {
		theme = localStorage.getItem('fachwerk.theme');
		locale = localStorage.getItem('fachwerk.locale');
	} catch {
		// Storage may be switched off: the system's choice stands.
	}
	if (theme !== 'light' && theme !== 'dark') {
		theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
	}
	root.setAttribute('data-kern-theme', theme);
	root.lang = locale === 'en' ? 'en' : 'de';
})();
