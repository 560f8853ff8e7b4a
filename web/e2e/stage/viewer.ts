/** What is marked in a document that is shown. */
import type { Locator, Page } from '@playwright/test';

import { citations, citedSentences, lastAnswer } from './chat';
import { expect } from './test';

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

/** Reads what of a page is marked as the quoted sentence, letter by letter. */
async function quotedText(viewer: Locator, page: number): Promise<string> {
	const sheet = viewer.locator(`[data-page="${page}"]`);
	await sheet.locator('.quoted').first().waitFor();
	return sheet.evaluate((element) => {
		const boxes = [...element.querySelectorAll('.quoted')].map((box) => box.getBoundingClientRect());
		const nodes = document.createTreeWalker(element.querySelector('.textLayer')!, NodeFilter.SHOW_TEXT);
		const range = document.createRange();
		let text = '';
		while (nodes.nextNode()) {
			const node = nodes.currentNode as Text;
			for (let at = 0; at < node.length; at += 1) {
				range.setStart(node, at);
				range.setEnd(node, at + 1);
				const { left, right, top, bottom } = range.getBoundingClientRect();
				const [x, y] = [(left + right) / 2, (top + bottom) / 2];
				const holds = (box: DOMRect) => box.left <= x && x <= box.right && box.top <= y && y <= box.bottom;
				if (boxes.some(holds)) text += node.data[at];
			}
		}
		return text;
	});
}

/** A text without what line breaks add or take away, so that two readings of it compare. */
export const letters = (text: string) => text.replace(/[\s\u00ad-]/g, '');

/**
 * Opens each source of the last answer and expects the document at the right page, with a mark over
 * the passage and a stronger one over the very sentence that the answer quotes. Returns how many
 * there were.
 */
export async function expectEachSourceMarked(page: Page, name: string): Promise<number> {
	const sentences = await citedSentences(lastAnswer(page));
	const viewer = panel(page, name);
	for (const [index, sentence] of sentences.entries()) {
		const number = citations(lastAnswer(page)).nth(index);
		const wanted = Number(/Seite (\d+)$/.exec((await number.getAttribute('aria-label'))!)![1]);
		await number.click();
		await expect(viewer.getByLabel('Gehe zu Seite')).toHaveValue(String(wanted));
		await expect(marks(viewer).first()).toBeInViewport();
		const quote = (await viewer.getByRole('blockquote').innerText()).replace(/^„|“$/g, '');
		expect(letters(quote)).toContain(letters(sentence));
		expect(letters(await markedText(viewer, wanted))).toContain(letters(quote));
		expect(letters(await quotedText(viewer, wanted))).toBe(letters(quote));
	}
	return sentences.length;
}
