import { describe, expect, it } from 'vitest';

import { quotedStretches } from './quoted-spans';

const found = (quote: string, ...pieces: string[]) =>
	quotedStretches(quote, pieces).map(({ piece, start, end }) => pieces[piece]!.slice(start, end));

describe('quotedStretches', () => {
	it('finds a sentence over lines, hyphens and ligatures', () => {
		expect(
			found(
				'Die Steuerpflicht beginnt für alle.',
				'Satz davor. Die Steuer-',
				'pﬂicht beginnt fu\u0308r',
				' alle. Satz danach.'
			)
		).toEqual(['Die Steuer', 'pﬂicht beginnt fu\u0308r', 'alle.']);
	});

	it('finds the part of a sentence that stands on this page', () => {
		const quote = 'Die Steuer ist am ersten Juli eines jeden Jahres fällig.';
		expect(found(quote, 'Davor. Die Steuer ist am ersten')).toEqual(['Die Steuer ist am ersten']);
		expect(found(quote, 'eines jeden Jahres fällig. Danach.')).toEqual(['eines jeden Jahres fällig.']);
	});

	it('marks nothing rather than something else', () => {
		expect(found('Die Steuer ist fällig.', 'Ganz anderer Text. Die')).toEqual([]);
		expect(found('', 'Text')).toEqual([]);
		expect(found('…', 'Text')).toEqual([]);
	});
});
