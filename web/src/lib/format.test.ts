import { describe, expect, it } from 'vitest';

import { formatBytes, groupByDay } from './format';

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
