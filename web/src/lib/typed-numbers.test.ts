import { describe, expect, it } from 'vitest';

import { decimalNumber, typed, wholeNumber } from './typed-numbers';

describe('numbers in a form', () => {
	it('are read as they are written', () => {
		expect(wholeNumber(' 20 ')).toBe(20);
		expect(decimalNumber('0,15')).toBe(0.15);
		expect(decimalNumber('0.15')).toBe(0.15);
		expect(wholeNumber('')).toBeUndefined();
		expect(decimalNumber(' ')).toBeUndefined();
	});

	it('are refused when they could mean two things, or nothing', () => {
		for (const text of ['1.000', '1,5', '-1', 'viel', '1e3']) expect(wholeNumber(text)).toBeNaN();
		for (const text of ['1.000,5', '1 000', '-1', 'viel', ',5']) expect(decimalNumber(text)).toBeNaN();
	});

	it('are written as they are read', () => {
		for (const value of [0, 0.15, 12.5, 1_000_000]) {
			expect(decimalNumber(typed(value, 'de'))).toBe(value);
			expect(decimalNumber(typed(value, 'en'))).toBe(value);
		}
		expect(typed(0.15, 'de')).toBe('0,15');
		expect(typed(null, 'de')).toBe('');
	});
});
