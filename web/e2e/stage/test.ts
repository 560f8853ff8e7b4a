/** The tests' own `test`: it fails when a page complains, even if all looks well. */
import { expect, test as plain } from '@playwright/test';

/** What is logged without our doing when something is rightly refused or not there. */
const EXPECTED = /status of (400|401|403|404|409|413|415|422|429|503)|Not found: /;

export const test = plain.extend<{ complaints: string[] }>({
	complaints: [
		async ({ context }, use) => {
			const complaints: string[] = [];
			context.on('console', (message) => {
				const isComplaint = message.type() === 'error' && !EXPECTED.test(message.text());
				if (isComplaint) complaints.push(message.text());
			});
			context.on('weberror', (error) => complaints.push(String(error.error())));
			await use(complaints);
			expect(complaints, 'what the pages complained about').toEqual([]);
		},
		{ auto: true }
	]
});

export { expect };
