/** What was used and what it cost: figures for administrators, one's own for everybody. */
import { readFile } from 'node:fs/promises';

import { button } from './stage/chat';
import { useHouse, type Person } from './stage/house';
import { expectAccessible } from './stage/looks';
import { expect, test } from './stage/test';

const house = useHouse();
let ada: Person;

test.beforeAll(async () => {
	ada = await house().person('Ada Lindner', 'admin');
});
test.beforeEach(({ page }) => house().enter(page, ada));

test('a unit gets its cost centre', async ({ page }) => {
	await page.goto(`${house().url}/admin/units`);
	const form = page.getByRole('form', { name: 'Kostenstelle' });
	await form.getByLabel('Organisationseinheit').selectOption({ index: 1 });
	await form.getByLabel('Kostenstelle').fill('4711-0');
	await button(form, 'Speichern').click();
	await expect(page.getByRole('listitem').filter({ hasText: 'Kostenstelle 4711-0' })).toBeVisible();
	await expectAccessible(page);
});

test('figures say that too few people made requests, and are handed out', async ({ page }) => {
	await page.goto(`${house().url}/admin`);
	await page.getByRole('link', { name: 'Nutzung und Kosten' }).click();
	await expect(page.getByRole('main').getByRole('status')).toContainText('mindestens 5 Personen');
	await expectAccessible(page);
	await page.getByLabel('Aufgeteilt nach').selectOption('Modell');
	await expect(page).toHaveURL(/by=model/);
	await page.getByLabel('Aufgeteilt nach').selectOption('Organisationseinheit');
	await expect(page).toHaveURL(/by=unit/);

	const download = page.waitForEvent('download');
	await page.getByRole('link', { name: 'Als Tabelle (CSV)' }).click();
	const file = await (await download).path();
	const text = await readFile(file, 'utf8');
	expect(text).toContain('\uFEFFMonat;Von;Bis;Organisationseinheit;Kostenstelle;Verbraucher;Anfragen');
});

test('everybody sees their own usage', async ({ page }) => {
	await page.goto(`${house().url}/settings`);
	const own = page.getByRole('region', { name: 'Meine Nutzung' });
	await expect(own).toContainText('Diese Zahlen sehen nur Sie.');
	await expect(own).toContainText('Anfragen');
	await expectAccessible(page);
});

test('what programs use stands apart, at once', async ({ page }) => {
	const key = await house().serviceKey('Fachverfahren Wohngeld');
	const answer = await page.request.post(`${house().url}/v1/chat/completions`, {
		data: { model: 'fachwerk-auszug', messages: [{ role: 'user', content: 'Guten Tag' }] },
		headers: { authorization: `Bearer ${key}` }
	});
	expect(answer.status()).toBe(200);
	for (const [view, line] of [
		['unit', 'Ohne Organisationseinheit'],
		['model', 'fachwerk-auszug'],
		['day', /\d\d\.\d\d\.\d{4}/]
	] as const) {
		const row = page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: line }) });
		await expect(async () => {
			await page.goto(`${house().url}/admin/usage?by=${view}`);
			await expect(row).toContainText('Dienstkonto', { timeout: 1_000 });
		}).toPass();
		await expect(row).toContainText('0,00 €');
	}
	await expectAccessible(page);
});
