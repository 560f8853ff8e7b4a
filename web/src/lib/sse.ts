/** Reads server-sent events from a `fetch` response (WHATWG HTML, section 9.2). */

export interface ServerEvent {
	event: string;
	data: string;
}

/** Longest event that is kept; a longer one ends the stream with an error. */
const EVENT_CHARS_MAX = 8_000_000;

/** Turns pieces of text, cut anywhere, into events. */
export class SseDecoder {
	#rest = '';
	#event = '';
	#data: string[] = [];

	feed(piece: string): ServerEvent[] {
		this.#rest += piece;
		if (this.#rest.length > EVENT_CHARS_MAX) throw new Error('event too long');
		const events: ServerEvent[] = [];
		for (;;) {
			const end = /\r\n|\n|\r(?!$)/.exec(this.#rest);
			if (!end) return events;
			const line = this.#rest.slice(0, end.index);
			this.#rest = this.#rest.slice(end.index + end[0].length);
			const done = this.#line(line);
			if (done) events.push(done);
		}
	}

	#line(line: string): ServerEvent | undefined {
		if (line === '') return this.#dispatch();
		const colon = line.indexOf(':');
		const field = colon < 0 ? line : line.slice(0, colon);
		const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
		if (field === 'event') this.#event = value;
		else if (field === 'data') this.#data.push(value);
		return undefined;
	}

	#dispatch(): ServerEvent | undefined {
		const data = this.#data.join('\n');
		const event = this.#event || 'message';
		const empty = this.#data.length === 0;
		this.#event = '';
		this.#data = [];
		return empty ? undefined : { event, data };
	}
}

/** Yields the events of `body` until it ends. */
export async function* serverEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
	const decoder = new SseDecoder();
	const text = new TextDecoder();
	const reader = body.getReader();
	try {
		for (;;) {
			const { done, value } = await reader.read();
			if (done) return;
			yield* decoder.feed(text.decode(value, { stream: true }));
		}
	} finally {
		reader.releaseLock();
	}
}
