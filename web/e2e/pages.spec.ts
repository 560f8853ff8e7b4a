/** The other pages, each used once and seen by everybody. */
import type { Page } from '@playwright/test';

import { button } from './stage/chat';
import { BY_LAW, drop } from './stage/documents';
import { useHouse, type Person } from './stage/house';
import { expectAccessible, sidewaysOverflow } from './stage/looks';
import { expect, test } from './stage/test';
import { letters, markedText, marks } from './stage/viewer';

const house = useHouse();
let ada: Person;

test.beforeAll(async () => {
	ada = await house().person('Ada Lindner', 'admin');
});
test.beforeEach(({ page }) => house().enter(page, ada));

const dialog = (page: Page) => page.getByRole('dialog');

test('a collection is made, filled, searched and emptied', async ({ page }) => {
	await page.getByRole('complementary').getByRole('link', { name: 'Wissenssammlungen' }).click();
	await button(page, 'Neue Sammlung').click();
	await dialog(page).getByLabel('Name').fill('Ortsrecht');
	await dialog(page).getByLabel('Wer darf sie sehen?').selectOption('für alle im Haus');
	await expectAccessible(page);
	await button(dialog(page), 'Anlegen').click();
	await expect(page.getByRole('heading', { name: 'Ortsrecht', level: 1 })).toBeVisible();

	await drop(page, BY_LAW);
	const row = page.getByRole('listitem').filter({ hasText: BY_LAW.name });
	await expect(row).toContainText('3 Seiten');
	await expectAccessible(page);

	await page.getByRole('complementary').getByRole('link', { name: 'Suche' }).click();
	await page.getByLabel('Suchbegriffe').fill('Ersatzmarke Gebühr');
	await page.keyboard.press('Enter');
	const hit = page.getByRole('article').first();
	await expect(hit).toContainText('5 Euro');
	expect(await hit.locator('mark').allInnerTexts()).toEqual(
		expect.arrayContaining(['Gebühr', 'Ersatzmarke'])
	);
	await expectAccessible(page);

	await hit.getByRole('link', { name: BY_LAW.name }).click();
	await expect(marks(page.locator('main')).first()).toBeInViewport();
	expect(letters(await markedText(page.locator('main'), 3))).toContain('eineGebührvon5Euro');
	await expectAccessible(page);

	await page.getByRole('link', { name: 'Ortsrecht' }).click();
	await button(page, `${BY_LAW.name} löschen`).click();
	await button(dialog(page), 'Löschen').click();
	await expect(page.getByText('Noch keine Dokumente.')).toBeVisible();
	await page.goto(`${house().url}/search?q=Ersatzmarke`);
	await expect(page.getByRole('heading', { name: /nichts gefunden/ })).toBeVisible();
	await expectAccessible(page);
});

