/** The catalogue of models: kept by administrators while the house runs, chosen by whoever may. */
import type { Page } from '@playwright/test';

import { ask, button, lastAnswer } from './stage/chat';
import { FakeModel } from './stage/fake-model';
import { useHouse, type Person } from './stage/house';
import { expectAccessible } from './stage/looks';
import { expect, test } from './stage/test';

let server: FakeModel;
let ada: Person;
let bert: Person;
let carla: Person;

test.beforeAll(async () => {
	server = await FakeModel.start();
});
test.afterAll(() => server.stop());
const house = useHouse(() => `[outbound]\nhosts = "${new URL(server.baseUrl).host}"`);
test.beforeAll(async () => {
	ada = await house().person('Ada Lindner', 'admin');
	bert = await house().person('Bert Moor');
	carla = await house().person('Carla Nowak');
});

const dialog = (page: Page) => page.getByRole('dialog');
const model = (page: Page, name: string) =>
	page.getByRole('region', { name: 'Modelle verwalten' }).getByRole('listitem').filter({
		has: page.getByRole('heading', { name, exact: true })
	});

async function enterAs(page: Page, person: Person, path: string) {
	await page.context().clearCookies();
	await house().enter(page, person, path);
}

/** The names of the models that whoever is signed in may choose in a conversation. */
async function offered(page: Page): Promise<string[]> {
	await page.getByRole('button', { name: /^Modell:/ }).click();
	const choices = page.getByRole('group', { name: 'Wer soll antworten?' }).getByRole('radio');
	await expect(choices.first()).toBeVisible();
	return choices.evaluateAll((all) => all.map((one) => (one as HTMLInputElement).value));
}

/** Fills in what a new model needs. */
async function fillIn(page: Page, name: string) {
	await button(page, 'Modell anlegen').click();
	await dialog(page).getByLabel('Name', { exact: true }).fill(name);
	await dialog(page).getByLabel('Adresse').fill(server.baseUrl);
	await dialog(page).getByLabel('Name des Modells auf dem Server').fill('probe');
	await dialog(page).getByLabel('Ort', { exact: true }).selectOption('eigenes Rechenzentrum');
	await dialog(page).getByLabel('Freigabe').selectOption('intern');
}

/** Sends something as the browser of `page` would. */
async function send(page: Page, method: 'post' | 'patch' | 'put', path: string, data: unknown) {
	const headers = { origin: house().url, 'x-fachwerk-csrf': '1' };
	const answer = await page.request[method](`${house().url}/api/${path}`, { data, headers });
	expect(answer.ok(), `${path}: ${await answer.text()}`).toBe(true);
	return answer.status() === 204 ? undefined : answer.json();
}

test('what does not fit is said beside its field, in the language of the page', async ({ page }) => {
	await house().enter(page, ada, '/admin/models');
	await expectAccessible(page);
	await fillIn(page, 'zwei worte');
	const form = dialog(page);
	await form.getByLabel('Adresse').fill('http://169.254.169.254/latest');
	await form.getByLabel('Name des Modells auf dem Server').fill('');
	await form.getByText('Weitere Angaben').click();
	await form.getByLabel('Rang').fill('erster');
	await form.getByLabel('Euro je Million gesendeter Token').fill('1.000,5');
	await button(form, 'Anlegen').click();
	for (const field of ['Rang', 'Euro je Million gesendeter Token']) {
		await expect(form.getByLabel(field)).toHaveAccessibleDescription(/Bitte eine Zahl eingeben/);
	}
	await expect(form.getByLabel('Rang')).toBeFocused();
	await expectAccessible(page);

	// What only the server knows comes back to its field too, also one that is folded away.
	await form.getByLabel('Rang').fill('5000');
	await form.getByLabel('Euro je Million gesendeter Token').fill('0,15');
	await button(form, 'Anlegen').click();
	await expect(form.getByLabel('Name', { exact: true })).toHaveAccessibleDescription(/Erlaubt sind höchstens 100 Zeichen/);
	await expect(form.getByLabel('Rang')).toHaveAccessibleDescription(/eine ganze Zahl von 1 bis 1000/);
	await expect(form.getByLabel('Name des Modells auf dem Server')).toHaveAccessibleDescription(/Diese Angabe fehlt/);
	await form.getByLabel('Name', { exact: true }).fill('fachwerk-auszug');
	await form.getByLabel('Rang').fill('');
	await form.getByLabel('Name des Modells auf dem Server').fill('probe');
	await button(form, 'Anlegen').click();
	await expect(form.getByLabel('Name', { exact: true })).toHaveAccessibleDescription(/gibt es schon/);
	await form.getByLabel('Name', { exact: true }).fill('neu');
	await button(form, 'Anlegen').click();
	await expect(form.getByLabel('Adresse')).toHaveAccessibleDescription(/Diesen Server hat der Betrieb nicht erlaubt/);

	await page.keyboard.press('Escape');
	await expect(form).toHaveCount(0);
	await expect(button(page, 'Modell anlegen')).toBeFocused();
});

