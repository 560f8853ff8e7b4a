/** Slices text by Unicode code points, as the server counts, not by UTF-16 units, as JavaScript does. */

/** Cuts `text` into what stands before, inside and behind the range. */
export function splitAt(text: string, start: number, end: number): [string, string, string] {
	const points = [...text];
	const from = Math.max(0, Math.min(start, points.length));
	const to = Math.max(from, Math.min(end, points.length));
	return [
		points.slice(0, from).join(''),
		points.slice(from, to).join(''),
		points.slice(to).join('')
	];
}
