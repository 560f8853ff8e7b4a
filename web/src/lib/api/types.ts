/**
 * The shapes of the HTTP interface. Replaced by the generated `schema.d.ts` as soon as
 * `openapi/api.json` exists; nothing else in the interface describes the server.
 */

export type DataClass = 'open' | 'internal' | 'personal' | 'confidential' | 'restricted';
export type Place = 'own' | 'germany' | 'eu' | 'elsewhere';
export type Role = 'admin' | 'member';
export type Scope = 'models' | 'search' | 'documents' | 'conversations';

export interface Named {
	id: string;
	name: string;
}

export interface Reason {
	code: string;
	text: string;
}

export interface Me extends Named {
	email: string;
	role: Role;
	tenant: Named;
	units: Named[];
	locale?: 'de' | 'en';
	default_collection: string;
}

export interface Session {
	id: string;
	created_at: string;
	last_used_at: string;
	user_agent: string;
	current: boolean;
}

export interface Key extends Named {
	prefix: string;
	scopes: Scope[];
	created_at: string;
	last_used_at?: string;
	expires_at?: string;
}

export interface NewKey extends Key {
	key: string;
}

export interface User extends Named {
	email: string;
	role: Role;
	units: Named[];
	created_at: string;
	disabled: boolean;
}

export interface Unit extends Named {
	parent?: string;
}

export interface Model {
	name: string;
	purpose: string;
	description: string;
	kind: 'language' | 'extract';
	clearance: DataClass;
	places: Place[];
	default: boolean;
}

export interface Models {
	items: Model[];
	configured: boolean;
}

export interface Visibility {
	kind: 'private' | 'unit' | 'tenant';
	unit?: Named;
}

export interface Collection extends Named {
	data_class: DataClass;
	visibility: Visibility;
	owner: Named;
	mine: boolean;
	default: boolean;
	documents: number;
	created_at: string;
}

export type DocumentState = 'received' | 'extracting' | 'indexing' | 'ready' | 'failed';

export interface Document extends Named {
	collection_id: string;
	title?: string;
	format?: string;
	size_bytes: number;
	state: DocumentState;
	pages?: number;
	pages_done?: number;
	passages?: number;
	reason?: Reason;
	created_at: string;
	owner: Named;
}

export interface PageBox {
	page: number;
	x: number;
	y: number;
	width: number;
	height: number;
}

export interface Passage {
	id: string;
	document_id: string;
	ordinal: number;
	page?: number;
	heading: string[];
	kind: 'paragraph' | 'list_item' | 'table_row' | 'heading';
	text: string;
	boxes: PageBox[];
}

export interface PassageInDocument extends Passage {
	document: { id: string; name: string; format: string; pages?: number; collection_id: string };
}

export interface Hit {
	document_id: string;
	document_name: string;
	collection_id: string;
	collection_name: string;
	passage_id: string;
	page?: number;
	heading: string;
	text: string;
	score: number;
}

export interface ConversationSummary {
	id: string;
	title: string;
	created_at: string;
	updated_at: string;
	running: boolean;
}

export type RunState = 'running' | 'done' | 'stopped' | 'failed';
export type SummaryLength = 'short' | 'medium' | 'long';
export type Task = { kind: 'answer' } | { kind: 'summary'; length: SummaryLength };

export interface Citation {
	number: number;
	document_id: string;
	document_name: string;
	passage_id: string;
	page?: number;
	heading: string;
	quote: string;
	start: number;
	end: number;
}

export interface Attachment {
	document_id: string;
	name: string;
}

export interface Usage {
	prompt_tokens: number;
	completion_tokens: number;
	total_tokens: number;
}

export interface Message {
	id: string;
	role: 'user' | 'assistant';
	text: string;
	created_at: string;
	attachments: Attachment[];
	collections: string[];
	model?: string;
	route?: { name: string; place: Place };
	data_class: DataClass;
	task?: Task;
	run?: { id: string; state: RunState; reason?: Reason };
	citations: Citation[];
	removed_citations: number;
	usage?: Usage;
}

export interface Conversation {
	id: string;
	title: string;
	created_at: string;
	updated_at: string;
	messages: Message[];
}

export interface NewMessage {
	text: string;
	documents?: string[];
	collections?: string[];
	model?: string;
	data_class?: DataClass;
	task?: Task;
}

export interface AuditEntry {
	sequence: number;
	at: string;
	actor?: Named | string;
	action: string;
	object?: string;
	outcome: string;
}

export interface AuditVerdict {
	entries: number;
	intact: boolean;
	first_broken?: number;
}

