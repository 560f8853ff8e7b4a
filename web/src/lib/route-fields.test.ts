import { describe, expect, it } from 'vitest';

import { definitionOf, fieldsOf, offersChat, type RouteDefinition } from './route-fields';

const ROUTE: RouteDefinition = {
	name: 'eins',
	kind: 'vllm',
	base_url: 'http://gpu1:8000/v1',
	upstream_model: 'mistral-small',
	place: 'own',
	clearance: 'personal',
	offers: 'chat, embeddings',
	abilities: 'none',
	tokenizer: 'o200k',
	context_tokens: 32768,
	answer_tokens: 4096,
	price_input: 0.15,
	health_path: '/health'
};

/** What the form makes of a route, and what it complains about. */
function through(route: RouteDefinition, change: Record<string, unknown> = {}) {
	const faults: string[] = [];
	const fields = { ...fieldsOf('de', route), ...change };
	const definition = definitionOf(fields, (field, fault) => faults.push(`${field}: ${fault}`));
	return { definition, faults };
}

describe('a route in the form', () => {
	it('comes out as it went in', () => {
		const { definition, faults } = through(ROUTE);
		expect(faults).toEqual([]);
		expect(definition).toMatchObject(ROUTE);
	});

	it('says of a new one what the server assumes', () => {
		const fields = fieldsOf('de');
		expect(fields).toMatchObject({ offers: ['chat'], tokenizer: 'cl100k', answer_tokens: '', place: 'elsewhere' });
		const { definition } = through({ kind: 'compatible' });
		expect(definition).toMatchObject({ offers: 'chat', tokenizer: undefined, answer_tokens: undefined });
	});

	it('forgets a number and a tokenizer that are taken away', () => {
		const { definition } = through(ROUTE, { answer_tokens: '', tokenizer: 'cl100k' });
		expect(definition.answer_tokens).toBeUndefined();
		expect(definition.tokenizer).toBeUndefined();
		expect(JSON.parse(JSON.stringify(definition))).not.toHaveProperty('tokenizer');
	});

	it('complains about what cannot be meant', () => {
		const { faults } = through(ROUTE, { answer_tokens: '4.096', price_output: 'viel', offers: [] });
		expect(faults).toEqual(['answer_tokens: no_number', 'price_output: no_number', 'offers: no_offer']);
	});

	it('keeps nothing of a server for the built-in engine', () => {
		const { definition, faults } = through(ROUTE, { kind: 'builtin', offers: [] });
		expect(faults).toEqual([]);
		expect(Object.keys(definition)).not.toEqual(expect.arrayContaining(['offers']));
		expect(definition).not.toHaveProperty('base_url');
		expect(definition).not.toHaveProperty('tokenizer');
	});
});

describe('offersChat', () => {
	it('takes a route that says nothing for one that chats', () => {
		const { offers: _, ...silent } = ROUTE;
		expect(offersChat(silent)).toBe(true);
	});

	it('tells one that gives vectors from one that chats', () => {
		expect(offersChat(ROUTE)).toBe(true);
		expect(offersChat({ ...ROUTE, offers: 'embeddings, rerank' })).toBe(false);
	});
});
