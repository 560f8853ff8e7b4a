/** Where to go after signing in: only to a page of our own, whatever an address claims. */
export function localPath(wanted: string | null): string {
	if (!wanted || !wanted.startsWith('/') || /^\/[/\\]/.test(wanted)) return '/chat';
	if (wanted.startsWith('/login') || wanted.startsWith('/setup')) return '/chat';
	return wanted;
}
