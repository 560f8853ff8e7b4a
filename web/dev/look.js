// Takes pictures of the built pages in both widths and themes and lets axe check them:
//   npm run build && node dev/look.js OUT-FOLDER [name …]
// Ends with 1 when axe finds something, a script fails, or the security policy refuses anything.
import { mkdirSync } from 'node:fs';

import { AxeBuilder } from '@axe-core/playwright';
import { chromium } from 'playwright-core';

import { scenes } from './scenes.js';

const [out = 'pictures', ...wanted] = process.argv.slice(2);
mkdirSync(out, { recursive: true });
process.env.PORT ??= '4199';
process.env.FACHWERK_FAKE_WORD_MS ??= '12';
await import('./serve-build.js');
const base = `http://127.0.0.1:${process.env.PORT}`;

const browser = await chromium.launch({
	executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
	args: [
		'--no-sandbox',
		'--disable-gpu',
		'--disable-background-networking',
		'--disable-component-update',
		'--disable-sync',
		'--no-first-run'
	]
});

const looks = [
	{ name: 'desktop-light', viewport: { width: 1280, height: 800 }, colorScheme: 'light' },
	{ name: 'desktop-dark', viewport: { width: 1280, height: 800 }, colorScheme: 'dark' },
	{ name: 'phone-light', viewport: { width: 360, height: 740 }, colorScheme: 'light' },
	{ name: 'phone-dark', viewport: { width: 360, height: 740 }, colorScheme: 'dark' }
];
const onlyLook = process.env.LOOK;

let trouble = 0;
function complain(text) {
	trouble += 1;
	console.log(`  ${text}`);
}

for (const look of looks.filter((one) => !onlyLook || one.name.includes(onlyLook))) {
	for (const [name, scene] of Object.entries(scenes)) {
		if (wanted.length > 0 && !wanted.includes(name)) continue;
		console.log(`${name} ${look.name}`);
		const context = await browser.newContext({ ...look, locale: 'de-DE' });
		const page = await context.newPage();
		page.on('console', (message) => {
			if (message.type() === 'error' && !/status of (401|404|422|429)|Not found: /.test(message.text())) {
				complain(message.text());
			}
		});
		page.on('pageerror', (error) => complain(`page error: ${error.message}`));
		try {
			await scene(page, base, { phone: look.viewport.width < 600 });
			const overflow = await page.evaluate(
				() => document.documentElement.scrollWidth - document.documentElement.clientWidth
			);
			if (overflow > 0) complain(`scrolls sideways by ${overflow} px`);
		} catch (error) {
			complain(`did not get there: ${error.message.split('\n')[0]}`);
		}
		await page.screenshot({ path: `${out}/${name}-${look.name}.png` });
		const { violations } = await new AxeBuilder({ page })
			.withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
			.analyze();
		for (const one of violations) {
			complain(`axe ${one.impact}: ${one.id}: ${one.nodes.map((node) => node.target).slice(0, 3)}`);
		}
		await context.close();
	}
}

await browser.close();
console.log(trouble === 0 ? 'nothing found' : `${trouble} findings`);
process.exit(trouble === 0 ? 0 : 1);
