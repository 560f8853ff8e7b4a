/** Dates, sizes and groups of days, worded for a language. */

const DAY_MS = 24 * 60 * 60 * 1000;

export function formatDate(iso: string, locale: string): string {
	return new Intl.DateTimeFormat(locale, { dateStyle: 'medium' }).format(new Date(iso));
}

export function formatDateTime(iso: string, locale: string): string {
	const style = { dateStyle: 'medium', timeStyle: 'short' } as const;
	return new Intl.DateTimeFormat(locale, style).format(new Date(iso));
}

/** The time of day, to the second. */
export function formatTime(time: Date, locale: string): string {
	return new Intl.DateTimeFormat(locale, { timeStyle: 'medium' }).format(time);
}

/** A span of time such as `350 ms` or `2,4 s`. */
export function formatSeconds(seconds: number, locale: string): string {
	const short = seconds < 1;
	return new Intl.NumberFormat(locale, {
		style: 'unit',
		unit: short ? 'millisecond' : 'second',
		unitDisplay: 'short',
		maximumFractionDigits: short || seconds >= 10 ? 0 : 1
	}).format(short ? seconds * 1000 : seconds);
}

export function formatNumber(value: number, locale: string): string {
	return new Intl.NumberFormat(locale).format(value);
}

/** A number that is known roughly: three digits of it, whatever its size. */
export function formatEstimate(value: number, locale: string): string {
	return new Intl.NumberFormat(locale, { maximumSignificantDigits: 3 }).format(value);
}

/**
 * An amount such as `1.234,57 €`, from millionths of a euro: two decimals from a euro on, four below, so that
 * the price of a single request is seen and columns stay even.
 */
export function formatEuro(micro: number, locale: string): string {
	const euro = { style: 'currency', currency: 'EUR' } as const;
	if (micro > 0 && micro < 100) {
		return `< ${new Intl.NumberFormat(locale, { ...euro, minimumFractionDigits: 4 }).format(0.0001)}`;
	}
	// What four decimals round up to a euro is one.
	const digits = micro > 0 && micro < 1e6 - 50 ? 4 : 2;
	const decimals = { minimumFractionDigits: digits, maximumFractionDigits: digits };
	return new Intl.NumberFormat(locale, { ...euro, ...decimals }).format(micro / 1e6);
}

/** A size such as `1,2 MB`; powers of 1000, as file managers show them. */
export function formatBytes(bytes: number, locale: string): string {
	const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const;
	let value = bytes;
	let step = 0;
	while (value >= 1000 && step < units.length - 1) {
		value /= 1000;
		step += 1;
	}
	return new Intl.NumberFormat(locale, {
		style: 'unit',
		unit: units[step],
		unitDisplay: step === 0 ? 'long' : 'short',
		maximumFractionDigits: step === 0 || value >= 100 ? 0 : 1
	}).format(value);
}

export interface DayGroup<T> {
	label: string;
	items: T[];
}

/** Groups `items`, newest first, by the day of `time`: today, yesterday, then dates. */
export function groupByDay<T>(
	items: readonly T[],
	time: (item: T) => string,
	locale: string,
	now: Date = new Date()
): DayGroup<T>[] {
	const groups: DayGroup<T>[] = [];
	for (const item of items) {
		const label = dayLabel(new Date(time(item)), locale, now);
		const last = groups.at(-1);
		if (last?.label === label) last.items.push(item);
		else groups.push({ label, items: [item] });
	}
	return groups;
}

function dayLabel(day: Date, locale: string, now: Date): string {
	const ago = Math.round((startOfDay(now) - startOfDay(day)) / DAY_MS);
	if (ago === 0 || ago === 1) {
		const words = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(-ago, 'day');
		return words.charAt(0).toLocaleUpperCase(locale) + words.slice(1);
	}
	const year = day.getFullYear() === now.getFullYear() ? undefined : ('numeric' as const);
	const parts = { weekday: 'short', day: 'numeric', month: 'long', year } as const;
	return new Intl.DateTimeFormat(locale, parts).format(day);
}

function startOfDay(day: Date): number {
	return new Date(day.getFullYear(), day.getMonth(), day.getDate()).getTime();
}
