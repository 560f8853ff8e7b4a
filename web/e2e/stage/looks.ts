/** Checks a page as different people see it: on a desk and on a phone, light and dark. */
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from '@playwright/test';

import { expect } from './test';

const LOOKS = [
	{ colorScheme: 'light', width: 1280, height: 800 },
	{ colorScheme: 'dark', width: 1280, height: 800 },
	{ colorScheme: 'dark', width: 360, height: 740 },
	{ colorScheme: 'light', width: 360, height: 740 }
] as const;

/** Expects that nothing serious bars anybody from using the page, and that it fits every screen. */
export async function expectAccessible(page: Page): Promise<void> {
	const usual = page.viewportSize()!;
	for (const { colorScheme, ...size } of LOOKS) {
		await page.emulateMedia({ colorScheme });
		await page.setViewportSize(size);
		await expect(page.locator('html')).toHaveAttribute('data-kern-theme', colorScheme);
		const look = `${page.url()} ${colorScheme} ${size.width}`;
		expect(await seriousViolations(page), look).toEqual([]);
		expect(await sidewaysOverflow(page), look).toBe(0);
	}
	await page.emulateMedia({ colorScheme: null });
	await page.setViewportSize(usual);
}

async function seriousViolations(page: Page): Promise<string[]> {
	const { violations } = await new AxeBuilder({ page }).analyze();
	return violations
		.filter(({ impact }) => impact === 'serious' || impact === 'critical')
		.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.target).join(', ')}`);
}

export function sidewaysOverflow(page: Page): Promise<number> {
	return page.evaluate(() => {
		const { scrollWidth, clientWidth } = document.documentElement;
		return scrollWidth - clientWidth;
	});
}
