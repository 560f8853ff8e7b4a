// An API for development without the binary: `npm run dev:fake`. Speaks the same interface, keeps
// everything in memory, is not part of what ships.
import { createHash, randomUUID } from 'node:crypto';

import { listen, startRun } from './fake/runs.js';
import { addReadyDocument, asCollection, me, samplePassages, state, units } from './fake/state.js';

class Refusal extends Error {
	constructor(status, code, detail, headers = {}) {
		super(detail);
		Object.assign(this, { status, code, detail, headers });
	}
}

const now = () => new Date().toISOString();
const missing = () => new Refusal(404, 'not_found', 'Das gibt es nicht, oder Sie dürfen es nicht sehen.');

function find(list, id) {
	const item = list.find((one) => one.id === id);
	if (!item) throw missing();
	return item;
}

function remove(list, id) {
	find(list, id);
	list.splice(
		list.findIndex((one) => one.id === id),
		1
	);
}

const models = () => ({
	configured: state.configured,
	items: [
		...(state.configured
			? [
					{
						name: 'standard',
						purpose: 'Antworten und Entwürfe',
						description: 'Sprachmodell im eigenen Rechenzentrum',
						kind: 'language',
						clearance: 'personal',
						places: ['own'],
						default: true
					}
				]
			: []),
		{
			name: 'fachwerk-auszug',
			purpose: 'Textstellen finden und wörtlich wiedergeben',
			description: 'Auszüge, kein Sprachmodell',
			kind: 'extract',
			clearance: 'restricted',
			places: ['own'],
			default: !state.configured
		}
	]
});

function signIn(body) {
	if (state.failedSignIns >= 3) {
		state.failedSignIns = 0;
		throw new Refusal(429, 'login_throttled', 'Zu viele Versuche.', { 'retry-after': '30' });
	}
	if (body.password === 'falsch') {
		state.failedSignIns += 1;
		throw new Refusal(401, 'login_failed', 'E-Mail-Adresse oder Passwort stimmt nicht.');
	}
	state.signedIn = true;
	return me;
}

function signedInPerson() {
	if (!state.signedIn) throw new Refusal(401, 'unauthenticated', 'Bitte melden Sie sich an.');
	return me;
}

function upload(collection_id, { name, bytes }) {
	const format = /\.pdf$/i.test(name) ? 'pdf' : 'text';
	const id = addReadyDocument(collection_id, name, format, 12, bytes);
	const document = find(state.documents, id);
	Object.assign(document, { state: 'received', pages: undefined, pages_done: 0, created_at: now() });
	setTimeout(() => Object.assign(document, { state: 'extracting', pages: 12 }), 600);
	const timer = setInterval(() => {
		document.pages_done += 3;
		if (document.pages_done < 12) return;
		clearInterval(timer);
		Object.assign(document, { state: 'indexing' });
		setTimeout(() => Object.assign(document, { state: 'ready', passages: 48 }), 700);
		state.passages.set(id, samplePassages(id, format, 12));
	}, 500);
	return document;
}

function ask(id, body) {
	const conversation = find(state.conversations, id);
	if (conversation.messages.at(-1)?.run?.state === 'running') {
		throw new Refusal(409, 'run_in_progress', 'Es wird bereits eine Antwort geschrieben.');
	}
	const question = {
		id: randomUUID(),
		role: 'user',
		text: body.text,
		created_at: now(),
		attachments: (body.documents ?? []).map((document_id) => ({
			document_id,
			name: find(state.documents, document_id).name
		})),
		collections: body.collections ?? [],
		data_class: body.data_class ?? 'internal',
		task: body.task ?? { kind: 'answer' },
		citations: [],
		removed_citations: 0
	};
	if (conversation.messages.length === 0) conversation.title = body.text.slice(0, 60);
	conversation.messages.push(question);
	return { question, answer: begin(conversation, question, body.model) };
}

function begin(conversation, question, model) {
	const answer = {
		id: randomUUID(),
		role: 'assistant',
		text: '',
		created_at: now(),
		attachments: [],
		collections: question.collections,
		model: model ?? models().items[0].name,
		route: { name: 'Auszug', place: 'own' },
		data_class: question.data_class,
		citations: [],
		removed_citations: 0
	};
	conversation.messages.push(answer);
	answer.run = { id: startRun(conversation, answer, question), state: 'running' };
	return answer;
}

