/** The documents of the journeys, and how people bring them. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import type { Page } from '@playwright/test';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export interface Sample {
	name: string;
	type: string;
	bytes: Buffer;
}

/** Three pages of local law, invented; made from the `.fodt` beside it with LibreOffice. */
export const BY_LAW: Sample = {
	name: 'Hundesteuersatzung.pdf',
	type: 'application/pdf',
	bytes: readFileSync(at('../fixtures/hundesteuersatzung.pdf'))
};

const GAZETTE = at('../../../../shared/data/pdf/a_agmahnvordrv_bgbl1_2016_j0408_0010.pdf');

/** Twelve pages of forms from the German law gazette, if the shared data is there. */
export function gazettePages(): Sample | undefined {
	if (!existsSync(GAZETTE)) return undefined;
	return { name: 'Gesetzblatt.pdf', type: 'application/pdf', bytes: readFileSync(GAZETTE) };
}

/** Drops files on the page, wherever that is. */
export async function drop(page: Page, ...samples: Sample[]): Promise<void> {
	// Only a page that stands can catch them.
	await page.getByRole('main').waitFor();
	const transfer = await page.evaluateHandle(
		(files) => {
			const transfer = new DataTransfer();
			for (const { name, type, base64 } of files) {
				const bytes = Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
				transfer.items.add(new File([bytes], name, { type }));
			}
			return transfer;
		},
		samples.map(({ name, type, bytes }) => ({ name, type, base64: bytes.toString('base64') }))
	);
	for (const event of ['dragenter', 'dragover', 'drop']) {
		await page.dispatchEvent('body', event, { dataTransfer: transfer });
	}
}
