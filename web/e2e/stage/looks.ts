/** Checks a page as different people see it: on a desk and on a phone, light and dark, in both languages. */
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from '@playwright/test';

import { expect } from './test';

const LOOKS = [
	{ colorScheme: 'light', width: 1280, height: 800 },
	{ colorScheme: 'dark', width: 1280, height: 800 },
	{ colorScheme: 'dark', width: 360, height: 740 },
	{ colorScheme: 'light', width: 360, height: 740 }
] as const;
/** A window of 1280 by 1024 at 400 % (WCAG 2.2, 1.4.10 Reflow). */
const ENLARGED = { width: 320, height: 256 };
/** Where longer words show first. */
const NARROWEST = { width: 360, height: 740 };
/** Depends on the theme alone, and takes axe longer than all other rules together. */
const THEME_RULE = 'color-contrast';

/** Expects that nothing bars anybody from using the page, and that it fits every screen. */
export async function expectAccessible(page: Page): Promise<void> {
	const usual = page.viewportSize()!;
	for (const { colorScheme, ...size } of LOOKS) {
		await page.emulateMedia({ colorScheme });
		await page.setViewportSize(size);
		await expect(page.locator('html')).toHaveAttribute('data-kern-theme', colorScheme);
		await expectFit(page, `${colorScheme} ${size.width}`, []);
	}
	await page.emulateMedia({ colorScheme: null });
	await page.setViewportSize(ENLARGED);
	expect(await sidewaysOverflow(page), `${page.url()} at 400 %`).toBe(0);
	await page.setViewportSize(NARROWEST);
	await inEnglish(page, () => expectFit(page, 'English', [THEME_RULE]));
	await page.setViewportSize(usual);
}

async function expectFit(page: Page, look: string, leftOut: string[]) {
	const where = `${page.url()} ${look}`;
	await expect(page, where).toHaveTitle(/\S – Fachwerk$/);
	expect(await violations(page, leftOut), where).toEqual([]);
	expect(await sidewaysOverflow(page), where).toBe(0);
}

async function violations(page: Page, leftOut: string[]): Promise<string[]> {
	const { violations } = await new AxeBuilder({ page }).disableRules(leftOut).analyze();
	return violations.map(
		({ id, impact, help, nodes }) => `${id} (${impact}): ${help}: ${nodes.map((node) => node.target).join(', ')}`
	);
}

/** Changes the language as another window would, so that nothing on this page is touched. */
async function inEnglish(page: Page, look: () => Promise<void>) {
	const german = await page.title();
	await chosenElsewhere(page, 'en');
	await look();
	await chosenElsewhere(page, 'de');
	await expect(page).toHaveTitle(german);
}

async function chosenElsewhere(page: Page, locale: string) {
	await page.evaluate((newValue) => {
		localStorage.setItem('fachwerk.locale', newValue);
		dispatchEvent(new StorageEvent('storage', { key: 'fachwerk.locale', newValue }));
	}, locale);
	await expect(page.locator('html')).toHaveAttribute('lang', locale);
}

/** By how many pixels the page, or what scrolls in it, is wider than the window. */
export function sidewaysOverflow(page: Page): Promise<number> {
	return page.evaluate(() => {
		const scrolling = [document.documentElement, ...document.querySelectorAll('main, dialog')];
		return Math.max(...scrolling.map(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth));
	});
}