test('a model is added, tested, opened to some, drained, changed and deleted', async ({ page }) => {
	await house().enter(page, ada, '/admin/models');
	const unit = await send(page, 'post', 'units', { name: 'Bauamt' });
	const { items } = await (await page.request.get(`${house().url}/api/users`)).json();
	const { id } = items.find((one: { name: string }) => one.name === bert.name);
	await send(page, 'patch', `users/${id}`, { units: [unit.id] });
	await page.reload();

	await fillIn(page, 'bau');
	await dialog(page).getByLabel('Wofür').fill('Bescheide des Bauamts');
	await dialog(page).getByLabel('Art des Servers').selectOption('vLLM');
	await dialog(page).getByLabel('Freigabe').selectOption('personenbezogen');
	await button(dialog(page), 'Anlegen').click();
	await expect(dialog(page)).toHaveCount(0);
	await expect(model(page, 'bau')).toContainText('vLLM, eigenes Rechenzentrum');

	await button(model(page, 'bau'), /^Testen/).click();
	const call = await server.nextCall();
	expect(call.request.model).toBe('probe');
	call.answer('ja');
	await expect(model(page, 'bau').getByRole('status')).toContainText(/Antwortet nach [\d,.]+\s(ms|Sek)/);

	await button(model(page, 'bau'), /^Wer darf es nutzen/).click();
	await dialog(page).getByLabel('Das Modell nutzen dürfen').selectOption('nur bestimmte');
	await dialog(page).getByLabel('Bauamt').check();
	await expectAccessible(page);
	await button(dialog(page), 'Speichern').click();
	await expect(model(page, 'bau')).toContainText('nicht für alle');
	await expect(button(model(page, 'bau'), /^Wer darf es nutzen/)).toBeFocused();
	await expectAccessible(page);

	// Outside the unit nobody sees it; inside it answers.
	await enterAs(page, carla, '/chat');
	expect(await offered(page)).toEqual(['fachwerk-auszug']);
	await enterAs(page, bert, '/chat');
	expect(await offered(page)).toEqual(['bau', 'fachwerk-auszug']);
	// By mouse, on the words and not on the circle.
	await page.getByRole('group', { name: 'Wer soll antworten?' }).getByText('bau', { exact: true }).click();
	await expect(page.getByRole('radio', { name: /^bau/ })).toBeChecked();
	await page.keyboard.press('Escape');
	await ask(page, 'Was kostet ein Carport?');
	const question = await server.nextCall();
	question.say('Das steht in der Gebührenordnung.');
	question.end();
	await expect(lastAnswer(page)).toContainText('Gebührenordnung');

	await enterAs(page, ada, '/admin/models');
	await button(model(page, 'bau'), /^Außer Betrieb nehmen/).click();
	await expect(model(page, 'bau')).toContainText('außer Betrieb genommen');
	await button(model(page, 'bau'), /^Wieder in Betrieb nehmen/).click();
	await expect(button(model(page, 'bau'), /^Außer Betrieb nehmen/)).toBeVisible();

	await button(model(page, 'bau'), /^Ändern/).click();
	await expect(dialog(page).getByLabel('Name', { exact: true })).toBeDisabled();
	await dialog(page).getByText('Weitere Angaben').click();
	await dialog(page).getByLabel('Euro je Million gesendeter Token').fill('0,15');
	await dialog(page).getByLabel('Längste Antwort in Token').fill('4096');
	await dialog(page).getByLabel('Token zählen mit').selectOption('o200k, für GPT-4o und neuere');
	await dialog(page).getByLabel('Günstigeres Modell, das einspringt').selectOption('fachwerk-auszug');
	const offers = dialog(page).getByRole('group', { name: 'Wofür der Server da ist' });
	await offers.getByLabel('Unterhaltungen (Chat)').uncheck();
	await button(dialog(page), 'Speichern').click();
	await expect(dialog(page)).toContainText('Bitte wählen Sie mindestens eines.');
	await offers.getByLabel('Unterhaltungen (Chat)').check();
	await offers.getByLabel('Einbettungen (Embeddings)').check();
	await expectAccessible(page);
	await button(dialog(page), 'Speichern').click();
	await expect(dialog(page)).toHaveCount(0);
	await button(model(page, 'bau'), /^Ändern/).click();
	await expect(dialog(page).getByLabel('Euro je Million gesendeter Token')).toHaveValue('0,15');
	await expect(dialog(page).getByLabel('Längste Antwort in Token')).toHaveValue('4096');
	await expect(dialog(page).getByLabel('Token zählen mit')).toHaveValue('o200k');
	await expect(dialog(page).getByLabel('Günstigeres Modell, das einspringt')).toHaveValue('fachwerk-auszug');
	await expect(offers.getByRole('checkbox', { checked: true })).toHaveCount(2);
	await button(dialog(page), 'Abbrechen').click();

	await button(model(page, 'bau'), /^Löschen/).click();
	await button(dialog(page), 'Löschen').click();
	await expect(model(page, 'bau')).toHaveCount(0);
	await expect(page.getByRole('heading', { name: 'Modelle verwalten' })).toBeFocused();
	await enterAs(page, bert, '/chat');
	expect(await offered(page)).toEqual(['fachwerk-auszug']);
});

