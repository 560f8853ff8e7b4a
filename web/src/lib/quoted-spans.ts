/**
 * Finds a quote in the text that PDF.js lays over a page. The text there is cut into pieces at will,
 * hyphenated and full of ligatures, so only letters and digits are compared.
 */

/** A part of one piece of text, in UTF-16 units. */
export interface Stretch {
	piece: number;
	start: number;
	end: number;
}

/** Fewer letters than these at the edge of a page may agree by chance. */
const SURE = 12;

interface Letter {
	piece: number;
	at: number;
	length: number;
}

/** Where `quote` stands in `pieces`, or the part of it that this page has; empty if it is not there. */
export function quotedStretches(quote: string, pieces: readonly string[]): Stretch[] {
	const wanted = letters(quote).join('');
	const places: Letter[] = [];
	let text = '';
	pieces.forEach((piece, index) => {
		let at = 0;
		for (const sign of piece) {
			const plain = letters(sign).join('');
			text += plain;
			for (let unit = 0; unit < plain.length; unit += 1) {
				places.push({ piece: index, at, length: sign.length });
			}
			at += sign.length;
		}
	});
	const found = place(wanted, text);
	return found ? joined(places.slice(found.start, found.end), pieces) : [];
}

/** The letters and digits of `text`, without accents and ligatures. */
function letters(text: string): string[] {
	return text.normalize('NFKD').toLowerCase().match(/[\p{L}\p{N}]/gu) ?? [];
}

function place(wanted: string, text: string): { start: number; end: number } | undefined {
	if (wanted === '') return undefined;
	const start = text.indexOf(wanted);
	if (start >= 0) return { start, end: start + wanted.length };
	// A quote that goes on over the page: its beginning ends this page, or its end begins it.
	for (let length = Math.min(wanted.length, text.length) - 1; length >= SURE; length -= 1) {
		if (text.endsWith(wanted.slice(0, length))) return { start: text.length - length, end: text.length };
		if (text.startsWith(wanted.slice(-length))) return { start: 0, end: length };
	}
	return undefined;
}

function joined(found: readonly Letter[], pieces: readonly string[]): Stretch[] {
	const stretches: Stretch[] = [];
	for (const { piece, at, length } of found) {
		const last = stretches.at(-1);
		if (last?.piece === piece) last.end = at + length;
		else stretches.push({ piece, start: at, end: at + length });
	}
	const last = stretches.at(-1);
	// The full stop belongs to the sentence.
	if (last) last.end += /^[^\s\p{L}\p{N}]*/u.exec(pieces[last.piece]!.slice(last.end))![0].length;
	return stretches;
}
