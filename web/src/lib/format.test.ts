import { describe, expect, it } from 'vitest';

import { formatBytes, formatEuro, groupByDay } from './format';

const NOW = new Date(2026, 10, 22, 9, 30);
const at = (...parts: [number, number, number, number]) => new Date(...parts).toISOString();

describe('groupByDay', () => {
	it('names today and yesterday, then dates', () => {
		const items = [
			at(2026, 10, 22, 9),
			at(2026, 10, 22, 0),
			at(2026, 10, 21, 23),
			at(2026, 10, 16, 12),
			at(2025, 11, 31, 12)
		];
		const groups = groupByDay(items, (item) => item, 'de', NOW);
		expect(groups.map((group) => [group.label, group.items.length])).toEqual([
			['Heute', 2],
			['Gestern', 1],
			['Mo., 16. November', 1],
			['Mi., 31. Dezember 2025', 1]
		]);
		expect(groupByDay(items, (item) => item, 'en', NOW)[0]?.label).toBe('Today');
	});
});

describe('formatBytes', () => {
	it('chooses the unit', () => {
		expect(formatBytes(9, 'de')).toBe('9 Byte');
		expect(formatBytes(1_240_000, 'de')).toBe('1,2 MB');
		expect(formatBytes(204_000_000, 'de')).toBe('204 MB');
	});
});

describe('formatEuro', () => {
	const plain = (micro: number, locale = 'de') => formatEuro(micro, locale).replace(/\s/g, ' ');

	it('says cents from a euro on', () => {
		expect(plain(1_000_000)).toBe('1,00 €');
		expect(plain(1_234_567_890)).toBe('1.234,57 €');
		expect(plain(1_234_567_890, 'en')).toBe('€1,234.57');
		expect(plain(0)).toBe('0,00 €');
	});

	it('says hundredths of a cent below', () => {
		expect(plain(7_500)).toBe('0,0075 €');
		expect(plain(500_000)).toBe('0,5000 €');
		expect(plain(999_949)).toBe('0,9999 €');
		expect(plain(10)).toBe('< 0,0001 €');
	});

	it('never says a euro with four decimals', () => {
		expect(plain(999_950)).toBe('1,00 €');
		expect(plain(999_999)).toBe('1,00 €');
	});
});
