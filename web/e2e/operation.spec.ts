/** The live page for operators: routes, health, load, last errors, cost today. */
import type { Page } from '@playwright/test';

import { FakeModel } from './stage/fake-model';
import { useHouse, type Person } from './stage/house';
import { expectAccessible } from './stage/looks';
import { expect, test } from './stage/test';

let model: FakeModel;
let ada: Person;
let bert: Person;

test.beforeAll(async () => {
	model = await FakeModel.start();
});
test.afterAll(() => model.stop());
const house = useHouse(() => `${model.settings('internal')}
	order = 2
	price_input = 100
	price_output = 1000
	[[models.routes]]
	kind = "vllm"
	base_url = "http://127.0.0.1:9/v1"
	upstream_model = "gross"
	place = "germany"
	clearance = "open"
	order = 1
`);
test.beforeAll(async () => {
	ada = await house().person('Ada Lindner', 'admin');
	bert = await house().person('Bert Moor');
});

const route = (page: Page, name: string) => page.getByRole('listitem').filter({ hasText: name });

/** Asks as a program would, in the session of the browser. */
const ask = (page: Page, data_class: string) =>
	page.request.post(`${house().url}/v1/chat/completions`, {
		data: {
			model: 'standard',
			stream: true,
			messages: [{ role: 'user', content: 'geheim4711' }],
			fachwerk: { data_class }
		},
		headers: { origin: house().url, 'x-fachwerk-csrf': '1' }
	});

test('routes, load, errors and cost are seen as they change (O-1)', async ({ page }) => {
	await house().enter(page, ada, '/admin/operation');
	await expect(page.getByRole('heading', { name: 'standard', exact: true })).toBeVisible();
	const first = route(page, 'standard-1');
	const second = route(page, 'standard-2');
	await expect(first).toContainText('bereit');
	await expect(first).toContainText('0 von 16');
	await expectAccessible(page);

	// Open data goes to the second route first, which nobody listens on, then to the first.
	const asked = ask(page, 'open');
	const call = await model.nextCall();
	await expect(first).toContainText('1 von 16');
	await expect(second).toContainText('keine Verbindung');
	call.say('geheim4711');
	call.end();
	expect((await asked).status()).toBe(200);
	await expect(first).toContainText('0 von 16');
	await expect(first).toContainText(/Zeit bis zum ersten Stück\s*[\d,.]+\s(ms|Sek)/);

	// Ten tokens read at 100 euros a million, five written at 1,000.
	await expect(page.getByRole('region', { name: 'Heute' })).toContainText('0,0060 €');
	await expect(page.getByRole('main')).not.toContainText('geheim4711');
	await expectAccessible(page);
});

test('a route that breaks is said once, politely', async ({ page }) => {
	await house().enter(page, ada, '/admin/operation');
	const second = route(page, 'standard-2');
	await expect(second).toBeVisible();
	// The breaker opens after five failures in a row.
	for (let tries = 0; tries < 6; tries++) {
		const asked = ask(page, 'open');
		const call = await model.nextCall();
		call.end();
		await asked;
	}
	await expect(second).toContainText('ausgesetzt nach Fehlern');
	await expectAccessible(page);
});

test('it stands still when it shall, by keyboard', async ({ page }) => {
	await house().enter(page, ada, '/admin/operation');
	await expect(route(page, 'standard-1')).toBeVisible();
	const hold = page.getByRole('button', { name: 'Anhalten' });
	await hold.focus();
	await page.keyboard.press('Enter');
	await expect(page.getByRole('button', { name: 'Weiter' })).toBeFocused();
	await expect(page.getByText('Angehalten.')).toBeVisible();
	let looks = 0;
	page.on('request', (request) => {
		if (request.url().includes('/api/gateway/status')) looks += 1;
	});
	await page.waitForTimeout(6_000);
	expect(looks).toBe(0);
	await page.keyboard.press('Enter');
	await expect.poll(() => looks).toBeGreaterThan(0);
});

test('it is for administrators', async ({ page }) => {
	await house().enter(page, bert, '/admin/operation');
	await expect(page.getByRole('heading', { name: 'Diese Seite gibt es nicht' })).toBeVisible();
});
