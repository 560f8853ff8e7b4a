/** A short name for a browser, from what it says about itself; empty if that says nothing. */
export function deviceName(userAgent: string): string {
	const browser = first(userAgent, [
		[/\bEdg\//, 'Edge'],
		[/\bFirefox\//, 'Firefox'],
		[/\b(?:Chrome|Chromium)\//, 'Chrome'],
		[/\bSafari\//, 'Safari']
	]);
	const system = first(userAgent, [
		[/\bWindows\b/, 'Windows'],
		[/\bAndroid\b/, 'Android'],
		[/\b(?:iPhone|iPad)\b/, 'iOS'],
		[/\bMac OS X\b/, 'macOS'],
		[/\bLinux\b/, 'Linux']
	]);
	return [browser, system].filter(Boolean).join(', ');
}

function first(text: string, names: readonly [RegExp, string][]): string {
	return names.find(([pattern]) => pattern.test(text))?.[1] ?? '';
}
