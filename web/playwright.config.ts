import { defineConfig } from '@playwright/test';

/** Each spec file starts a program of its own (see `e2e/stage/house.ts`), so files may run side by side. */
export default defineConfig({
	testDir: 'e2e',
	outputDir: 'test-results',
	workers: 2,
	retries: 0,
	forbidOnly: true,
	reporter: 'list',
	// Generous, because the program may be a debug build on a busy machine; nothing waits this long.
	timeout: 300_000,
	expect: { timeout: 30_000 },
	use: {
		actionTimeout: 30_000,
		locale: 'de-DE',
		timezoneId: 'Europe/Berlin',
		viewport: { width: 1280, height: 800 },
		contextOptions: { reducedMotion: 'reduce' },
		screenshot: 'only-on-failure',
		trace: 'retain-on-failure',
		launchOptions: {
			executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
			args: [
				'--no-sandbox',
				'--disable-gpu',
				'--disable-background-networking',
				'--disable-component-update',
				'--disable-sync',
				'--no-first-run'
			]
		}
	},
	projects: [
		{ name: 'journeys', testMatch: '*.spec.ts' },
		{ name: 'pictures', testMatch: 'pictures.ts' }
	]
});