test('a key is made, shown once and revoked', async ({ page }) => {
	await page.goto(`${house().url}/settings`);
	await expectAccessible(page);
	await button(page, 'Neuer Schlüssel').click();
	await page.getByLabel('Bezeichnung').fill('Fachverfahren Wohngeld');
	await button(page, 'Anlegen').click();
	const key = await page.getByLabel('Neuer API-Schlüssel').inputValue();
	const use = () => page.request.get(`${house().url}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
	expect((await use()).status()).toBe(200);
	await expectAccessible(page);

	await page.reload();
	await expect(page.getByRole('listitem').filter({ hasText: 'Fachverfahren Wohngeld' })).toBeVisible();
	await expect(page.getByText(key)).toHaveCount(0);
	await button(page, /^Widerrufen/).click();
	await button(dialog(page), 'Widerrufen').click();
	await expect(page.getByText('Sie haben keine Schlüssel.')).toBeVisible();
	expect((await use()).status()).toBe(401);
});

test('a key stands for a data class', async ({ page }) => {
	await page.goto(`${house().url}/settings`);
	await button(page, 'Neuer Schlüssel').click();
	const form = dialog(page);
	await form.getByLabel('Bezeichnung').fill('Aktenauskunft');
	await form.getByLabel('Datenklasse').selectOption('personenbezogen');
	await expectAccessible(page);
	await button(form, 'Anlegen').click();
	await button(page, 'Ich habe ihn notiert').click();
	await page.reload();
	const entry = page.getByRole('listitem').filter({ hasText: 'Aktenauskunft' });
	await expect(entry).toContainText('Mindestens Datenklasse: personenbezogen');
	await button(entry, /^Widerrufen/).click();
	await button(dialog(page), 'Widerrufen').click();
});

test('administrators find any key and revoke it, by keyboard', async ({ page }) => {
	const secret = await house().serviceKey('Wohngeld', '--class', 'personal', '--model', 'fachwerk-auszug');
	for (let number = 1; number <= 10; number++) await house().serviceKey(`Dienst ${number}`);
	const use = () => page.request.get(`${house().url}/v1/models`, { headers: { authorization: `Bearer ${secret}` } });
	expect((await use()).status()).toBe(200);

	await page.goto(`${house().url}/admin`);
	const program = page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: 'Wohngeld' }) });
	await expect(program).toContainText('Dienstkonto');
	await expect(program).not.toContainText('@');
	await page.getByRole('link', { name: 'API-Schlüssel' }).focus();
	await page.keyboard.press('Enter');
	await expectAccessible(page);
	await page.getByLabel('Filtern').focus();
	await page.keyboard.type('wohnGELD');
	await expect(page.getByRole('main').getByRole('status')).toHaveText('1 von 11 Schlüsseln');
	const row = page.getByRole('row').filter({ hasText: 'Wohngeld' });
	await expect(row).toContainText('Dienstkonto');
	await expect(row).toContainText('Nur fachwerk-auszug');
	await expect(row).toContainText('personenbezogen');

	await button(row, /^Widerrufen/).focus();
	await page.keyboard.press('Enter');
	await expect(dialog(page)).toContainText('„Wohngeld“');
	await button(dialog(page), 'Widerrufen').focus();
	await page.keyboard.press('Enter');
	await expect(page.getByText('ist widerrufen.')).toBeFocused();
	await expect(page.getByRole('main').getByRole('status')).toHaveText('Kein Schlüssel passt dazu.');
	expect((await use()).status()).toBe(401);
});

test('a key is narrowed to models, and its form says what is missing', async ({ page }) => {
	await page.goto(`${house().url}/settings`);
	await button(page, 'Neuer Schlüssel').click();
	await dialog(page).getByLabel('Modelle', { exact: true }).selectOption('nur bestimmte');
	await button(dialog(page), 'Anlegen').click();
	await expect(dialog(page).getByLabel('Bezeichnung')).toHaveAccessibleDescription(/Bitte geben Sie einen Namen ein/);
	await expect(dialog(page).getByLabel('Bezeichnung')).toBeFocused();
	await dialog(page).getByLabel('Bezeichnung').fill('Nur Auszüge');
	await button(dialog(page), 'Anlegen').click();
	await expect(dialog(page)).toContainText(/zwischen einem und \d+ Modelle/);
	await expectAccessible(page);
	await dialog(page).getByLabel('fachwerk-auszug').check();
	await button(dialog(page), 'Anlegen').click();
	await button(dialog(page), 'Ich habe ihn notiert').click();
	const entry = page.getByRole('listitem').filter({ hasText: 'Nur Auszüge' });
	await expect(entry).toContainText('Nur fachwerk-auszug');
	await expect(button(page, 'Neuer Schlüssel')).toBeFocused();
	// Whatever comes next finds no key.
	await entry.getByRole('button', { name: /^Widerrufen/ }).click();
	await button(dialog(page), 'Widerrufen').click();
	await expect(entry).toHaveCount(0);
});

test('an administrator adds people and units and checks the log', async ({ page }) => {
	await page.goto(`${house().url}/admin/units`);
	const form = page.getByRole('form', { name: 'Neue Einheit' });
	await form.getByLabel('Name').fill('Steueramt');
	await button(form, 'Anlegen').click();
	await expect(page.getByRole('main').getByText('Steueramt').first()).toBeVisible();
	await expectAccessible(page);

	await page.goto(`${house().url}/admin`);
	await button(page, 'Person hinzufügen').click();
	await expectAccessible(page);
	await dialog(page).getByLabel('Name').fill('Bert Moor');
	await dialog(page).getByLabel('E-Mail-Adresse').fill('bert@musterstadt.example');
	await dialog(page).getByLabel('Neues Passwort').fill(ada.password);
	await dialog(page).getByLabel('Passwort wiederholen').fill(ada.password);
	await button(dialog(page), 'Anlegen').click();
	const row = page.getByRole('row').filter({ hasText: 'Bert Moor' });
	await expect(row).toBeVisible();
	await expectAccessible(page);

	const units = button(page, 'Organisationseinheiten von Bert Moor');
	await units.click();
	await dialog(page).getByLabel('Steueramt').check();
	await expectAccessible(page);
	await button(dialog(page), 'Speichern').click();
	await expect(row).toContainText('Steueramt');
	await expect(units).toBeFocused();
	await units.click();
	await expect(dialog(page).getByLabel('Steueramt')).toBeChecked();
	await dialog(page).getByLabel('Steueramt').uncheck();
	await button(dialog(page), 'Speichern').click();
	await expect(row).not.toContainText('Steueramt');

	await page.goto(`${house().url}/admin/audit`);
	await button(page, 'Kette prüfen').click();
	await expect(page.getByText('Die Kette ist unversehrt.')).toBeVisible();
	const log = page.getByRole('region', { name: 'Prüfprotokoll' });
	const change = log.getByRole('row').filter({ has: page.getByRole('rowheader', { name: 'Person geändert' }) });
	await expect(change.first()).toContainText('im Browser');
	await expect(change.first()).toContainText('gesperrt: nein');
	await expect(log.getByRole('row', { name: /Person hinzugefügt/ }).last()).toContainText('Betrieb, Befehlszeile');
	// Words instead of codes, and all of them in sight.
	await expect(log).not.toContainText(/\b[a-z]+_[a-z_]+\b/);
	expect(await log.evaluate((one) => one.scrollWidth - one.clientWidth)).toBe(0);
	await expectAccessible(page);
	for (const section of ['models', 'system']) {
		await page.goto(`${house().url}/admin/${section}`);
		await expect(page.getByRole('heading', { level: 2 }).first()).toBeVisible();
		await expectAccessible(page);
	}
});

test('on a phone the sections of the administration are one row that follows the keyboard', async ({ page }) => {
	await page.setViewportSize({ width: 360, height: 740 });
	await page.goto(`${house().url}/admin/system`);
	const sections = page.getByRole('navigation', { name: 'Bereiche der Verwaltung' });
	const tops = () => sections.getByRole('link').evaluateAll((all) => all.map((one) => one.getBoundingClientRect().top));
	await expect.poll(async () => new Set(await tops()).size).toBe(1);
	await expect(sections.getByRole('link', { name: 'System' })).toBeInViewport({ ratio: 1 });
	await sections.getByRole('link', { name: 'Personen' }).focus();
	await expect(sections.getByRole('link', { name: 'Personen' })).toBeInViewport({ ratio: 1 });
	await page.keyboard.press('Enter');
	await expect(page.getByRole('table', { name: 'Personen' })).toBeVisible();
	await expect(sections.getByRole('link', { name: 'Personen' })).toHaveAttribute('aria-current', 'page');
	expect(await sidewaysOverflow(page)).toBe(0);
});
