/** A model server that says what a test tells it to, when the test tells it to. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface ChatRequest {
	model: string;
	stream?: boolean;
	messages: { role: string; content: string }[];
}

export class FakeModel {
	/** How many calls have come so far. */
	count = 0;
	readonly #server: Server;
	readonly #calls: Call[] = [];
	readonly #waiting: ((call: Call) => void)[] = [];

	private constructor() {
		this.#server = createServer((request, response) => void this.#take(request, response));
	}

	static async start(): Promise<FakeModel> {
		const model = new FakeModel();
		model.#server.listen(0, '127.0.0.1');
		await once(model.#server, 'listening');
		return model;
	}

	async stop(): Promise<void> {
		this.#server.close();
		this.#server.closeAllConnections();
		await once(this.#server, 'close');
	}

	/** Where it is called. */
	get baseUrl(): string {
		const { port } = this.#server.address() as AddressInfo;
		return `http://127.0.0.1:${port}/v1`;
	}

	/** The lines of `fachwerk.toml` that make it the model „standard“. */
	settings(clearance: string): string {
		return `
			[[models]]
			name = "standard"
			purpose = "Fragen und Entwürfe"
			[[models.routes]]
			kind = "openai"
			base_url = "${this.baseUrl}"
			upstream_model = "probe"
			place = "own"
			clearance = "${clearance}"
			# A test looks long and closely at a half-written answer.
			idle_seconds = 300
		`;
	}

	/** The next call; waits for it if need be. */
	nextCall(): Promise<Call> {
		const call = this.#calls.shift();
		if (call) return Promise.resolve(call);
		return new Promise((resolve) => this.#waiting.push(resolve));
	}

	async #take(request: IncomingMessage, response: ServerResponse) {
		let body = '';
		for await (const piece of request.setEncoding('utf8')) body += piece;
		this.count += 1;
		const call = new Call(JSON.parse(body), response);
		const waiting = this.#waiting.shift();
		if (waiting) waiting(call);
		else this.#calls.push(call);
	}
}

/** One question to the model, open until it is ended in one way or another. */
export class Call {
	readonly request: ChatRequest;
	/** Resolves when the caller has hung up or has its answer. */
	readonly over: Promise<unknown>;
	readonly #response: ServerResponse;

	constructor(request: ChatRequest, response: ServerResponse) {
		this.request = request;
		this.#response = response;
		this.over = once(response, 'close');
	}

	/** Streams a piece of the answer. */
	say(content: string): void {
		this.#send([{ index: 0, delta: { content }, finish_reason: null }]);
	}

	/** Ends the answer as it should. */
	end(): void {
		this.#send([{ index: 0, delta: {}, finish_reason: 'stop' }]);
		this.#send([], { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 });
		this.#response.end('data: [DONE]\n\n');
	}

	/** Gives the whole answer at once, to a caller that wants no stream. */
	answer(content: string): void {
		const message = { role: 'assistant', content };
		const choices = [{ index: 0, message, finish_reason: 'stop' }];
		this.#response.writeHead(200, { 'content-type': 'application/json' });
		this.#response.end(JSON.stringify({ id: 'c', object: 'chat.completion', created: 0, model: 'probe', choices }));
	}

	/** Cuts the connection in the middle of the answer. */
	breakOff(): void {
		this.#response.destroy();
	}

	#send(choices: unknown[], usage?: unknown): void {
		if (!this.#response.headersSent) {
			this.#response.writeHead(200, { 'content-type': 'text/event-stream' });
		}
		const chunk = { id: 'c', object: 'chat.completion.chunk', created: 0, model: 'probe', choices, usage };
		this.#response.write(`data: ${JSON.stringify(chunk)}\n\n`);
	}
}