function retry(id) {
	const conversation = state.conversations.find((one) => one.messages.some((message) => message.id === id));
	if (!conversation) throw missing();
	const position = conversation.messages.findIndex((message) => message.id === id);
	const [old] = conversation.messages.splice(position);
	const question = conversation.messages.at(-1);
	question.text = question.text.replace(/fehler/gi, 'Frist');
	return { answer: begin(conversation, question, old.model) };
}

function history(query) {
	const wanted = (query.get('query') ?? '').toLowerCase();
	const items = state.conversations
		.filter((one) => one.title.toLowerCase().includes(wanted))
		.sort((a, b) => b.updated_at.localeCompare(a.updated_at))
		.map(({ messages, ...one }) => ({ ...one, running: messages.at(-1)?.run?.state === 'running' }));
	return { items };
}

function searchHits(body) {
	const words = body.query.toLowerCase().split(/\s+/);
	const hits = [];
	for (const document of state.documents.filter((one) => one.state === 'ready')) {
		for (const passage of state.passages.get(document.id).slice(0, 8)) {
			if (!words.some((word) => passage.text.toLowerCase().includes(word))) continue;
			const { name, id } = find(state.collections, document.collection_id);
			hits.push({
				document_id: document.id,
				document_name: document.name,
				collection_id: id,
				collection_name: name,
				passage_id: passage.id,
				page: passage.page,
				heading: passage.heading.join(' › '),
				text: passage.text,
				score: 14.2 - hits.length * 0.9,
				matches: matchesOf(words, passage.text)
			});
		}
	}
	return { hits };
}

/** Where the words stand in a text that has no characters beyond the basic plane. */
function matchesOf(words, text) {
	const found = words.filter(Boolean).flatMap((word) => {
		const start = text.toLowerCase().indexOf(word);
		return start < 0 ? [] : [{ start, end: start + word.length }];
	});
	return found.sort((a, b) => a.start - b.start);
}

function passagesOf(id, query) {
	const all = state.passages.get(id) ?? [];
	const start = Number(query.get('after') ?? -1) + 1;
	const limit = Number(query.get('limit') ?? 50);
	const page = query.get('page');
	const items = all.filter((one) => !page || one.page === Number(page)).slice(start, start + limit);
	return { items, next: start + limit < all.length ? String(start + limit - 1) : undefined };
}

function audit() {
	const actions = ['create_session', 'upload_document', 'create_chat_completion', 'create_key'];
	const items = Array.from({ length: 25 }, (_, index) => ({
		sequence: 125 - index,
		at: new Date(Date.now() - index * 733_000).toISOString(),
		actor: index % 5 === 3 ? undefined : { id: me.id, name: me.name },
		action: actions[index % actions.length],
		object: randomUUID(),
		detail: { via: 'session' },
		names: {},
		outcome: index % 9 === 4 ? 'refused' : 'done'
	}));
	return { items, next: '100' };
}

const system = () => ({
	version: '0.1.0',
	documents: { ready: 412, failed: 3, waiting: 2 },
	jobs: { waiting: 2, running: 1, failed: 0 },
	index: { state: 'ready', passages: 48_113 },
	models: models().items.map(({ name, kind, clearance }) => ({
		name,
		routes: [{ name: 'eigen', kind: kind === 'extract' ? 'built_in' : 'openai', place: 'own', clearance }]
	}))
});

function createKey(body) {
	const key = `sk-fw-${createHash('sha256').update(randomUUID()).digest('base64url')}`;
	const item = { ...body, id: randomUUID(), prefix: key.slice(0, 10), created_at: now() };
	state.keys.push(item);
	return { ...item, key };
}

function add(list, item) {
	const added = { id: randomUUID(), created_at: now(), ...item };
	list.push(added);
	return added;
}

const withUnits = (body) =>
	body.units ? { ...body, units: body.units.map((id) => find(units, id)) } : body;

function visibility(choice) {
	if (!choice) return { kind: 'private' };
	return choice.kind === 'unit' ? { kind: 'unit', unit: find(units, choice.unit.id) } : { kind: choice.kind };
}

