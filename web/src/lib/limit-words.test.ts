import { describe, expect, it } from 'vitest';

import { figure, percent, read, unmeasured, written } from './limit-words';

describe('limits', () => {
	it('are read as they are written', () => {
		const limits = { micro_euro_per_month: 12_500_000, requests_per_minute: 60 };
		expect(written('micro_euro_per_month', limits, 'de')).toBe('12,5');
		expect(read('micro_euro_per_month', '12,50')).toBe(12_500_000);
		expect(read('micro_euro_per_month', '12.5')).toBe(12_500_000);
		expect(written('requests_per_minute', limits, 'de')).toBe('60');
		expect(written('concurrent', limits, 'de')).toBe('');
		expect(read('requests_per_minute', ' 60 ')).toBe(60);
		expect(read('requests_per_minute', '')).toBeUndefined();
		for (const wrong of ['-1', '1e3', '1.000', 'x']) expect(read('concurrent', wrong)).toBeNaN();
		expect(read('micro_euro_per_month', '1.000,50')).toBeNaN();
	});

	it('show money as money', () => {
		expect(figure('cost_per_month', 12_500_000, 'de')).toBe('12,50\u00a0€');
		expect(figure('tokens_per_month', 12_500, 'de')).toBe('12.500');
	});

	it('are named even where nobody may see how much is used', () => {
		const limits = { requests_per_minute: 60, context_tokens: 500, micro_euro_per_month: 1 };
		expect(unmeasured({ limits, used: [] })).toEqual(['requests_per_minute', 'context_tokens', 'micro_euro_per_month']);
		const used = [{ meter: 'cost_per_month' as const, limit: 1 }];
		expect(unmeasured({ limits, used })).toEqual(['requests_per_minute', 'context_tokens']);
	});

	it('are used up only when nothing is left', () => {
		expect(percent({ limit: 1000, used: 999 })).toBe(99);
		expect(percent({ limit: 0, used: 0 })).toBe(100);
	});
});
