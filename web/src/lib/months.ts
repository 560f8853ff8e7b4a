/** Months and days as the server writes them: `2026-11` and `2026-11-22`, in UTC. */

/** The month of `now` and those before it, the newest first. */
export function lastMonths(now: Date, count: number): string[] {
	const months: string[] = [];
	for (let back = 0; back < count; back += 1) {
		const first = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back, 1));
		months.push(first.toISOString().slice(0, 7));
	}
	return months;
}

/** Whether `text` is a month. */
export function isMonth(text: string | null): text is string {
	return /^\d{4}-(0[1-9]|1[0-2])$/.test(text ?? '');
}

export function formatMonth(month: string, locale: string): string {
	const parts = { month: 'long', year: 'numeric', timeZone: 'UTC' } as const;
	return new Intl.DateTimeFormat(locale, parts).format(new Date(`${month}-01T00:00:00Z`));
}

export function formatDay(day: string, locale: string): string {
	const style = { dateStyle: 'medium', timeZone: 'UTC' } as const;
	return new Intl.DateTimeFormat(locale, style).format(new Date(`${day}T00:00:00Z`));
}