const owner = { id: me.id, name: me.name };
const isPersonal = ({ scope }) => scope.startsWith('person:') || scope.startsWith('key:');
const figures = (calls) => ({
	calls,
	from_cache: 0,
	prompt_tokens: calls * 400,
	cached_tokens: 0,
	completion_tokens: calls * 90,
	cost_micro_euro: calls * 2_600,
	cost_nano_euro: calls * 2_600_000,
	unpriced: 0,
	energy_mwh: 0
});
const limits = [
	{
		scope: 'tenant',
		name: '',
		limits: { micro_euro_per_month: 500_000_000, at_limit: 'cheaper', weight: 1 },
		used: [{ meter: 'cost_per_month', limit: 500_000_000, used: 415_000_000, warned: 80 }]
	},
	{
		scope: `unit:${units[0].id}`,
		name: units[0].name,
		limits: { tokens_per_month: 2_000_000, micro_euro_per_month: 20_000_000, at_limit: 'refuse', weight: 2 },
		used: [
			{ meter: 'tokens_per_month', limit: 2_000_000, used: 2_040_000, warned: 100 },
			{ meter: 'cost_per_month', limit: 20_000_000 }
		]
	},
	{
		scope: `person:${me.id}`,
		name: me.name,
		limits: { requests_per_minute: 60, concurrent: 2, at_limit: 'refuse', weight: 1 },
		used: [
			{ meter: 'requests_per_minute', limit: 60, used: 12 },
			{ meter: 'concurrent', limit: 2, used: 0 }
		]
	}
];
const routes = {
	'GET /api/setup': () => ({ needed: !state.setUp }),
	'POST /api/setup': (_, body) => Object.assign(me, { name: body.name, email: body.email }),
	'POST /api/session': (_, body) => signIn(body),
	'DELETE /api/session': () => void (state.signedIn = false),
	'GET /api/me': signedInPerson,
	'PUT /api/me/password': (_, body) => {
		if (body.current === 'falsch') throw new Refusal(422, 'wrong_password', 'Das bisherige Passwort stimmt nicht.');
	},
	'GET /api/me/sessions': () => ({ items: state.sessions }),
	'DELETE /api/me/sessions/:id': ([id]) => remove(state.sessions, id),
	'GET /api/keys': () => ({ items: state.keys }),
	'POST /api/keys': (_, body) => createKey(body),
	'DELETE /api/keys/:id': ([id]) => remove(state.keys, id),
	'GET /api/tenant/keys': () => ({
		items: state.keys.map((key) => ({ ...key, owner: me.name, owner_id: me.id, is_service: false }))
	}),
	'GET /api/users': () => ({ items: state.users }),
	'POST /api/users': (_, { password, ...body }) =>
		add(state.users, withUnits({ disabled: false, units: [], ...body })),
	'PATCH /api/users/:id': ([id], body) => Object.assign(find(state.users, id), withUnits(body)),
	'GET /api/units': () => ({ items: units }),
	'POST /api/units': (_, body) => add(units, body),
	'GET /api/limits': () => ({ items: limits.map(({ used, ...limit }) => (isPersonal(limit) ? limit : { ...limit, used })) }),
	'GET /api/limits/keys': () => ({
		items: state.keys.map(({ id, name, prefix }) => ({ id, name, prefix, owner: me.name }))
	}),
	'PUT /api/limits/:id': ([scope], body) => {
		const limit = { scope, name: '', limits: body, used: [] };
		limits.push(limit);
		return limit;
	},
	'DELETE /api/limits/:id': ([scope]) =>
		void limits.splice(
			limits.findIndex((one) => one.scope === scope),
			1
		),
	'GET /api/me/limits': () => ({ month: now().slice(0, 7), calls: 120, tokens: 46_000, micro_euro: 310_000, limits }),
	'GET /api/account/usage': () => ({ today: figures(12), month: figures(120), models: [] }),
	'GET /api/models': models,
	'GET /api/collections': () => ({ items: state.collections.map(asCollection) }),
	'POST /api/collections': (_, body) =>
		asCollection(add(state.collections, { ...body, visibility: visibility(body.visibility), owner, default: false })),
	'GET /api/collections/:id': ([id]) => asCollection(find(state.collections, id)),
	'PATCH /api/collections/:id': ([id], body) =>
		asCollection(
			Object.assign(
				find(state.collections, id),
				body,
				body.visibility && { visibility: visibility(body.visibility) }
			)
		),
	'DELETE /api/collections/:id': ([id]) => remove(state.collections, id),
	'GET /api/collections/:id/documents': ([id]) => ({
		items: state.documents.filter((one) => one.collection_id === id)
	}),
	'POST /api/collections/:id/documents': ([id], body) => upload(id, body),
	'GET /api/documents/:id': ([id]) => find(state.documents, id),
	'DELETE /api/documents/:id': ([id]) => remove(state.documents, id),
	'POST /api/documents/:id/retry': ([id]) =>
		Object.assign(find(state.documents, id), { state: 'extracting', reason: undefined, pages_done: 1 }),
	'GET /api/documents/:id/passages': ([id], _, query) => passagesOf(id, query),
	'GET /api/passages/:id': ([id]) => {
		const passage = find([...state.passages.values()].flat(), id);
		return { ...passage, document: find(state.documents, passage.document_id) };
	},
	'POST /api/search': (_, body) => searchHits(body),
	'GET /api/conversations': (_, __, query) => history(query),
	'POST /api/conversations': () =>
		add(state.conversations, { title: '', updated_at: now(), messages: [] }),
	'GET /api/conversations/:id': ([id]) => find(state.conversations, id),
	'PATCH /api/conversations/:id': ([id], body) => Object.assign(find(state.conversations, id), body),
	'DELETE /api/conversations/:id': ([id]) => remove(state.conversations, id),
	'GET /api/conversations/:id/messages': () => ({ items: [] }),
	'POST /api/conversations/:id/messages': ([id], body) => ask(id, body),
	'POST /api/messages/:id/retry': ([id]) => retry(id),
	'POST /api/runs/:id/stop': ([id]) => state.runs.get(id)?.stop(),
	'GET /api/audit': audit,
	'GET /api/audit/verify': () => ({ entries: 125, intact: true }),
	'GET /api/system': system
};

