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
		await page.getByRole('link', { name: /Verjährung von/ }).waitFor();
	},
	async streaming(page, base) {
		await begin(page, base, 'Wie lange ist die regelmäßige Verjährungsfrist?');
		await page.getByText('wird geschrieben').first().waitFor();
		await page.waitForTimeout(150);
	},
	async answer(page, base) {
		await begin(page, base, 'Wie lange ist die regelmäßige Verjährungsfrist?');
		await finished(page);
	},
	async 'answer-failed'(page, base) {
		await begin(page, base, 'Bitte mit Fehler antworten');
		await page.getByRole('button', { name: 'Erneut versuchen' }).waitFor();
	},
	async panel(page, base) {
		await begin(page, base, 'Wie lange ist die regelmäßige Verjährungsfrist?');
		await finished(page);
		await page.getByRole('button', { name: /^Quelle 2/ }).first().click();
		await page.locator('[data-page="4"] canvas').waitFor();
		await page.locator('.textLayer span').first().waitFor();
		await page.waitForTimeout(500);
	},
	async attached(page, base) {
		await page.goto(`${base}/chat`);
		await page.getByLabel('Dateien anhängen').first().setInputFiles([
			{ name: 'Satzung über die Sondernutzung öffentlicher Straßen.txt', mimeType: 'text/plain', buffer: Buffer.from('x') },
			{ name: 'Leitfaden.md', mimeType: 'text/plain', buffer: Buffer.from('x') }
		]);
		await page.getByText(/gelesen$/).first().waitFor();
		await page.getByRole('button', { name: 'Zusammenfassen', exact: true }).click();
	},
	async models(page, base) {
		await page.goto(`${base}/chat`);
		await page.getByRole('button', { name: /^Modell:/ }).click();
	},
	async 'collection-choice'(page, base) {
		await page.goto(`${base}/chat`);
		await page.getByRole('button', { name: 'Wissenssammlungen' }).click();
	},
	async search(page, base) {
		await page.goto(`${base}/search?q=Kündigungsfrist+Verjährungsfrist`);
		await page.getByRole('article').first().waitFor();
	},
	async 'search-none'(page, base) {
		await page.goto(`${base}/search?q=Quantenfeldtheorie`);
		await page.getByRole('heading', { level: 2, name: /nichts gefunden/ }).waitFor();
	},
	async collections(page, base) {
		await page.goto(`${base}/collections`);
		await page.getByRole('link', { name: 'Bauordnungsrecht' }).waitFor();
	},
	async collection(page, base) {
		await page.goto(`${base}/collections`);
		await page.getByRole('link', { name: 'Bauordnungsrecht' }).click();
		await page.getByRole('heading', { level: 1, name: 'Bauordnungsrecht' }).waitFor();
	},
	async 'collection-new'(page, base) {
		await page.goto(`${base}/collections`);
		await page.getByRole('button', { name: 'Neue Sammlung' }).click();
		await page.getByRole('dialog').getByLabel('Name').fill('Sozialrecht');
	},
	async 'collection-delete'(page, base) {
		await page.goto(`${base}/collections`);
		await page.getByRole('link', { name: 'Bauordnungsrecht' }).click();
		await page.getByRole('button', { name: 'Löschen', exact: true }).click();
		await page.getByRole('dialog').waitFor();
	},
	async document(page, base) {
		await page.goto(`${base}/search?q=Kündigungsfrist`);
		await page.getByRole('link', { name: 'Bürgerliches Gesetzbuch.pdf' }).first().click();
		await page.locator('.textLayer span').first().waitFor();
		await page.waitForTimeout(400);
	},
	async 'document-text'(page, base) {
		await page.goto(`${base}/search?q=Kündigungsfrist`);
		await page.getByRole('link', { name: 'Leitfaden' }).first().click();
		await page.locator('mark').waitFor();
	},
	async missing(page, base) {
		await page.goto(`${base}/gibt-es-nicht`);
		await page.getByRole('heading', { level: 1 }).waitFor();
	},
	async settings(page, base) {
		await page.goto(`${base}/settings`);
		await page.getByRole('heading', { name: 'API-Schlüssel' }).waitFor();
	},
	async 'key-new'(page, base) {
		await page.goto(`${base}/settings`);
		await page.getByRole('button', { name: 'Neuer Schlüssel' }).click();
		await page.getByLabel('Bezeichnung').fill('Wohngeld');
	},
	async 'key-made'(page, base) {
		await page.goto(`${base}/settings`);
		await page.getByRole('button', { name: 'Neuer Schlüssel' }).click();
		await page.getByLabel('Bezeichnung').fill('Wohngeld');
		await page.getByRole('button', { name: 'Anlegen' }).click();
		await page.getByLabel('Neuer API-Schlüssel').waitFor();
	},
	async people(page, base) {
		await page.goto(`${base}/admin`);
		await page.getByRole('table').waitFor();
	},
	async 'person-new'(page, base) {
		await page.goto(`${base}/admin`);
		await page.getByRole('button', { name: 'Person hinzufügen' }).click();
	},
	async units(page, base) {
		await page.goto(`${base}/admin/units`);
		await page.getByText('Bauaufsicht').first().waitFor();
	},
	async 'tenant-keys'(page, base) {
		await page.goto(`${base}/admin/keys`);
		await page.getByRole('table').waitFor();
	},
	async limits(page, base) {
		await page.goto(`${base}/admin/limits`);
		await page.getByText('Ganze Behörde').first().waitFor();
	},
	async 'limit-new'(page, base) {
		await page.goto(`${base}/admin/limits`);
		await page.getByRole('button', { name: 'Neue Grenze' }).click();
	},
	async audit(page, base) {
		await page.goto(`${base}/admin/audit`);
		await page.getByRole('button', { name: 'Kette prüfen' }).click();
		await page.getByText('unversehrt').waitFor();
	},
	async 'admin-models'(page, base) {
		await page.goto(`${base}/admin/models`);
		await page.getByText('[[models.routes]]').waitFor();
	},
	async system(page, base) {
		await page.goto(`${base}/admin/system`);
		await page.getByText('Suchindex').waitFor();
	},
	async 'user-menu'(page, base) {
		await page.goto(`${base}/chat`);
		await page.getByRole('button', { name: /Konto und Darstellung/ }).click();
	}
};

async function begin(page, base, question) {
	await page.goto(`${base}/chat`);
	await page.getByLabel('Ihre Nachricht').fill(question);
	await page.keyboard.press('Enter');
}

async function finished(page) {
	await page.getByRole('button', { name: 'Antwort mit Quellen kopieren' }).waitFor();
}
