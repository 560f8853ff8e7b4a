/** Every call the interface makes, named like the operations of the API. */
import { answer, apiHeaders, ApiError, client, problem } from './api/client';
import type {
	DataClass,
	Document,
	Limits,
	ModelAccess,
	ModelDefinition,
	Place,
	Question,
	Problem,
	Role,
	Scope,
	UsageBy,
	WantedVisibility
} from './api/types';

export { ApiError } from './api/client';
export type * from './api/types';

/** Which part of a list. */
type Part = { after?: string; limit?: number };

const at = (id: string) => ({ params: { path: { id } } });

export const setupState = () => answer(client.GET('/api/setup'));
export const setUp = (body: { token: string; name: string; email: string; password: string }) =>
	answer(client.POST('/api/setup', { body }));

export const signIn = (email: string, password: string) =>
	answer(client.POST('/api/session', { body: { email, password } }));
export const signOut = () => answer(client.DELETE('/api/session'));

export const me = () => answer(client.GET('/api/me'));
export const changePassword = (current: string, next: string) =>
	answer(client.PUT('/api/me/password', { body: { current, new: next } }));
export const listSessions = (query: Part = {}) =>
	answer(client.GET('/api/me/sessions', { params: { query } }));
export const endSession = (id: string) => answer(client.DELETE('/api/me/sessions/{id}', at(id)));

export const listKeys = () => answer(client.GET('/api/keys'));
export const createKey = (body: {
	name: string;
	scopes: Scope[];
	expires_at?: string;
	models?: string[];
	data_class?: DataClass;
}) =>
	answer(client.POST('/api/keys', { body }));
export const listTenantKeys = () => answer(client.GET('/api/tenant/keys'));
export const revokeKey = (id: string) => answer(client.DELETE('/api/keys/{id}', at(id)));

export const listUsers = (query: Part = {}) =>
	answer(client.GET('/api/users', { params: { query } }));
export const createUser = (body: {
	name: string;
	email: string;
	role: Role;
	password: string;
	units?: string[];
}) => answer(client.POST('/api/users', { body }));
export const changeUser = (
	id: string,
	body: { role?: Role; disabled?: boolean; units?: string[] }
) => answer(client.PATCH('/api/users/{id}', { ...at(id), body }));

export const listUnits = () => answer(client.GET('/api/units'));
export const createUnit = (body: { name: string; parent?: string }) =>
	answer(client.POST('/api/units', { body }));

export const setCostCentre = (id: string, cost_centre: string) =>
	answer(client.PATCH('/api/units/{id}', { ...at(id), body: { cost_centre } }));

export const getUsage = (query: { month?: string; by?: UsageBy } = {}) =>
	answer(client.GET('/api/usage', { params: { query } }));
export const getOwnUsage = () => answer(client.GET('/api/account/usage'));

/** Where the figures of a month lie as a file. */
export const usageExportUrl = (month: string, by: UsageBy, format: 'csv' | 'json') =>
	`/api/usage/export?${new URLSearchParams({ from: month, by, format })}`;
export const listLimits = () => answer(client.GET('/api/limits'));
export const listLimitableKeys = () => answer(client.GET('/api/limits/keys'));
export const putLimit = (scope: string, body: Limits) =>
	answer(client.PUT('/api/limits/{id}', { ...at(scope), body }));
export const deleteLimit = (scope: string) => answer(client.DELETE('/api/limits/{id}', at(scope)));
export const ownLimits = () => answer(client.GET('/api/me/limits'));

export const listModels = () => answer(client.GET('/api/models'));

export const listCollections = (query: Part = {}) =>
	answer(client.GET('/api/collections', { params: { query } }));
export const getCollection = (id: string) => answer(client.GET('/api/collections/{id}', at(id)));
export const createCollection = (body: {
	name: string;
	data_class: DataClass;
	visibility?: WantedVisibility;
}) => answer(client.POST('/api/collections', { body }));
export const changeCollection = (
	id: string,
	body: { name?: string; data_class?: DataClass; visibility?: WantedVisibility }
) => answer(client.PATCH('/api/collections/{id}', { ...at(id), body }));
export const deleteCollection = (id: string) =>
	answer(client.DELETE('/api/collections/{id}', at(id)));

export const listDocuments = (collection: string, query: Part = {}) =>
	answer(
		client.GET('/api/collections/{id}/documents', { params: { path: { id: collection }, query } })
	);
export const getDocument = (id: string) => answer(client.GET('/api/documents/{id}', at(id)));
export const deleteDocument = (id: string) => answer(client.DELETE('/api/documents/{id}', at(id)));
export const retryDocument = (id: string) =>
	answer(client.POST('/api/documents/{id}/retry', at(id)));
export const listPassages = (
	id: string,
	query: { page?: number; after?: number; limit?: number }
) => answer(client.GET('/api/documents/{id}/passages', { params: { path: { id }, query } }));
export const getPassage = (id: string) => answer(client.GET('/api/passages/{id}', at(id)));

