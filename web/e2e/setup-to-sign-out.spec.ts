/** The journey of a first day: from the set-up link to an answer with its sources, and out again. */
import type { Page } from '@playwright/test';

import { ask, attach, button, citations, citedSentences, finished, lastAnswer, statements } from './stage/chat';
import { BY_LAW } from './stage/documents';
import { useHouse } from './stage/house';
import { expectAccessible } from './stage/looks';
import { expect, test } from './stage/test';
import { expectEachSourceMarked, letters, marks, panel } from './stage/viewer';

const house = useHouse();
const QUESTION = 'Wann beginnt und wann endet die Steuerpflicht?';

test('from the set-up link to an answer with sources, and out again', async ({ page, context }) => {
	await context.grantPermissions(['clipboard-read', 'clipboard-write']);

	await test.step('the set-up link leads to the first account', () => setUp(page));
	await test.step('a dropped document is read', async () => {
		await attach(page, BY_LAW);
		await expectAccessible(page);
	});
	await test.step('a question is answered with numbered sources', async () => {
		await ask(page, QUESTION);
		const answer = await finished(page);
		await expect(answer).toContainText('Die Steuerpflicht endet mit dem Ablauf des Monats');
		await expect(answer).toContainText('Auszüge, kein Sprachmodell');
		await expect(page).toHaveURL(/\/chat\/[0-9a-f-]{36}$/);
		await expectAccessible(page);
	});
	await test.step('each number opens its page with the passage marked', async () => {
		expect(await expectEachSourceMarked(page, BY_LAW.name)).toBeGreaterThanOrEqual(2);
		await expectAccessible(page);
		await button(panel(page, BY_LAW.name), 'Dokument schließen').click();
	});
	await test.step('the same by keyboard alone', () => openByKeyboard(page));
	await test.step('the answer is copied with its sources', () => copyAnswer(page));
	for (const length of ['kurz', 'mittel', 'lang']) {
		await test.step(`a ${length} summary cites every statement`, () => summarise(page, length));
	}
	await test.step('all is there after a reload', () => reload(page));
	await test.step('who signs out sees nothing any more', () => signOut(page));
});

async function setUp(page: Page) {
	await page.goto(house().setupLink);
	await page.getByLabel('Name').fill('Ada Lindner');
	await page.getByLabel('E-Mail-Adresse').fill('ada@musterstadt.example');
	await page.getByLabel('Neues Passwort').fill('korrekt pferd batterie');
	await page.getByLabel('Passwort wiederholen').fill('korrekt pferd batterie');
	await expectAccessible(page);
	await button(page, 'Konto anlegen und beginnen').click();
	await expect(page).toHaveURL(`${house().url}/chat`);
	await expect(page.getByRole('heading', { name: 'Was möchten Sie wissen?' })).toBeVisible();
	await expectAccessible(page);
}

async function openByKeyboard(page: Page) {
	const number = citations(lastAnswer(page)).nth(1);
	await lastAnswer(page).getByRole('button').first().focus();
	await expect(citations(lastAnswer(page)).first()).toBeFocused();
	await page.keyboard.press('Tab');
	await expect(number).toBeFocused();
	await page.keyboard.press('Enter');
	const viewer = panel(page, BY_LAW.name);
	await expect(viewer.getByRole('heading', { name: BY_LAW.name })).toBeFocused();
	await expect(marks(viewer).first()).toBeInViewport();
	for (const name of ['Auf eigener Seite öffnen', 'Datei herunterladen']) {
		await page.keyboard.press('Tab');
		await expect(viewer.getByRole('link', { name })).toBeFocused();
	}
	await page.keyboard.press('Escape');
	await expect(viewer).toBeHidden();
	await expect(number).toBeFocused();
}

async function copyAnswer(page: Page) {
	const answer = lastAnswer(page);
	await button(answer, 'Antwort mit Quellen kopieren').click();
	await expect(answer.getByRole('status')).toHaveText('Kopiert');
	const copied = await page.evaluate(() => navigator.clipboard.readText());
	const [said, sources] = copied.split('\nQuellen\n') as [string, string];
	for (const sentence of await citedSentences(answer)) {
		expect(letters(said)).toContain(`${letters(sentence)}[`);
		expect(sources).toContain(sentence);
	}
	for (const line of sources.trim().split('\n')) {
		expect(line).toMatch(/^\[\d\] Hundesteuersatzung\.pdf, Seite \d, § \d+ .*: „.*“$/);
	}
}

async function summarise(page: Page, length: string) {
	await button(page, 'Zusammenfassen').click();
	await page.getByRole('group', { name: 'Zusammenfassen' }).getByRole('button', { name: length }).click();
	await expect(page.getByText(`Zusammenfassung (${length})`).last()).toBeVisible();
	const answer = await finished(page);
	expect((await citedSentences(answer)).length).toBeGreaterThan(1);
	for (const statement of await statements(answer).allInnerTexts()) {
		expect(statement).toMatch(/\d$/);
	}
}

async function reload(page: Page) {
	const before = await lastAnswer(page).innerText();
	await page.reload();
	await expect(page.getByRole('article').getByText(QUESTION, { exact: true })).toBeVisible();
	await expect(page.getByRole('heading', { name: 'Antwort' })).toHaveCount(4);
	await expect(lastAnswer(page)).toHaveText(before, { useInnerText: true });
	const history = page.getByRole('complementary', { name: 'Seitenleiste' });
	await expect(history.getByRole('link', { name: QUESTION })).toHaveAttribute('aria-current', 'page');
}

async function signOut(page: Page) {
	const conversation = page.url();
	await button(page, 'Ada Lindner: Konto und Darstellung').click();
	await button(page, 'Abmelden').click();
	await expect(page.getByText('Sie sind abgemeldet.')).toBeVisible();
	await expectAccessible(page);
	await page.goto(conversation);
	await expect(page).toHaveURL(/\/login\?next=/);
	await expect(page.getByText(QUESTION)).toHaveCount(0);
}