test('two administrators at once lose nothing', async ({ page }) => {
	await house().enter(page, ada, '/admin/models');
	await fillIn(page, 'doppelt');
	await button(dialog(page), 'Anlegen').click();
	await button(model(page, 'doppelt'), /^Ändern/).click();
	await dialog(page).getByLabel('Wofür').fill('Meine Worte');

	// Somebody else is faster.
	const { items } = await (await page.request.get(`${house().url}/api/gateway/models`)).json();
	const { version, definition } = items.find(
		(one: { definition: { name: string } }) => one.definition.name === 'doppelt'
	);
	const other = { ...definition, description: 'Andere Worte' };
	await send(page, 'put', 'gateway/models/doppelt', { version, definition: other });

	await button(dialog(page), 'Speichern').click();
	await expect(dialog(page).getByRole('alert')).toContainText('inzwischen jemand anderes geändert');
	await expect(dialog(page).getByLabel('Wofür')).toHaveValue('Meine Worte');
	await expectAccessible(page);
	await button(dialog(page), 'Abbrechen').click();
	await page.reload();
	await button(model(page, 'doppelt'), /^Ändern/).click();
	await expect(dialog(page).getByLabel('Hinweis für Nutzende')).toHaveValue('Andere Worte');
});

test('a route that does not answer says why in plain words', async ({ page }) => {
	await house().enter(page, ada, '/admin/models');
	await fillIn(page, 'stumm');
	await button(dialog(page), 'Anlegen').click();
	await button(model(page, 'stumm'), /^Testen/).click();
	(await server.nextCall()).breakOff();
	await expect(model(page, 'stumm').getByRole('status')).toContainText(/Antwortet nicht: (keine Verbindung|Verbindung abgebrochen)/);
});
