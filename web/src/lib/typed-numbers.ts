/** Numbers as people type them into a form. */

/** Reads a whole number; `undefined` if nothing is there, `NaN` if it is no such number. */
export function wholeNumber(text: string): number | undefined {
	const plain = text.trim();
	if (plain === '') return undefined;
	return /^\d+$/.test(plain) ? Number(plain) : NaN;
}

/** Reads a number with comma or point and at most six digits behind; otherwise as {@link wholeNumber}. */
export function decimalNumber(text: string): number | undefined {
	const plain = text.trim();
	if (plain === '') return undefined;
	// No digits are grouped: 1.000 would be one to some and a thousand to others.
	return /^\d+([.,]\d{1,6})?$/.test(plain) ? Number(plain.replace(',', '.')) : NaN;
}

/** How a number stands in a field so that it can be read again. */
export function typed(value: number | null | undefined, locale: string): string {
	if (value === undefined || value === null) return '';
	const style = { useGrouping: false, maximumFractionDigits: 6 };
	return new Intl.NumberFormat(locale, style).format(value);
}
