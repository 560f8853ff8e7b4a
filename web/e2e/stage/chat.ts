/** What people do and see in a conversation. */
import type { Locator, Page } from '@playwright/test';

import { drop, type Sample } from './documents';
import { expect } from './test';

export const composer = (page: Page) => page.getByLabel('Ihre Nachricht');
export const button = (page: Page | Locator, name: string | RegExp) =>
	page.getByRole('button', { name, exact: typeof name === 'string' });
export const lastAnswer = (page: Page) =>
	page.getByRole('article').filter({ has: page.getByRole('heading', { name: 'Antwort' }) }).last();

/** The numbers in an answer, in the order in which they stand there. */
export const citations = (answer: Locator) => answer.locator('.text').getByRole('button', { name: /^Quelle \d+:/ });
/**
 * The statements of an answer: its paragraphs and list items, but for the first, by which the
 * built-in engine says what it is.
 */
export const statements = (answer: Locator) =>
	answer
		.locator('.text :is(p, li):not(:has(p, li))')
		.filter({ hasNotText: /kein Sprachmodell\):$/ });

/** Drops a document and waits until questions can rest on it. */
export async function attach(page: Page, sample: Sample): Promise<void> {
	await drop(page, sample);
	const chip = page.getByLabel('Angehängte Dokumente').getByRole('listitem');
	await expect(chip.filter({ hasText: sample.name })).toContainText('bereit');
}

export async function ask(page: Page, question: string): Promise<void> {
	await composer(page).fill(question);
	await composer(page).press('Enter');
	await expect(page.getByRole('article').getByText(question, { exact: true }).last()).toBeVisible();
}

/** Waits until the last answer is complete and returns it. */
export async function finished(page: Page): Promise<Locator> {
	const answer = lastAnswer(page);
	await expect(button(answer, 'Antwort mit Quellen kopieren')).toBeVisible();
	return answer;
}

/** What stands before each number of an answer: the sentence it proves. */
export function citedSentences(answer: Locator): Promise<string[]> {
	return statements(answer).evaluateAll((all) =>
		all.flatMap((statement) => {
			const sentences: string[] = [];
			let text = '';
			const nodes = document.createTreeWalker(statement, NodeFilter.SHOW_TEXT);
			while (nodes.nextNode()) {
				const node = nodes.currentNode;
				if (!node.parentElement!.closest('button')) text += node.textContent;
				else {
					sentences.push(text.trim());
					text = '';
				}
			}
			return sentences;
		})
	);
}