const table = Object.entries(routes).map(([route, handle]) => {
	const [method, path] = route.split(' ');
	return { method, pattern: new RegExp(`^${path.replace(/:id/g, '([^/]+)')}$`), handle };
});

async function readBody(request) {
	const chunks = [];
	for await (const chunk of request) chunks.push(chunk);
	const bytes = Buffer.concat(chunks);
	if (bytes.length === 0) return {};
	if (!request.headers['content-type']?.startsWith('multipart/')) return JSON.parse(bytes.toString());
	const head = bytes.indexOf('\r\n\r\n');
	const name = /filename="([^"]*)"/.exec(bytes.subarray(0, head).toString())?.[1] ?? 'Datei';
	return { name, bytes: bytes.subarray(head + 4, bytes.lastIndexOf('\r\n--')) };
}

function sendRefusal(response, refusal) {
	const { status = 500, code = 'internal', detail = String(refusal), headers = {} } = refusal;
	response.writeHead(status, { 'content-type': 'application/problem+json', ...headers });
	response.end(JSON.stringify({ type: 'about:blank', title: code, status, detail, code }));
}

/** A connect-style middleware. */
export function fakeApi() {
	return async (request, response, next) => {
		const url = new URL(request.url, 'http://localhost');
		if (!url.pathname.startsWith('/api/')) return next();
		const content = /^\/api\/documents\/([^/]+)\/content$/.exec(url.pathname);
		if (content) return response.end(state.contents.get(content[1]));
		const events = /^\/api\/runs\/([^/]+)\/events$/.exec(url.pathname);
		if (events) return listen(state.runs.get(events[1]), request, response);
		try {
			const route = table.find((one) => one.method === request.method && one.pattern.test(url.pathname));
			if (!route) throw missing();
			const ids = route.pattern.exec(url.pathname).slice(1);
			const result = route.handle(ids, await readBody(request), url.searchParams);
			response.writeHead(result === undefined ? 204 : 200, { 'content-type': 'application/json' });
			response.end(result === undefined ? undefined : JSON.stringify(result));
		} catch (refusal) {
			sendRefusal(response, refusal);
		}
	};
}
