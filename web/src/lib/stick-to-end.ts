/** How close to the end, in pixels, still counts as being there. */
const NEAR_PX = 96;

/**
 * Keeps a scrolling element at its end while its content grows, as long as the person is there and
 * has not scrolled up to read.
 */
export function stickToEnd(element: HTMLElement): () => void {
	let sticking = true;
	const content = element.firstElementChild;

	const toEnd = () => {
		if (sticking) element.scrollTop = element.scrollHeight;
	};
	const look = () => {
		sticking = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_PX;
	};

	const growth = new ResizeObserver(toEnd);
	if (content) growth.observe(content);
	growth.observe(element);
	element.addEventListener('scroll', look, { passive: true });
	toEnd();
	return () => {
		growth.disconnect();
		element.removeEventListener('scroll', look);
	};
}