/** Where a document's original bytes lie. */
export const documentContentUrl = (id: string) => `/api/documents/${id}/content`;

/** Reads a document's original bytes. */
export async function documentContent(id: string, signal?: AbortSignal): Promise<ArrayBuffer> {
	const response = await fetch(documentContentUrl(id), { headers: apiHeaders(), signal });
	if (!response.ok) throw problem(response, await response.json().catch(() => null));
	return response.arrayBuffer();
}

export const search = (body: {
	query: string;
	collections?: string[];
	documents?: string[];
	limit?: number;
}) => answer(client.POST('/api/search', { body }));

export const listConversations = (query: { query?: string; after?: string } = {}) =>
	answer(client.GET('/api/conversations', { params: { query } }));
export const createConversation = () => answer(client.POST('/api/conversations', { body: {} }));
export const getConversation = (id: string) =>
	answer(client.GET('/api/conversations/{id}', at(id)));
/** The messages before those that came with a conversation, the newest first. */
export const listMessages = (id: string, query: Part) =>
	answer(client.GET('/api/conversations/{id}/messages', { params: { path: { id }, query } }));
export const renameConversation = (id: string, title: string) =>
	answer(client.PATCH('/api/conversations/{id}', { ...at(id), body: { title } }));
export const deleteConversation = (id: string) =>
	answer(client.DELETE('/api/conversations/{id}', at(id)));

export const createMessage = (conversation: string, body: Question) =>
	answer(client.POST('/api/conversations/{id}/messages', { ...at(conversation), body }));
export const retryMessage = (id: string) => answer(client.POST('/api/messages/{id}/retry', at(id)));
export const stopRun = (id: string) => answer(client.POST('/api/runs/{id}/stop', at(id)));

/** Where a run's events are heard. */
export const runEventsUrl = (id: string) => `/api/runs/${id}/events`;

export const listAudit = (after?: string | null) =>
	answer(client.GET('/api/audit', { params: { query: { after: after ?? undefined } } }));
export const verifyAudit = () => answer(client.GET('/api/audit/verify'));
export const gatewayStatus = () => answer(client.GET('/api/gateway/status'));
export const listGatewayModels = () => answer(client.GET('/api/gateway/models'));
export const createGatewayModel = (body: ModelDefinition) =>
	answer(client.POST('/api/gateway/models', { body }));
export const updateGatewayModel = (
	name: string,
	body: { version: number; definition: ModelDefinition }
) => answer(client.PUT('/api/gateway/models/{name}', { params: { path: { name } }, body }));
export const deleteGatewayModel = (name: string, version: number) =>
	answer(client.DELETE('/api/gateway/models/{name}', { params: { path: { name }, query: { version } } }));
export const drainGatewayRoute = (name: string, route: string, drained: boolean) =>
	answer(
		client.PUT('/api/gateway/models/{name}/drain', {
			params: { path: { name } },
			body: { route, drained }
		})
	);
export const testGatewayRoute = (name: string, route: string) =>
	answer(client.POST('/api/gateway/models/{name}/test', { params: { path: { name } }, body: { route } }));
export const listModelAccess = () => answer(client.GET('/api/model-access'));
export const updateModelAccess = (
	model: string,
	body: { version: number; audience?: ModelAccess['audience'] }
) => answer(client.PUT('/api/model-access/{model}', { params: { path: { model } }, body }));
export const getPlacePolicy = () => answer(client.GET('/api/place-policy'));
export const updatePlacePolicy = (body: { version: number; places: Place[] }) =>
	answer(client.PUT('/api/place-policy', { body }));
export const systemState = () => answer(client.GET('/api/system'));

/**
 * Uploads a file; `onProgress` hears the share sent, from 0 to 1. The one call that is not made by
 * `fetch`, which cannot say how far an upload is.
 */
export function uploadDocument(
	collection: string,
	file: File,
	onProgress: (share: number) => void,
	signal?: AbortSignal
): Promise<Document> {
	return new Promise((resolve, reject) => {
		const request = new XMLHttpRequest();
		request.open('POST', `/api/collections/${collection}/documents`);
		for (const [name, value] of Object.entries(apiHeaders())) request.setRequestHeader(name, value);
		request.responseType = 'json';
		request.upload.onprogress = (event) => {
			if (event.lengthComputable) onProgress(event.loaded / event.total);
		};
		request.onload = () => {
			if (request.status >= 200 && request.status < 300) return resolve(request.response);
			const wait = request.getResponseHeader('retry-after');
			const headers = new Headers(wait ? { 'retry-after': wait } : {});
			reject(problem({ status: request.status, headers }, request.response as Problem | null));
		};
		request.onerror = () => reject(new ApiError(0, 'offline', ''));
		request.onabort = () => reject(new DOMException('upload cancelled', 'AbortError'));
		signal?.addEventListener('abort', () => request.abort(), { once: true });

		const form = new FormData();
		form.set('file', file);
		request.send(form);
	});
}