export interface SystemState {
	version: string;
	documents: { ready: number; failed: number; waiting: number };
	jobs: { waiting: number; running: number; failed: number };
	index: { state: 'ready' | 'rebuilding'; passages: number };
	models: {
		name: string;
		routes: { name: string; kind: string; place: Place; clearance: DataClass }[];
	}[];
}

export interface List<T> {
	items: T[];
	next?: string;
}

/** What a failing call answers (RFC 9457). */
export interface Problem {
	title: string;
	status: number;
	detail?: string;
	code?: string;
	fields?: Record<string, string>;
}

type Json<T> = { content: { 'application/json': T } };
type Responses<T> = {
	200: Json<T>;
	default: { content: { 'application/problem+json': Problem } };
};
type Path<P extends string> = { [name in P]: string };

type Call<Answer, P extends string = never, Query = never, Body = never> = {
	parameters: ([Query] extends [never] ? { query?: never } : { query?: Query }) &
		([P] extends [never] ? { path?: never } : { path: Path<P> });
	responses: Responses<Answer>;
} & ([Body] extends [never] ? { requestBody?: never } : { requestBody: Json<Body> });

/** The paths that the interface calls. */
export interface paths {
	'/api/setup': {
		get: Call<{ needed: boolean }>;
		post: Call<Me, never, never, { token: string; name: string; email: string; password: string }>;
	};
	'/api/session': {
		post: Call<Me, never, never, { email: string; password: string }>;
		delete: Call<void>;
	};
	'/api/me': { get: Call<Me> };
	'/api/me/password': { put: Call<void, never, never, { current: string; new: string }> };
	'/api/me/sessions': { get: Call<List<Session>> };
	'/api/me/sessions/{id}': { delete: Call<void, 'id'> };
	'/api/keys': {
		get: Call<List<Key>>;
		post: Call<NewKey, never, never, { name: string; scopes: Scope[]; expires_at?: string }>;
	};
	'/api/keys/{id}': { delete: Call<void, 'id'> };
	'/api/users': {
		get: Call<List<User>>;
		post: Call<
			User,
			never,
			never,
			{ name: string; email: string; role: Role; password: string; units?: string[] }
		>;
	};
	'/api/users/{id}': {
		patch: Call<User, 'id', never, { role?: Role; disabled?: boolean; units?: string[] }>;
	};
	'/api/units': {
		get: Call<List<Unit>>;
		post: Call<Unit, never, never, { name: string; parent?: string }>;
	};
	'/api/models': { get: Call<Models> };
	'/api/collections': {
		get: Call<List<Collection>>;
		post: Call<
			Collection,
			never,
			never,
			{ name: string; data_class: DataClass; visibility?: VisibilityChoice }
		>;
	};
	'/api/collections/{id}': {
		get: Call<Collection, 'id'>;
		patch: Call<
			Collection,
			'id',
			never,
			{ name?: string; data_class?: DataClass; visibility?: VisibilityChoice }
		>;
		delete: Call<void, 'id'>;
	};
	'/api/collections/{id}/documents': { get: Call<List<Document>, 'id'> };
	'/api/documents/{id}': { get: Call<Document, 'id'>; delete: Call<void, 'id'> };
	'/api/documents/{id}/retry': { post: Call<Document, 'id'> };
	'/api/documents/{id}/passages': {
		get: Call<List<Passage>, 'id', { page?: number; after?: string; limit?: number }>;
	};
	'/api/passages/{id}': { get: Call<PassageInDocument, 'id'> };
	'/api/search': {
		post: Call<
			{ hits: Hit[] },
			never,
			never,
			{ query: string; collections?: string[]; documents?: string[]; limit?: number }
		>;
	};
	'/api/conversations': {
		get: Call<List<ConversationSummary>, never, { query?: string; after?: string }>;
		post: Call<Conversation, never, never, { title?: string }>;
	};
	'/api/conversations/{id}': {
		get: Call<Conversation, 'id'>;
		patch: Call<ConversationSummary, 'id', never, { title: string }>;
		delete: Call<void, 'id'>;
	};
	'/api/conversations/{id}/messages': {
		post: Call<{ question: Message; answer: Message }, 'id', never, NewMessage>;
	};
	'/api/messages/{id}/retry': { post: Call<{ answer: Message }, 'id'> };
	'/api/runs/{id}/stop': { post: Call<void, 'id'> };
	'/api/audit': { get: Call<List<AuditEntry>, never, { after?: string }> };
	'/api/audit/verify': { get: Call<AuditVerdict> };
	'/api/system': { get: Call<SystemState> };
}

export interface VisibilityChoice {
	kind: 'private' | 'unit' | 'tenant';
	unit?: string;
}
