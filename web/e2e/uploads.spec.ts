/** What happens to the files that people drop. */
import type { Page } from '@playwright/test';

import { ask, attach, button, composer, finished } from './stage/chat';
import { BY_LAW, drop, gazettePages, type Sample } from './stage/documents';
import { useHouse, type Person } from './stage/house';
import { expectAccessible } from './stage/looks';
import { expect, test } from './stage/test';
import { expectEachSourceMarked } from './stage/viewer';

const house = useHouse();
let ada: Person;

test.beforeAll(async () => {
	ada = await house().person('Ada Lindner');
});
test.beforeEach(({ page }) => house().enter(page, ada));

const chip = (page: Page, name: string) =>
	page.getByLabel('Angehängte Dokumente').getByRole('listitem').filter({ hasText: name });

/** A PDF whose one page is empty. */
const EMPTY_PAGE = `%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj
trailer<</Root 1 0 R>>
`;

/** What the server says when its queue is full. */
const TOO_BUSY = {
	status: 503,
	contentType: 'application/problem+json',
	json: { title: 'Überlastet', status: 503, code: 'busy_for_a_test', detail: 'Gerade ist zu viel los.' }
};

const UNFIT: (Sample & { reason: RegExp })[] = [
	{
		name: 'Bild.png',
		type: 'image/png',
		bytes: Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1'),
		reason: /Möglich sind PDF, DOCX, ODT, HTML, Markdown und/
	},
	{
		name: 'Programm.pdf',
		type: 'application/pdf',
		bytes: Buffer.from('MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff', 'latin1'),
		reason: /Möglich sind PDF, DOCX, ODT, HTML, Markdown und/
	},
	{
		name: 'Kaputt.pdf',
		type: 'application/pdf',
		bytes: Buffer.from('%PDF-1.7\nhier fehlt alles'),
		reason: /Die Datei ist beschädigt/
	},
	{
		name: 'Scan.pdf',
		type: 'application/pdf',
		bytes: Buffer.from(EMPTY_PAGE),
		reason: /Scan ohne Text/
	}
];

for (const { reason, ...sample } of UNFIT) {
	test(`${sample.name} is turned away with its reason`, async ({ page }) => {
		await drop(page, sample);
		await expect(chip(page, sample.name).getByRole('status')).toHaveText(reason);
		await expectAccessible(page);
		await button(page, `${sample.name} entfernen`).click();
		await expect(chip(page, sample.name)).toHaveCount(0);
	});
}

test('a refused upload says why beside the name, and can be tried again', async ({ page }) => {
	await page.route('**/api/collections/*/documents', (route) => route.fulfill(TOO_BUSY), { times: 1 });
	await drop(page, BY_LAW);
	await expect(chip(page, BY_LAW.name).getByRole('status')).toHaveText('Gerade ist zu viel los.');
	await button(page, `${BY_LAW.name} erneut versuchen`).click();
	await expect(chip(page, BY_LAW.name)).toContainText('bereit');
	await expect(button(page, `${BY_LAW.name} erneut versuchen`)).toHaveCount(0);
});

test('many files come in, each once', async ({ page }) => {
	const sheets = Array.from({ length: 12 }, (_, number) => ({
		name: `Merkblatt ${number}.txt`,
		type: 'text/plain',
		bytes: Buffer.from(`Die Gebühr Nummer ${number} beträgt ${number} Euro.`)
	}));
	await drop(page, ...sheets, sheets[0]!);
	await expect(page.getByLabel('Angehängte Dokumente').getByRole('listitem')).toHaveCount(12);
	for (const { name } of sheets) await expect(chip(page, name)).toContainText('bereit');
	await expectAccessible(page);
	await button(page, `${sheets[0]!.name} entfernen`).click();
	await expect(page.getByLabel('Angehängte Dokumente').getByRole('listitem')).toHaveCount(11);
	await expect(composer(page)).toBeFocused();
});

test('an upload into a collection can be stopped, and what was refused is tried again', async ({ page }) => {
	await page.goto(`${house().url}/collections`);
	await page.getByRole('main').getByRole('link', { name: 'Meine Dokumente' }).click();
	await page.getByRole('heading', { level: 1, name: 'Meine Dokumente' }).waitFor();
	const row = (name: string) => page.getByRole('listitem').filter({ hasText: name });

	const held = page.waitForRequest('**/api/collections/*/documents');
	// Nobody answers: the upload stays under way until it is stopped.
	await page.route('**/api/collections/*/documents', () => undefined, { times: 1 });
	await drop(page, { ...BY_LAW, name: 'Irrtum.pdf' });
	const request = await held;
	const gone = page.waitForEvent('requestfailed', (failed) => failed === request);
	await expect(row('Irrtum.pdf')).toContainText('wird hochgeladen');
	await button(page, 'Hochladen von Irrtum.pdf abbrechen').click();
	await gone;
	await expect(row('Irrtum.pdf')).toHaveCount(0);

	await page.route('**/api/collections/*/documents', (route) => route.fulfill(TOO_BUSY), { times: 1 });
	await drop(page, { ...BY_LAW, name: 'Zweiter Versuch.pdf' });
	await expect(row('Zweiter Versuch.pdf').getByRole('alert')).toHaveText('Gerade ist zu viel los.');
	await expectAccessible(page);
	await button(page, 'Zweiter Versuch.pdf erneut versuchen').click();
	await expect(row('Zweiter Versuch.pdf')).toContainText('bereit');

	await drop(page, { ...BY_LAW, name: 'Zweiter Versuch.pdf' });
	await expect(page.getByText('„Zweiter Versuch.pdf“ liegt hier schon.')).toBeVisible();
	await expect(row('Zweiter Versuch.pdf')).toHaveCount(1);
});

test('a file is chosen by dialog as well', async ({ page }) => {
	const choosing = page.waitForEvent('filechooser');
	await button(page, /^Dokument hochladen/).click();
	const { name, type, bytes } = BY_LAW;
	await (await choosing).setFiles({ name, mimeType: type, buffer: bytes });
	await expect(chip(page, name)).toContainText('bereit');
});

const gazette = gazettePages();
if (gazette) {
	test('pages of the law gazette are read and cited at their place', async ({ page }) => {
		await attach(page, gazette);
		await ask(page, 'Wie kann ich mich gegen den Anspruch zur Wehr setzen?');
		await finished(page);
		expect(await expectEachSourceMarked(page, gazette.name)).toBeGreaterThanOrEqual(1);
	});
} else {
	console.warn('The shared data is absent: no page of the law gazette is read.');
}
