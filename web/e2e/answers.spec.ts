/** What becomes of an answer when people and model servers do not behave: with a model on a leash. */
import { ask, attach, button, citations, composer, finished, lastAnswer } from './stage/chat';
import { BY_LAW } from './stage/documents';
import { FakeModel } from './stage/fake-model';
import { useHouse, type Person } from './stage/house';
import { expectAccessible } from './stage/looks';
import { expect, test } from './stage/test';

let model: FakeModel;
let ada: Person;
const house = useHouse(async () => {
	model = await FakeModel.start();
	return model.settings('internal');
});

test.beforeAll(async () => {
	ada = await house().person('Ada Lindner');
});
test.beforeEach(({ page }) => house().enter(page, ada));
test.afterAll(() => model.stop());

test('an answer survives a reload while it streams', async ({ page }) => {
	await ask(page, 'Was kostet ein Hund?');
	const call = await model.nextCall();
	call.say('Ein Hund kostet ');
	await expect(lastAnswer(page)).toContainText('Ein Hund kostet');
	await expect(lastAnswer(page)).toHaveAttribute('aria-busy', 'true');

	await page.reload();
	await expect(lastAnswer(page)).toContainText('Ein Hund kostet');
	call.say('im Jahr 96 Euro.');
	await expect(lastAnswer(page)).toContainText('Ein Hund kostet im Jahr 96 Euro.');
	call.end();
	await expect(await finished(page)).toContainText('Modell standard, eigenes Rechenzentrum');
	await expect(page.getByText('Antwort wird gerade geschrieben')).toHaveCount(0);
});

test('a stopped answer keeps what was written, and the model is told to stop', async ({ page }) => {
	await ask(page, 'Was kostet eine Katze?');
	const call = await model.nextCall();
	call.say('Katzen kosten ');
	await expect(lastAnswer(page)).toContainText('Katzen kosten');
	await expectAccessible(page);

	await button(page, 'Anhalten').click();
	await call.over;
	await expect(lastAnswer(page)).toContainText('Angehalten. Der Text bis hierhin bleibt erhalten.');
	await page.reload();
	await expect(lastAnswer(page)).toContainText('Katzen kosten');
	await expect(button(page, 'Senden')).toBeVisible();
});

test('the list shows where an answer is being written, and when it is done', async ({ page }) => {
	await ask(page, 'Was kostet ein Vogel?');
	const call = await model.nextCall();
	await page.getByRole('complementary').getByRole('link', { name: 'Neue Unterhaltung' }).click();
	const entry = page.getByRole('complementary').getByRole('link', { name: 'Was kostet ein Vogel?' });
	await expect(entry).toContainText('Antwort wird gerade geschrieben');
	call.say('Vögel kosten nichts.');
	call.end();
	await expect(entry).not.toContainText('Antwort wird gerade geschrieben', { timeout: 10_000 });
});

test('a failed answer says why and can be tried again', async ({ page }) => {
	await ask(page, 'Was kostet ein Fisch?');
	const broken = await model.nextCall();
	broken.say('Fische ');
	await expect(lastAnswer(page)).toContainText('Fische');
	broken.breakOff();
	await expect(lastAnswer(page)).toContainText('Die Antwort ist nicht fertig geworden');
	await expect(lastAnswer(page)).toContainText('Der Modellserver hat nicht oder mit einem Fehler geantwortet.');
	await expectAccessible(page);

	await button(page, 'Erneut versuchen').click();
	const second = await model.nextCall();
	second.say('Fische kosten nichts.');
	second.end();
	await expect(await finished(page)).toContainText('Fische kosten nichts.');
	await expect(lastAnswer(page)).not.toContainText('Die Antwort ist nicht fertig geworden');
});

test('what a model is not cleared for is refused in plain words and never sent', async ({ page }) => {
	const before = model.count;
	await button(page, 'Mehr').click();
	await page.getByLabel('Datenklasse dieser Nachricht').selectOption({ label: 'personenbezogen' });
	await page.keyboard.press('Escape');
	await composer(page).fill('Was verdient Herr Muster?');
	await button(page, 'Senden').click();

	const refusal =
		'Die Daten sind „personenbezogen“, das Modell „standard“ ist nur bis „intern“ freigegeben. ' +
		'Möglich wären: fachwerk-auszug.';
	await expect(page.getByRole('alert')).toHaveText(refusal);
	await expect(composer(page)).toHaveValue('Was verdient Herr Muster?');
	await expectAccessible(page);
	expect(model.count).toBe(before);
});

test('a model gets passages as quoted data; marks without a source are taken out', async ({ page }) => {
	await attach(page, BY_LAW);
	await ask(page, 'Wann ist die Steuer fällig?');
	const call = await model.nextCall();
	expect(JSON.stringify(call.request.messages)).toContain('am 1. Juli eines jeden Jahres');
	call.say('Die Steuer ist am 1. Juli fällig [1]. Das hat niemand gesagt [97].');
	call.end();

	const answer = await finished(page);
	await expect(citations(answer)).toHaveCount(1);
	await expect(answer).toContainText('1 Quellenangabe wurde entfernt');
	await expect(answer).not.toContainText('97');
});
