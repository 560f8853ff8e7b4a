/**
 * The audit log in words. The log itself holds codes, ids and numbers; what is not known here is shown as it
 * stands there, so that nothing is hidden.
 */
import type { AuditEntry } from './api';
import { formatDateTime, formatEuro, formatNumber } from './format';
import { locale, t, tCode } from './i18n.svelte';
import { formatMonth, isMonth } from './months';

/** A code by its name and value. */
export interface Fact {
	label: string;
	text: string;
}

/** Several codes, as `scopes` has them. */
const each = (text: string, words: (code: string) => string) => text.split(/[\s,]+/).map(words).join(', ');
const place = (code: string) => tCode('place', code, code);
const dataClass = (code: string) => tCode('data_class', code, code);
const role = (code: string) => tCode('role', code, code);
const flag = (code: string) => tCode('audit.flag', code, code);
const time = (text: string) => (Number.isNaN(Date.parse(text)) ? text : formatDateTime(text, locale()));
/** As the interface has it, or in one number. */
const month = (text: string) => {
	const parted = text.replace(/^(\d{4})(\d{2})$/, '$1-$2');
	return isMonth(parted) ? formatMonth(parted, locale()) : text;
};
const number = (text: string) => (/^\d+$/.test(text) ? formatNumber(Number(text), locale()) : text);
/** How many collections or documents were searched. */
const asked = (text: string) => (text === 'all' ? t('audit.all') : number(text));
const places = (text: string, { action }: AuditEntry) => (action === 'set_places' ? each(text, place) : text);

/** What the values of a code mean. */
const VALUES: Record<string, (text: string, entry: AuditEntry) => string> = {
	after: places,
	as_of: time,
	at_limit: (code) => tCode('limits.at', code, code),
	before: places,
	blobs: number,
	by: (code) => tCode('usage.by', code, code),
	calls: number,
	clearance: dataClass,
	collections: asked,
	context_tokens: number,
	cost_per_month: (text) => (/^\d+$/.test(text) ? formatEuro(Number(text), locale()) : text),
	data_class: dataClass,
	database_away: flag,
	disabled: flag,
	documents: asked,
	drained: flag,
	ended: (code) => tCode('audit.ended', code, code),
	ended_at: time,
	expires_at: time,
	from: month,
	from_cache: flag,
	meter: (code) => tCode('limits.meter', code, code),
	month,
	place,
	reason: (code) => tCode('audit.reason', code, code),
	requests_per_minute: number,
	role,
	role_before: role,
	rows: number,
	scopes: (text) => each(text, (code) => tCode('scope', code, code)),
	to: month,
	tokens_per_minute: number,
	tokens_per_month: number,
	visibility: (code) => tCode('audit.visibility', code, code)
};

/** Who did it: a name, or the door where there is none. */
export function actorWords({ actor, detail }: AuditEntry): string {
	if (actor) return actor.name || t('audit.gone');
	return detail.via === 'command' ? t('audit.operator') : t('audit.platform');
}

/** By which door somebody came. */
export function doorWords({ actor, detail }: AuditEntry): string {
	return actor && detail.via ? tCode('audit.via', detail.via, detail.via) : '';
}

export function actionWords({ action }: AuditEntry): string {
	return tCode('audit.action', action, action);
}

export function outcomeWords({ outcome }: AuditEntry): string {
	return tCode('audit.outcome', outcome, outcome);
}

/** Names in place of ids, as far as they are known; several are parted by commas. */
function named(text: string, { names }: AuditEntry): string {
	const words = text.split(' ');
	const known = words.some((word) => names[word]);
	return known ? words.map((word) => names[word] ?? word).join(', ') : text;
}

/** To what it was done, and everything else that is known of it. */
export function facts(entry: AuditEntry): Fact[] {
	const [kind = '', ...rest] = (entry.object ?? '').split(':');
	const object = { label: tCode('audit.object', kind, kind), text: named(rest.join(':'), entry) };
	const details = Object.entries(entry.detail)
		.filter(([name, text]) => name !== 'via' && text !== '')
		.map(([name, text]) => ({
			label: tCode('audit.field', name, tCode('limits.meter', name, name)),
			text: VALUES[name]?.(text, entry) ?? named(text, entry)
		}));
	return kind ? [object, ...details] : details;
}
