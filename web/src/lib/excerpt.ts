/** Which part of a found passage is shown, and which words in it were asked for. */

/** A piece of a text, in Unicode code points. */
export interface TextRange {
	start: number;
	end: number;
}

export interface Piece {
	text: string;
	/** Whether the query asked for it. */
	match: boolean;
}

/** About as much as the lines of a hit hold, in code points. */
const WINDOW = 320;
/** A beginning shorter than this is shown rather than left out. */
const BEGINNING = 140;
/** How much is shown before the first word that matters. */
const LEAD = 60;

/** Cuts `text` into pieces, beginning shortly before the place with the most `matches`. */
export function excerpt(text: string, matches: readonly TextRange[]): Piece[] {
	const points = [...text];
	let at = beginning(points, matches);
	const pieces: Piece[] = at > 0 ? [{ text: '… ', match: false }] : [];
	const add = (end: number, match: boolean) => {
		if (end > at) pieces.push({ text: points.slice(at, end).join(''), match });
		at = Math.max(at, end);
	};
	for (const { start, end } of matches) {
		add(start, false);
		if (start >= at) add(end, true);
	}
	add(points.length, false);
	return pieces;
}

function beginning(points: readonly string[], matches: readonly TextRange[]): number {
	let best = { start: 0, count: 0 };
	for (const { start } of matches) {
		const within = matches.filter((one) => one.start >= start && one.end <= start + WINDOW);
		if (within.length > best.count) best = { start, count: within.length };
	}
	if (best.start <= BEGINNING) return 0;
	const blank = points.findIndex((sign, at) => at >= best.start - LEAD && /\s/.test(sign));
	return blank < 0 || blank >= best.start ? best.start : blank + 1;
}
