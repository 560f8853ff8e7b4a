/**
 * The one door to the server: adds what every call needs and turns every failure into one type.
 * Knows no single operation.
 */
import createClient, { type Middleware } from 'openapi-fetch';

import type { paths } from './schema';
import type { Problem } from './types';

/** The server's refusal, or `offline` when no answer came at all. */
export class ApiError extends Error {
	constructor(
		readonly status: number,
		readonly code: string,
		readonly detail: string,
		readonly fields: Record<string, string> = {},
		readonly retryAfterSeconds?: number
	) {
		super(detail || code);
	}
}

/** What a call of the generated client resolves to. */
interface Outcome<T> {
	data?: T;
	error?: unknown;
	response: Response;
}

let locale = 'de';

/** Sets the language in which the server words its answers. */
export function setApiLocale(next: string): void {
	locale = next;
}

/** The headers of every call: the language, and the proof that no other site made it. */
export function apiHeaders(): Record<string, string> {
	return { 'accept-language': locale, 'x-fachwerk-csrf': '1' };
}

const addHeaders: Middleware = {
	onRequest({ request }) {
		for (const [name, value] of Object.entries(apiHeaders())) request.headers.set(name, value);
		return request;
	}
};

export const client = createClient<paths>({ baseUrl: '', credentials: 'same-origin' });
client.use(addHeaders);

/** Returns what a call answered; throws an {@link ApiError} otherwise. */
export async function answer<T>(call: Promise<Outcome<T>>): Promise<T> {
	let outcome: Outcome<T>;
	try {
		outcome = await call;
	} catch (cause) {
		if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
		throw new ApiError(0, 'offline', '');
	}
	if (outcome.response.ok) return outcome.data as T;
	throw problem(outcome.response, outcome.error);
}

/** Turns a refusal into an {@link ApiError}, whatever its body looks like. */
export function problem(response: Pick<Response, 'status' | 'headers'>, body: unknown): ApiError {
	const told: Partial<Problem> = typeof body === 'object' && body !== null ? body : {};
	const wait = Number.parseInt(response.headers.get('retry-after') ?? '', 10);
	return new ApiError(
		response.status,
		told.code ?? `http_${response.status}`,
		told.detail ?? told.title ?? '',
		told.fields ?? {},
		Number.isFinite(wait) ? wait : undefined
	);
}
