/** Limits as people write and read them: whole numbers, and euros with cents. */
import type { Limit, Limits, LimitUse } from './api';
import { formatEuro, formatNumber } from './format';
import { decimalNumber, typed, wholeNumber } from './typed-numbers';

const MICRO = 1_000_000;

/** The limits that a form asks for, in its order. */
export const FIELDS = [
	'requests_per_minute',
	'tokens_per_minute',
	'concurrent',
	'context_tokens',
	'tokens_per_month',
	'micro_euro_per_month'
] as const;

export type Field = (typeof FIELDS)[number];

/** What counts against a limit, as the server calls it. */
export function meterOf(field: Field): string {
	return field === 'micro_euro_per_month' ? 'cost_per_month' : field;
}

/** What is limited without a word on how much of it is used. */
export function unmeasured(limit: Pick<Limit, 'limits' | 'used'>): Field[] {
	const isMeasured = (field: Field) => limit.used?.some((use) => use.meter === meterOf(field));
	return FIELDS.filter((field) => limit.limits[field] != null && !isMeasured(field));
}

/** A figure of a limit in words of its own kind: `12,50 €` or `1.000`. */
export function figure(meter: LimitUse['meter'] | Field, value: number, locale: string): string {
	if (meter !== 'cost_per_month' && meter !== 'micro_euro_per_month') return formatNumber(value, locale);
	return formatEuro(value, locale);
}

/** What stands in a field of the form. */
export function written(field: Field, limits: Limits, locale: string): string {
	const value = limits[field];
	return typed(value && field === 'micro_euro_per_month' ? value / MICRO : value, locale);
}

/** Reads a field of the form; `undefined` if it is empty, `NaN` if it is no such number. */
export function read(field: Field, text: string): number | undefined {
	if (field !== 'micro_euro_per_month') return wholeNumber(text);
	const euros = decimalNumber(text);
	return euros === undefined ? undefined : Math.round(euros * MICRO);
}

/** Which part of a limit is used, in whole percent, rounded down: only all of it is 100. */
export function percent(use: { limit: number; used: number }): number {
	return use.limit === 0 ? 100 : Math.floor((use.used / use.limit) * 100);
}
