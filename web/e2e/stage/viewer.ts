/** What is marked in a document that is shown. */
import type { Locator, Page } from '@playwright/test';

/** The document beside the conversation. */
export const panel = (page: Page, name: string) =>
	page.getByRole('complementary', { name }).or(page.getByRole('dialog', { name }));

/** The marks over the pages. */
export const marks = (viewer: Locator) => viewer.locator('[data-page] .mark');

/** Reads the words of a page that lie under its marks. */
export async function markedText(viewer: Locator, page: number): Promise<string> {
	await viewer.locator(`[data-page="${page}"] .textLayer span`).first().waitFor();
	return viewer.locator(`[data-page="${page}"]`).evaluate((element) => {
		const boxes = [...element.querySelectorAll('.mark')].map((mark) => mark.getBoundingClientRect());
		const covered = (span: Element) => {
			const { left, right, top, bottom } = span.getBoundingClientRect();
			const [x, y] = [(left + right) / 2, (top + bottom) / 2];
			return boxes.some((box) => box.left <= x && x <= box.right && box.top <= y && y <= box.bottom);
		};
		const spans = [...element.querySelectorAll('.textLayer span')];
		return spans.filter(covered).map((span) => span.textContent).join(' ');
	});
}

/** A text without what line breaks add or take away, so that two readings of it compare. */
export const letters = (text: string) => text.replace(/[\s\u00ad-]/g, '');
