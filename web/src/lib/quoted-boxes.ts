/** Where on a page of a PDF a quoted sentence stands, measured on the text that lies over the page. */
import type { PageBox } from './api';
import { quotedStretches, type Stretch } from './quoted-spans';

/** A rectangle in parts of the page, from its top left corner. */
export type Box = Pick<PageBox, 'x' | 'y' | 'width' | 'height'>;

/** One box for each line of `quote`, looked for only in the pieces of text that lie in `within`. */
export function quotedBoxes(
	quote: string,
	laid: readonly HTMLElement[],
	within: readonly Box[],
	page: HTMLElement
): Box[] {
	if (quote === '' || within.length === 0) return [];
	const frame = page.getBoundingClientRect();
	const share = ({ left, top, width, height }: DOMRect): Box => ({
		x: (left - frame.left) / frame.width,
		y: (top - frame.top) / frame.height,
		width: width / frame.width,
		height: height / frame.height
	});
	const inside = laid.filter((piece) => {
		const { x, y, width, height } = share(piece.getBoundingClientRect());
		return within.some((box) => holds(box, x + width / 2, y + height / 2));
	});
	const stretches = quotedStretches(
		quote,
		inside.map((piece) => piece.textContent ?? '')
	);
	return lines(stretches.map((stretch) => share(measure(inside[stretch.piece]!, stretch))));
}

function holds(box: Box, x: number, y: number): boolean {
	return box.x <= x && x <= box.x + box.width && box.y <= y && y <= box.y + box.height;
}

function measure(piece: HTMLElement, { start, end }: Stretch): DOMRect {
	const text = piece.firstChild;
	if (!text) return piece.getBoundingClientRect();
	const range = document.createRange();
	range.setStart(text, start);
	range.setEnd(text, end);
	return range.getBoundingClientRect();
}

/** Makes one box of those that stand beside each other. */
function lines(boxes: readonly Box[]): Box[] {
	const found: Box[] = [];
	for (const box of boxes) {
		const last = found.at(-1);
		const middle = box.y + box.height / 2;
		if (last && last.y < middle && middle < last.y + last.height && box.x >= last.x) {
			last.width = Math.max(last.width, box.x + box.width - last.x);
		} else found.push({ ...box });
	}
	return found;
}
