/** Puts something on the clipboard, also where browsers hide the modern interface (plain HTTP). */
export async function copy(text: string, html?: string): Promise<boolean> {
	try {
		if (html && 'ClipboardItem' in window && navigator.clipboard?.write) {
			const item = new ClipboardItem({
				'text/plain': new Blob([text], { type: 'text/plain' }),
				'text/html': new Blob([html], { type: 'text/html' })
			});
			await navigator.clipboard.write([item]);
			return true;
		}
		await navigator.clipboard.writeText(text);
		return true;
	} catch {
		return copyBySelection(text, html);
	}
}

function copyBySelection(text: string, html?: string): boolean {
	const provide = (event: ClipboardEvent) => {
		event.preventDefault();
		event.clipboardData?.setData('text/plain', text);
		if (html) event.clipboardData?.setData('text/html', html);
	};
	document.addEventListener('copy', provide);
	try {
		return document.execCommand('copy');
	} finally {
		document.removeEventListener('copy', provide);
	}
}
