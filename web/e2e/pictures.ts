/** Takes the pictures of the README: `npm run pictures`. */
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { type Page } from '@playwright/test';

import { ask, attach, button, citations, finished, lastAnswer } from './stage/chat';
import { BY_LAW } from './stage/documents';
import { useHouse, type Person } from './stage/house';
import { expect, test } from './stage/test';
import { marks, panel } from './stage/viewer';

const IMAGES = fileURLToPath(new URL('../../docs/images/', import.meta.url));
const QUESTION = 'Wer bekommt eine Steuerbefreiung auf Antrag?';
const EARLIER = ['Was kostet ein Hund im Kalenderjahr?', 'Wann ist die Hundesteuer fällig?'];
const house = useHouse();
let ada: Person;

test.beforeAll(async () => {
	mkdirSync(IMAGES, { recursive: true });
	ada = await house().person('Ada Lindner');
});

/** Asks one question after the other, each in a conversation of its own. */
async function askAll(page: Page, questions: string[]) {
	for (const question of questions) {
		await house().enter(page, ada);
		await attach(page, BY_LAW);
		await ask(page, question);
		await finished(page);
	}
	// As after an hour of reading: nothing waits for the keyboard.
	await page.reload();
	await finished(page);
}

/** Waits until the page with the mark is drawn. */
async function settled(page: Page) {
	const viewer = panel(page, BY_LAW.name);
	await expect(marks(viewer).first()).toBeInViewport();
	await expect(viewer.locator('[data-page="2"] .textLayer span').last()).toBeAttached();
	await expect(page.getByText('Antwort wird gerade geschrieben')).toHaveCount(0);
}

test('on a desk', async ({ page }) => {
	await page.emulateMedia({ colorScheme: 'light' });
	await askAll(page, [...EARLIER, QUESTION]);
	// The list of conversations folded away, the text and its proof side by side.
	await button(page, 'Seitenleiste').click();
	await citations(lastAnswer(page)).nth(1).click();
	await settled(page);
	await page.screenshot({ path: `${IMAGES}chat-light.png` });
	await page.emulateMedia({ colorScheme: 'dark' });
	await page.screenshot({ path: `${IMAGES}chat-dark.png` });
});

test.describe('on a phone', () => {
	test.use({ viewport: { width: 390, height: 780 }, deviceScaleFactor: 2, hasTouch: true });

	test('the answer', async ({ page }) => {
		await page.emulateMedia({ colorScheme: 'light' });
		await askAll(page, [QUESTION]);
		await page.screenshot({ path: `${IMAGES}phone.png` });
	});
});
