import { describe, expect, it } from 'vitest';

import { formatDay, formatMonth, isMonth, lastMonths } from './months';

describe('months', () => {
	it('go back over the turn of the year', () => {
		const now = new Date('2027-01-31T23:59:59Z');
		expect(lastMonths(now, 3)).toEqual(['2027-01', '2026-12', '2026-11']);
	});

	it('are told from other texts', () => {
		expect(isMonth('2026-11')).toBe(true);
		for (const text of [null, '', '2026-13', '2026-1', '2026-11-01']) expect(isMonth(text)).toBe(false);
	});

	it('and days are those of UTC, wherever the reader is', () => {
		expect(formatMonth('2026-11', 'de')).toBe('November 2026');
		expect(formatDay('2026-11-01', 'de')).toBe('01.11.2026');
	});
});
