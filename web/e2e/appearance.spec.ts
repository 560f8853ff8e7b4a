/** Language, theme and small screens. */
import type { Locator } from '@playwright/test';

import { ask, attach, button, citations, composer, finished } from './stage/chat';
import { BY_LAW } from './stage/documents';
import { useHouse, type Person } from './stage/house';
import { sidewaysOverflow } from './stage/looks';
import { expect, test } from './stage/test';
import { marks } from './stage/viewer';

const house = useHouse();
let ada: Person;

test.beforeAll(async () => {
	ada = await house().person('Ada Lindner');
});
test.beforeEach(({ page }) => house().enter(page, ada));

/** How many source numbers of an answer stand on another line than the word before them. */
function numbersApart(answer: Locator): Promise<number> {
	return citations(answer).evaluateAll(
		(numbers) =>
			numbers.filter((number) => {
				const words = document.createRange();
				words.setStartBefore(number.closest('p, li')!.firstChild!);
				words.setEndBefore(number.parentElement!);
				const end = [...words.getClientRects()].findLast(({ width }) => width > 0)!;
				return number.getBoundingClientRect().top > end.bottom;
			}).length
	);
}

test('the language changes at once and stays', async ({ page }) => {
	await button(page, 'Ada Lindner: Konto und Darstellung').click();
	await page.getByLabel('Sprache').selectOption('English');
	await expect(page.getByRole('heading', { name: 'What would you like to know?' })).toBeVisible();
	await expect(page.locator('html')).toHaveAttribute('lang', 'en');
	await page.goto(`${house().url}/documents/00000000-0000-7000-8000-000000000000`);
	await expect(page.locator('html')).toHaveAttribute('lang', 'en');
	await expect(page.getByRole('heading', { name: 'There is no such page' })).toBeVisible();
});

test('the server speaks the chosen language too', async ({ page }) => {
	await button(page, 'Ada Lindner: Konto und Darstellung').click();
	await page.getByLabel('Sprache').selectOption('English');
	await expect(page.locator('html')).toHaveAttribute('lang', 'en');
	// What was asked before the choice must have left.
	await page.waitForLoadState('networkidle');
	const [request] = await Promise.all([page.waitForRequest('**/api/**'), page.reload()]);
	expect(request.headers()['accept-language']).toMatch(/^en/);
});

test('the theme changes at once and stays', async ({ page }) => {
	const html = page.locator('html');
	await page.emulateMedia({ colorScheme: 'light' });
	await expect(html).toHaveAttribute('data-kern-theme', 'light');
	await button(page, 'Ada Lindner: Konto und Darstellung').click();
	await page.getByLabel('Darstellung', { exact: true }).selectOption('dunkel');
	await expect(html).toHaveAttribute('data-kern-theme', 'dark');
	await page.reload();
	await expect(html).toHaveAttribute('data-kern-theme', 'dark');
	await page.goto(`${house().url}/login`);
	await expect(html).toHaveAttribute('data-kern-theme', 'dark');
});

test.describe('on a phone', () => {
	test.use({ viewport: { width: 360, height: 740 }, hasTouch: true });

	test('the sidebar opens and closes by keyboard', async ({ page }) => {
		const menu = button(page, 'Seitenleiste');
		const sidebar = page.getByRole('complementary', { name: 'Seitenleiste' });
		await expect(sidebar).toBeHidden();
		await menu.focus();
		await page.keyboard.press('Enter');
		await expect(sidebar).toBeVisible();
		await expect(menu).toHaveAttribute('aria-expanded', 'true');
		await page.keyboard.press('Escape');
		await expect(sidebar).toBeHidden();
		await expect(menu).toBeFocused();

		await page.keyboard.press('Enter');
		await sidebar.getByRole('link', { name: 'Einstellungen' }).focus();
		await page.keyboard.press('Enter');
		await expect(page.getByRole('heading', { name: 'Einstellungen', level: 1 })).toBeVisible();
		await expect(sidebar).toBeHidden();
	});

	test('a source number never begins a line', async ({ page }) => {
		await attach(page, BY_LAW);
		await ask(page, 'Wann beginnt und wann endet die Steuerpflicht?');
		const answer = await finished(page);
		expect(await citations(answer).count()).toBeGreaterThan(2);
		for (let width = 320; width <= 480; width += 8) {
			await page.setViewportSize({ width, height: 740 });
			expect(await numbersApart(answer), `at ${width} px`).toBe(0);
		}
	});

	test('a source opens over the page and gives the focus back', async ({ page }) => {
		await attach(page, BY_LAW);
		await ask(page, 'Wann ist die Hundesteuer fällig?');
		const number = citations(await finished(page)).first();
		await number.click();
		const viewer = page.getByRole('dialog', { name: BY_LAW.name });
		await expect(marks(viewer).first()).toBeInViewport();
		expect(await sidewaysOverflow(page)).toBe(0);
		await page.keyboard.press('Escape');
		await expect(viewer).toBeHidden();
		await expect(number).toBeFocused();
	});

	test('nothing needs sideways scrolling', async ({ page }) => {
		await composer(page).fill('Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft');
		expect(await sidewaysOverflow(page)).toBe(0);
		for (const name of ['Wissenssammlungen', /^Modell:/, 'Mehr', 'Ada Lindner: Konto und Darstellung']) {
			await button(page, name).first().click();
			expect(await sidewaysOverflow(page)).toBe(0);
			await page.keyboard.press('Escape');
		}
	});
});
