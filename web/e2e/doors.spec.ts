/** Who gets in, and who sees what. */
import { ask, attach, finished } from './stage/chat';
import { BY_LAW } from './stage/documents';
import { useHouse, type Person } from './stage/house';
import { expectAccessible } from './stage/looks';
import { expect, test } from './stage/test';

const house = useHouse();
const MISSING = 'Diese Seite gibt es nicht';
const NOBODY = '00000000-0000-7000-8000-000000000000';
let ada: Person;
let bert: Person;

test.beforeAll(async () => {
	ada = await house().person('Ada Lindner');
	bert = await house().person('Bert Moor');
});

test('signed out, every page leads to the login and back', async ({ page }) => {
	for (const path of ['/chat', `/chat/${NOBODY}`, '/search?q=Hund', '/collections', '/settings', '/admin']) {
		await page.goto(house().url + path);
		await expect(page).toHaveURL(`${house().url}/login?${new URLSearchParams({ next: path })}`);
		await expect(page.getByRole('heading', { name: 'Anmelden' })).toBeVisible();
	}
	await page.goto(`${house().url}/search?q=Hund`);
	await page.getByLabel('E-Mail-Adresse').fill(ada.email);
	await page.getByLabel('Passwort').fill(ada.password);
	await page.keyboard.press('Enter');
	await expect(page).toHaveURL(`${house().url}/search?q=Hund`);
});

test('the login leads to no other site', async ({ page }) => {
	for (const next of ['https://boese.example/', '//boese.example', '/\\boese.example']) {
		await page.goto(`${house().url}/login?${new URLSearchParams({ next })}`);
		await page.getByLabel('E-Mail-Adresse').fill(ada.email);
		await page.getByLabel('Passwort').fill(ada.password);
		await page.keyboard.press('Enter');
		await expect(page).toHaveURL(`${house().url}/chat`);
		await page.context().clearCookies();
	}
});

test('a used set-up link says so', async ({ page }) => {
	await page.goto(house().setupLink);
	await expect(page.getByText('Fachwerk ist bereits eingerichtet')).toBeVisible();
	await expectAccessible(page);
});

test('guessing a password is slowed down, with the time to wait', async ({ page }) => {
	const carla = await house().person('Carla Nord');
	await page.goto(`${house().url}/login`);
	const submit = page.getByRole('button', { name: 'Anmelden' });
	for (let attempt = 0; attempt < 5; attempt += 1) {
		await page.getByLabel('E-Mail-Adresse').fill(carla.email);
		await page.getByLabel('Passwort').fill(`geraten ${attempt}`);
		const answered = page.waitForResponse('**/api/session');
		await submit.click();
		expect((await answered).status()).toBe(401);
		await expect(page.getByRole('alert')).toHaveText('E-Mail-Adresse oder Passwort stimmt nicht.');
	}
	await page.getByLabel('Passwort').fill(carla.password);
	await submit.click();
	await expect(page.getByRole('alert')).toContainText('Zu viele Versuche');
	await expect(page.getByRole('alert')).toContainText(/Der nächste Versuch ist in \d+ Sekunden? möglich\./);
	await expect(submit).toBeDisabled();
	await expectAccessible(page);
});

test('what does not exist is not found', async ({ page }) => {
	await house().enter(page, ada);
	for (const path of [`/documents/${NOBODY}`, `/chat/${NOBODY}`, `/collections/${NOBODY}`, '/documents/x', '/gibt-es-nicht']) {
		await page.goto(house().url + path);
		await expect(page.getByRole('heading', { name: MISSING })).toBeVisible();
	}
	await expectAccessible(page);
	await page.getByRole('link', { name: 'Zur Startseite' }).click();
	await expect(page).toHaveURL(`${house().url}/chat`);
});

test('nobody opens what belongs to another', async ({ page, browser }) => {
	await house().enter(page, ada);
	await attach(page, BY_LAW);
	await ask(page, 'Wann ist die Steuer fällig?');
	await finished(page);
	const conversation = page.url();
	await page.getByRole('link', { name: BY_LAW.name }).click();
	await expect(page.getByRole('heading', { name: BY_LAW.name })).toBeVisible();
	const document = page.url();

	const other = await browser.newContext();
	const page2 = await other.newPage();
	await house().enter(page2, bert);
	await expect(page2.getByText('Hier erscheinen Ihre Unterhaltungen.')).toBeVisible();
	for (const address of [conversation, document, document.replace('/documents/', '/api/documents/')]) {
		await page2.goto(address);
		await expect(page2.getByText(/Hundesteuer/)).toHaveCount(0);
	}
	for (const address of [conversation, document]) {
		await page2.goto(address);
		await expect(page2.getByRole('heading', { name: MISSING })).toBeVisible();
	}
	await page2.goto(`${house().url}/search?q=Hundesteuer`);
	await expect(page2.getByRole('heading', { name: /nichts gefunden/ })).toBeVisible();
	await page2.goto(`${house().url}/admin`);
	await expect(page2.getByRole('heading', { name: MISSING })).toBeVisible();
	await other.close();
});
