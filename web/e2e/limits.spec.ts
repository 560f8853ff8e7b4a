/** Limits and budgets: set by an administrator, met by whoever asks, seen by each in their own place. */
import type { Page } from '@playwright/test';

import { ask, button } from './stage/chat';
import { useHouse, type Person } from './stage/house';
import { expectAccessible } from './stage/looks';
import { expect, test } from './stage/test';

const house = useHouse();
let ada: Person;
let bert: Person;

test.beforeAll(async () => {
	ada = await house().person('Ada Lindner', 'admin');
	bert = await house().person('Bert Moor');
});

const dialog = (page: Page) => page.getByRole('dialog');
const entry = (page: Page, name: string) =>
	page.getByRole('main').getByRole('listitem').filter({ hasText: name });

test('a limit is set, used up, seen and taken away', async ({ page }) => {
	await house().enter(page, ada, '/admin/limits');
	await expect(page.getByText('Es gibt keine Grenzen.')).toBeVisible();
	await expectAccessible(page);

	await button(page, 'Neue Grenze').click();
	await dialog(page).getByLabel('Für wen oder was').selectOption('Person');
	await dialog(page).getByLabel('Person', { exact: true }).selectOption({ label: `${bert.name} (${bert.email})` });
	await dialog(page).getByLabel('Anfragen je Minute').fill('1.000');
	await button(dialog(page), 'Speichern').click();
	await expect(dialog(page).getByText('Bitte eine Zahl eingeben')).toBeVisible();
	await expectAccessible(page);
	await dialog(page).getByLabel('Anfragen je Minute').fill('100');
	await dialog(page).getByLabel('Token im Monat').fill('1');
	await button(dialog(page), 'Speichern').click();
	// What one person uses is shown to nobody else.
	await expect(entry(page, 'Bert Moor')).toContainText('Wie viel davon verbraucht ist, sieht nur die Person selbst.');

	await button(page, 'Neue Grenze').click();
	await dialog(page).getByLabel('Für wen oder was').selectOption('Ganze Behörde');
	await dialog(page).getByLabel('Euro im Monat').fill('12,50');
	await dialog(page).getByLabel('Anfragen je Minute').fill('5000');
	await dialog(page).getByLabel('Wenn eine Grenze erreicht ist').selectOption('Günstigere Modellrouten nutzen');
	await button(dialog(page), 'Speichern').click();
	await expect(entry(page, 'Ganze Behörde')).toContainText('Budget im Monat: 12,50 €');
	await expectAccessible(page);

	// The first question takes more than the one token; the second has no room.
	await page.context().clearCookies();
	await house().enter(page, bert);
	await ask(page, 'Was kostet ein Hund?');
	await expect(page.getByText('Antwort wird gerade geschrieben')).toHaveCount(0);
	await expect(async () => {
		await page.goto(`${house().url}/settings`);
		await expect(page.getByRole('region', { name: 'Grenzen und Budgets' })).toContainText('zu 100 Prozent verbraucht', {
			timeout: 1_000
		});
	}).toPass();
	// Of what everybody shares, each sees the limit alone.
	await expect(page.getByRole('region', { name: 'Grenzen und Budgets' })).toContainText('Anfragen je Minute: 5.000');
	await expectAccessible(page);
	await page.goto(`${house().url}/chat`);
	await ask(page, 'Und eine Katze?');
	await expect(page.getByText('Das Budget für diesen Monat reicht')).toBeVisible();

	await page.context().clearCookies();
	await house().enter(page, ada, '/admin/limits');
	await entry(page, 'Bert Moor').getByRole('button', { name: 'Löschen' }).click();
	await button(dialog(page), 'Löschen').click();
	await expect(entry(page, 'Bert Moor')).toHaveCount(0);
	await entry(page, 'Ganze Behörde').getByRole('button', { name: 'Ändern' }).click();
	await expect(dialog(page).getByLabel('Euro im Monat')).toHaveValue('12,5');
});
