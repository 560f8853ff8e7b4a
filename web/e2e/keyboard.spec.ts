/** The journey of a first day without a mouse: every step is taken with keys, from where the focus is. */
import type { Locator, Page } from '@playwright/test';

import { button, citations, composer, finished, lastAnswer } from './stage/chat';
import { BY_LAW } from './stage/documents';
import { useHouse } from './stage/house';
import { expect, test } from './stage/test';
import { marks, panel } from './stage/viewer';

const house = useHouse();
const QUESTION = 'Wann ist die Hundesteuer fällig?';
const PASSWORD = 'korrekt pferd batterie';
/** More steps than this between two places are too many for anybody. */
const STEPS_MAX = 40;

test.use({ actionTimeout: 10_000 });

/** Goes on with Tab until `wanted` has the focus; it must be seen there. */
async function tabTo(page: Page, wanted: Locator, key: 'Tab' | 'Shift+Tab' = 'Tab') {
	for (let step = 0; step < STEPS_MAX; step += 1) {
		if (await wanted.evaluateAll((found) => found.includes(document.activeElement as never))) break;
		await page.keyboard.press(key);
	}
	await expect(wanted).toBeFocused();
	await expect(wanted).toBeInViewport();
	await expectFocusSeen(page);
}

/** Expects a ring around what has the focus, or around the field it stands in. */
async function expectFocusSeen(page: Page) {
	const ringed = await page.evaluate(() => {
		let element: Element | null = document.activeElement;
		for (let up = 0; element && up < 5; up += 1) {
			const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
			if (outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2) return true;
			if (element.matches('input, select, textarea') && boxShadow !== 'none') return true;
			element = element.parentElement;
		}
		return false;
	});
	const where = await page.evaluate(() => document.activeElement?.outerHTML.slice(0, 120));
	expect(ringed, `a focus ring at ${where}`).toBe(true);
}

async function type(page: Page, wanted: Locator, text: string) {
	await tabTo(page, wanted);
	await page.keyboard.type(text);
}

test('from the set-up link to signing out without a mouse', async ({ page, context }) => {
	await context.grantPermissions(['clipboard-read', 'clipboard-write']);
	await test.step('set up', async () => {
		await page.goto(house().setupLink);
		await type(page, page.getByLabel('Name'), 'Ada Lindner');
		await type(page, page.getByLabel('E-Mail-Adresse'), 'ada@musterstadt.example');
		await type(page, page.getByLabel('Neues Passwort'), PASSWORD);
		await type(page, page.getByLabel('Passwort wiederholen'), PASSWORD);
		await page.keyboard.press('Enter');
		await expect(composer(page)).toBeFocused();
	});
	await test.step('sign out and in', async () => {
		await signOut(page);
		await type(page, page.getByLabel('E-Mail-Adresse'), 'ada@musterstadt.example');
		await type(page, page.getByLabel('Passwort'), PASSWORD);
		await page.keyboard.press('Enter');
		await expect(composer(page)).toBeFocused();
	});
	await test.step('skip to the contents', () => skip(page));
	await test.step('upload', () => upload(page));
	await test.step('ask', async () => {
		await tabTo(page, composer(page), 'Shift+Tab');
		await page.keyboard.type(QUESTION);
		await page.keyboard.press('Enter');
		await finished(page);
		await expect(composer(page)).toBeFocused();
	});
	await test.step('open a source and come back', () => openSource(page));
	await test.step('copy', async () => {
		const copy = button(lastAnswer(page), 'Antwort mit Quellen kopieren');
		await tabTo(page, copy);
		await page.keyboard.press('Enter');
		await expect(lastAnswer(page).getByRole('status')).toHaveText('Kopiert');
		expect(await page.evaluate(() => navigator.clipboard.readText())).toContain('Quellen');
	});
	await test.step('summarise', () => summarise(page));
	await test.step('go to an earlier conversation', () => goBack(page));
	await test.step('sign out', () => signOut(page));
});

async function skip(page: Page) {
	await page.reload();
	await expect(composer(page)).toBeFocused();
	const link = page.getByRole('link', { name: 'Zum Inhalt springen' });
	await tabTo(page, link, 'Shift+Tab');
	await page.keyboard.press('Enter');
	await expect(page.getByRole('main')).toBeFocused();
}

async function upload(page: Page) {
	await tabTo(page, page.getByRole('button', { name: 'Dateien anhängen' }));
	const choosing = page.waitForEvent('filechooser');
	await page.keyboard.press('Enter');
	const { name, type, bytes } = BY_LAW;
	await (await choosing).setFiles({ name, mimeType: type, buffer: bytes });
	const chip = page.getByLabel('Angehängte Dokumente').getByRole('listitem');
	await expect(chip).toContainText('bereit');
}

async function openSource(page: Page) {
	const number = citations(lastAnswer(page)).first();
	await tabTo(page, number, 'Shift+Tab');
	await page.keyboard.press('Enter');
	const viewer = panel(page, BY_LAW.name);
	await expect(viewer.getByRole('heading', { name: BY_LAW.name })).toBeFocused();
	await expect(marks(viewer).first()).toBeInViewport();
	await tabTo(page, viewer.getByRole('button', { name: 'Nur Text' }));
	await page.keyboard.press('Space');
	await expect(viewer.locator('mark strong')).toBeInViewport();
	await tabTo(page, viewer.getByRole('button', { name: 'Dokument schließen' }), 'Shift+Tab');
	await page.keyboard.press('Enter');
	await expect(viewer).toBeHidden();
	await expect(number).toBeFocused();
}

async function summarise(page: Page) {
	await tabTo(page, button(page, 'Zusammenfassen'));
	await page.keyboard.press('Enter');
	await tabTo(page, page.getByRole('group', { name: 'Zusammenfassen' }).getByRole('button', { name: 'mittel' }));
	await page.keyboard.press('Enter');
	await expect(page.getByText('Zusammenfassung (mittel)').last()).toBeVisible();
	const answer = await finished(page);
	await expect(answer.getByRole('heading', { level: 3, name: /^§/ }).first()).toBeVisible();
	await expect(composer(page)).toBeFocused();
}

async function goBack(page: Page) {
	const link = page.getByRole('complementary').getByRole('link', { name: 'Neue Unterhaltung' });
	await tabTo(page, link, 'Shift+Tab');
	await page.keyboard.press('Enter');
	await expect(page.getByRole('heading', { name: 'Was möchten Sie wissen?' })).toBeVisible();
	await expect(composer(page)).toBeFocused();
	const earlier = page.getByRole('complementary').getByRole('link', { name: QUESTION });
	await tabTo(page, earlier, 'Shift+Tab');
	await page.keyboard.press('Enter');
	await expect(page.getByRole('article').getByText(QUESTION, { exact: true })).toBeVisible();
	await expect(composer(page)).toBeFocused();
}

async function signOut(page: Page) {
	await tabTo(page, button(page, 'Ada Lindner: Konto und Darstellung'), 'Shift+Tab');
	await page.keyboard.press('Enter');
	await tabTo(page, button(page, 'Abmelden'));
	await page.keyboard.press('Enter');
	await expect(page.getByText('Sie sind abgemeldet.')).toBeVisible();
}
