/** A model route as a form holds it: texts and choices, made of a definition and made one again. */
import type { ModelDefinition } from './api';
import { decimalNumber, typed, wholeNumber } from './typed-numbers';

export type RouteDefinition = ModelDefinition['routes'][number];

export const PLACES = ['own', 'germany', 'eu', 'elsewhere'] as const;
export const ABILITIES = ['tools', 'images', 'structured'] as const;
export const OFFERS = [
	'chat',
	'embeddings',
	'rerank',
	'completions',
	'moderations',
	'images',
	'speech',
	'transcriptions'
] as const;
/** What counts tokens without a file; the first is taken where nothing is said. */
export const TOKENIZERS = ['cl100k', 'o200k'] as const;
/** What few need to set. */
export const WHOLE_NUMBERS = ['order', 'weight', 'context_tokens', 'answer_tokens', 'concurrency'] as const;
export const PRICES = ['price_input', 'price_output'] as const;
export const NUMBERS = [...WHOLE_NUMBERS, ...PRICES];

type NumberField = (typeof NUMBERS)[number];

/** What can be typed in for a route; everything else of it stays as it is. */
export interface RouteFields extends Record<NumberField, string> {
	/** The route as it was. */
	before: RouteDefinition | undefined;
	has_key: boolean;
	kind: string;
	base_url: string;
	api_key: string;
	upstream_model: string;
	place: string;
	clearance: string;
	tokenizer: string;
	offers: string[];
	abilities: string[];
}

/** What is wrong with a field that only the form can know. */
export type Fault = 'no_number' | 'no_offer';

const listed = <Word extends string>(words: readonly Word[], text: string): Word[] => {
	const named = text.split(',').map((word) => word.trim());
	return words.filter((word) => named.includes(word));
};

/** Whether a route answers chats; one that says nothing does. */
export const offersChat = ({ offers }: RouteDefinition) => listed(OFFERS, offers ?? 'chat').includes('chat');

/** How a route, or a new one, stands in the form; `keyed` are the names of routes whose key is kept. */
export function fieldsOf(
	locale: string,
	route?: RouteDefinition,
	keyed: readonly string[] = []
): RouteFields {
	const numbers = NUMBERS.map((field) => [field, typed(route?.[field], locale)] as const);
	return {
		...(Object.fromEntries(numbers) as Record<NumberField, string>),
		before: route,
		has_key: keyed.includes(route?.name ?? ''),
		kind: route?.kind ?? 'compatible',
		base_url: route?.base_url ?? '',
		api_key: '',
		upstream_model: route?.upstream_model ?? '',
		// What is not looked at must not send more out of the house than open data.
		place: route?.place ?? 'elsewhere',
		clearance: route?.clearance ?? 'open',
		tokenizer: route?.tokenizer ?? TOKENIZERS[0],
		offers: listed(OFFERS, route?.offers ?? 'chat'),
		abilities: listed(ABILITIES, route?.abilities ?? ABILITIES.join(','))
	};
}

/** What was typed in; `complain` hears of each field that cannot be meant. */
export function definitionOf(
	route: RouteFields,
	complain: (field: string, fault: Fault) => void
): RouteDefinition {
	const { kind } = route;
	const isBuiltIn = kind === 'builtin';
	const numbers: Partial<Record<NumberField, number>> = {};
	const note = (field: NumberField, value: number | undefined) => {
		if (Number.isNaN(value)) complain(field, 'no_number');
		else numbers[field] = value;
	};
	for (const field of WHOLE_NUMBERS) note(field, wholeNumber(route[field]));
	const abilities = route.abilities.join(', ') || 'none';
	// The built-in engine takes nothing of what a server was called with.
	if (isBuiltIn) return { name: route.before?.name, kind, abilities, ...numbers };
	for (const field of PRICES) note(field, decimalNumber(route[field]));
	if (route.offers.length === 0) complain('offers', 'no_offer');
	return {
		...route.before,
		kind,
		abilities,
		...numbers,
		offers: route.offers.join(', '),
		tokenizer: route.tokenizer === TOKENIZERS[0] ? undefined : route.tokenizer,
		base_url: route.base_url.trim(),
		api_key: route.api_key.trim() || undefined,
		upstream_model: route.upstream_model.trim(),
		place: route.place,
		clearance: route.clearance
	};
}
