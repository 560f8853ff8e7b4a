import { describe, expect, it } from 'vitest';

import { serverEvents, SseDecoder, type ServerEvent } from './sse';

const STREAM =
	': wach\n\nevent: snapshot\ndata: {"text":"ä"}\n\n' +
	'event: delta\r\ndata: {"seq":1}\r\n\r\n' +
	'data: eins\ndata:zwei\nid: 7\n\nevent: leer\n\n';
const EVENTS: ServerEvent[] = [
	{ event: 'snapshot', data: '{"text":"ä"}' },
	{ event: 'delta', data: '{"seq":1}' },
	{ event: 'message', data: 'eins\nzwei' }
];

describe('SseDecoder', () => {
	it('reads the same events however the text is cut', () => {
		for (let size = 1; size <= STREAM.length; size += 1) {
			const decoder = new SseDecoder();
			const events: ServerEvent[] = [];
			for (let at = 0; at < STREAM.length; at += size) {
				events.push(...decoder.feed(STREAM.slice(at, at + size)));
			}
			expect(events, `pieces of ${size}`).toEqual(EVENTS);
		}
	});

	it('refuses an event without end', () => {
		const decoder = new SseDecoder();
		const piece = `data: ${'x'.repeat(1_000_000)}`;
		expect(() => {
			for (let turn = 0; turn < 20; turn += 1) decoder.feed(piece);
		}).toThrow();
	});
});

describe('serverEvents', () => {
	it('reads bytes that are cut inside of a letter', async () => {
		const bytes = new TextEncoder().encode(STREAM);
		const body = new ReadableStream<Uint8Array>({
			start(controller) {
				for (const byte of bytes) controller.enqueue(new Uint8Array([byte]));
				controller.close();
			}
		});
		const events: ServerEvent[] = [];
		for await (const event of serverEvents(body)) events.push(event);
		expect(events).toEqual(EVENTS);
	});
});
