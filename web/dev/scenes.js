// The pages and states worth looking at. Each scene brings a page there.

export const scenes = {
	async login(page, base) {
		await page.goto(`${base}/login`);
		await page.getByRole('button', { name: 'Anmelden' }).waitFor();
	},
	async 'login-failed'(page, base) {
		await page.goto(`${base}/login`);
		await page.getByLabel('E-Mail-Adresse').fill('a@b.example');
		await page.getByLabel('Passwort').fill('falsch');
		await page.getByRole('button', { name: 'Anmelden' }).click();
		await page.getByRole('alert').waitFor();
	},
	async setup(page, base) {
		await page.goto(`${base}/setup#token=abc`);
		await page.getByRole('heading', { level: 1 }).waitFor();
	},
	async chat(page, base) {
		await page.goto(`${base}/chat`);
		await page.getByRole('heading', { level: 1 }).waitFor();
	},
	async sidebar(page, base, { phone }) {
		await page.goto(`${base}/chat`);
		if (phone) await page.getByRole('button', { name: 'Seitenleiste' }).click();
		await page.getByRole('link', { name: /Verjährung/ }).waitFor();
	}
};
