import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { addressExample, BROWSER_KINDS } from './model-words';

describe('addressExample', () => {
	// What operators read of each kind.
	const page = readFileSync(new URL('../../../docs/operate/providers.md', import.meta.url), 'utf8');
	const rows = page.matchAll(/^\| `(\w+)` \| [^|]+ \| `([^`]+)`/gm);
	const addresses = new Map([...rows].map(([, kind, address]) => [kind, address]));

	it('says what the page for operators says of every kind of server', () => {
		for (const kind of BROWSER_KINDS.filter((kind) => kind !== 'builtin')) {
			expect(addressExample(kind), kind).toBe(addresses.get(kind));
		}
	});
});
