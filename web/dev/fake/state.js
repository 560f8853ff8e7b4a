// What the development API remembers: everything in memory, gone when it stops.
import { existsSync, readFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';

const shared = new URL('../../../../shared/data/pdf/', import.meta.url);
const day = 86_400_000;
const ago = (ms) => new Date(Date.now() - ms).toISOString();

export const tenant = { id: randomUUID(), name: 'Stadt Musterhausen' };
export const units = [
	{ id: randomUUID(), name: 'Bauamt' },
	{ id: randomUUID(), name: 'Sozialamt' }
];
units.push({ id: randomUUID(), name: 'Bauaufsicht', parent: units[0].id });

export const me = {
	id: randomUUID(),
	name: 'Andrea Ahrens',
	email: 'andrea.ahrens@musterhausen.example',
	role: 'admin',
	tenant,
	units: [units[0]],
	default_collection: randomUUID()
};
const kim = { id: randomUUID(), name: 'Kim Krüger' };

export const state = {
	setUp: true,
	signedIn: true,
	failedSignIns: 0,
	users: [
		{ ...me, created_at: ago(40 * day), disabled: false },
		{
			...kim,
			email: 'kim.krueger@musterhausen.example',
			role: 'member',
			units: [units[1]],
			created_at: ago(12 * day),
			disabled: false
		}
	],
	sessions: [
		session('Mozilla/5.0 (X11; Linux x64) Firefox/145.0', true),
		session('Mozilla/5.0 (Windows NT 10.0) Edg/143.0', false)
	],
	keys: [
		{
			id: randomUUID(),
			name: 'Fachverfahren Wohngeld',
			prefix: 'sk-fw-7Qm4',
			scopes: ['models', 'search'],
			created_at: ago(20 * day),
			last_used_at: ago(3_600_000),
			expires_at: new Date(Date.now() + 90 * day).toISOString()
		}
	],
	configured: false,
	collections: [
		collection(me.default_collection, 'Meine Dokumente', 'internal', { kind: 'private' }, me),
		collection(randomUUID(), 'Bauordnungsrecht', 'open', { kind: 'tenant' }, me),
		collection(randomUUID(), 'Arbeitshilfen Sozialamt', 'internal', { kind: 'unit', unit: units[1] }, kim)
	],
	documents: [],
	contents: new Map(),
	passages: new Map(),
	conversations: [],
	runs: new Map()
};
state.collections[0].default = true;

function session(user_agent, current) {
	return { id: randomUUID(), created_at: ago(2 * day), last_used_at: ago(60_000), user_agent, current };
}

function collection(id, name, data_class, visibility, owner) {
	return {
		id,
		name,
		data_class,
		visibility,
		owner: { id: owner.id, name: owner.name },
		default: false,
		created_at: ago(30 * day)
	};
}

export function asCollection(item) {
	const documents = state.documents.filter((one) => one.collection_id === item.id).length;
	return { ...item, mine: item.owner.id === me.id, documents };
}

const LAW = [
	['Buch 1 › Abschnitt 5 › § 195', 'Die regelmäßige Verjährungsfrist beträgt drei Jahre.'],
	[
		'Buch 1 › Abschnitt 5 › § 199',
		'Die regelmäßige Verjährungsfrist beginnt, soweit nicht ein anderer Verjährungsbeginn bestimmt ist, mit dem Schluss des Jahres, in dem der Anspruch entstanden ist. Der Gläubiger muss von den den Anspruch begründenden Umständen und der Person des Schuldners Kenntnis erlangt haben oder ohne grobe Fahrlässigkeit erlangen müssen.'
	],
	[
		'Buch 2 › Abschnitt 8 › Titel 5 › § 535',
		'Durch den Mietvertrag wird der Vermieter verpflichtet, dem Mieter den Gebrauch der Mietsache während der Mietzeit zu gewähren. Der Vermieter hat die Mietsache dem Mieter in einem zum vertragsgemäßen Gebrauch geeigneten Zustand zu überlassen und sie während der Mietzeit in diesem Zustand zu erhalten.'
	],
	[
		'Buch 2 › Abschnitt 8 › Titel 5 › § 573c',
		'Die Kündigung ist spätestens am dritten Werktag eines Kalendermonats zum Ablauf des übernächsten Monats zulässig. Die Kündigungsfrist für den Vermieter verlängert sich nach fünf und acht Jahren seit der Überlassung des Wohnraums um jeweils drei Monate.'
	]
];

/** Adds a document that is ready, with passages of sample text. */
export function addReadyDocument(collection_id, name, format, pages, bytes) {
	const id = randomUUID();
	state.documents.push({
		id,
		collection_id,
		name,
		title: name.replace(/\.\w+$/, ''),
		format,
		size_bytes: bytes.length,
		state: 'ready',
		pages: format === 'pdf' ? pages : undefined,
		pages_done: pages,
		passages: 48,
		created_at: ago(day),
		owner: { id: me.id, name: me.name }
	});
	state.contents.set(id, bytes);
	state.passages.set(id, samplePassages(id, format, pages));
	return id;
}

export function samplePassages(document_id, format, pages) {
	return Array.from({ length: 48 }, (_, ordinal) => {
		const [heading, text] = LAW[ordinal % LAW.length];
		const page = format === 'pdf' ? Math.min(pages, 1 + ordinal * 3) : undefined;
		const boxes =
			page === undefined ? [] : [{ page, x: 0.12, y: 0.3 + (ordinal % 4) * 0.1, width: 0.76, height: 0.06 }];
		const kind = 'paragraph';
		return { id: randomUUID(), document_id, ordinal, page, heading: heading.split(' › '), kind, text, boxes };
	});
}

export function sharedPdf(name) {
	const file = new URL(name, shared);
	return existsSync(file) ? readFileSync(file) : undefined;
}

function seed() {
	const law = state.collections[1].id;
	const pdf = sharedPdf('bgb-gesamt.pdf');
	if (pdf) addReadyDocument(law, 'Bürgerliches Gesetzbuch.pdf', 'pdf', 553, pdf);
	addReadyDocument(law, 'Leitfaden Bauantrag.docx', 'docx', 1, Buffer.from('Leitfaden'));
	state.documents.push({
		id: randomUUID(),
		collection_id: law,
		name: 'Lageplan_2019_eingescannt.pdf',
		format: 'pdf',
		size_bytes: 4_812_334,
		state: 'failed',
		pages: 14,
		reason: { code: 'no_text', text: 'Scan ohne Text' },
		created_at: ago(day),
		owner: { id: me.id, name: me.name }
	});
	state.documents.push({
		id: randomUUID(),
		collection_id: law,
		name: 'Kommentar zur Landesbauordnung.pdf',
		format: 'pdf',
		size_bytes: 18_812_334,
		state: 'extracting',
		pages: 812,
		pages_done: 214,
		created_at: ago(60_000),
		owner: { id: me.id, name: me.name }
	});
	for (const [title, age] of [
		['Verjährung von Mietforderungen', 3_600_000],
		['Fristen im Baugenehmigungsverfahren', 5 * 3_600_000],
		['Anhörung nach § 28 VwVfG: wann entbehrlich?', day],
		['Zusammenfassung der Dienstanweisung Telearbeit', 6 * day]
	]) {
		state.conversations.push({
			id: randomUUID(),
			title,
			created_at: ago(age),
			updated_at: ago(age),
			messages: []
		});
	}
}

seed();
