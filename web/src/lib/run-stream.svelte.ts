/** Follows one run: text, sources, stage and end, through breaks of the connection. */
import {
	ApiError,
	runEventsUrl,
	type Citation,
	type Reason,
	type RunEvents,
	type RunState
} from './api';
import { apiHeaders, problem } from './api/client';
import { serverEvents, type ServerEvent } from './sse';

export type Stage = 'searching' | 'reading' | 'writing';

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8_000;

export class RunStream {
	readonly id: string;
	text = $state('');
	citations = $state.raw<Citation[]>([]);
	removedCitations = $state(0);
	state = $state<RunState>('running');
	stage = $state.raw<Stage>();
	reason = $state.raw<Reason>();
	/** Whether the connection broke and is being made again. */
	lost = $state(false);

	#seq = 0;
	#pending = '';
	#frame = 0;
	readonly #closed = new AbortController();
	readonly #onEnd: () => void;

	constructor(id: string, onEnd: () => void) {
		this.id = id;
		this.#onEnd = onEnd;
	}

	/** Listens until the run ends or {@link close} is called. */
	async follow(): Promise<void> {
		let pause = FIRST_PAUSE_MS;
		while (!this.#closed.signal.aborted && this.state === 'running') {
			try {
				await this.#listen(() => (pause = FIRST_PAUSE_MS));
			} catch (cause) {
				if (cause instanceof ApiError && cause.status >= 400 && cause.status < 500) {
					this.#fail(cause);
					break;
				}
			}
			if (this.#closed.signal.aborted || this.state !== 'running') break;
			this.lost = true;
			await new Promise((resolve) => setTimeout(resolve, pause));
			pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
		}
		this.#flush();
		if (!this.#closed.signal.aborted) this.#onEnd();
	}

	/** Stops listening; the run itself goes on. */
	close(): void {
		this.#closed.abort();
		cancelAnimationFrame(this.#frame);
	}

	async #listen(onConnected: () => void): Promise<void> {
		const response = await fetch(runEventsUrl(this.id), {
			headers: { ...apiHeaders(), accept: 'text/event-stream' },
			signal: this.#closed.signal
		});
		if (!response.ok || !response.body) {
			throw problem(response, await response.json().catch(() => null));
		}
		this.lost = false;
		onConnected();
		for await (const event of serverEvents(response.body)) {
			this.#take(event);
			if (this.state !== 'running') return;
		}
	}

	#take({ event, data }: ServerEvent): void {
		switch (event) {
			case 'snapshot':
				return this.#takeSnapshot(JSON.parse(data));
			case 'delta':
				return this.#takeDelta(JSON.parse(data));
			case 'stage':
				this.stage = (JSON.parse(data) as RunEvents['stage']).stage as Stage;
				return;
			case 'citations':
				return this.#takeCitations(JSON.parse(data));
			case 'done':
				return this.#takeDone(JSON.parse(data));
		}
	}

	#takeSnapshot(told: RunEvents['snapshot']): void {
		this.#pending = '';
		this.#seq = told.seq;
		this.text = told.text;
		this.citations = told.citations;
		this.removedCitations = told.removed_citations;
		this.stage = told.stage as Stage;
		this.reason = told.reason ?? undefined;
		this.state = told.state;
	}

	#takeDelta(told: RunEvents['delta']): void {
		if (told.seq <= this.#seq) return;
		this.#seq = told.seq;
		this.#later(told.text);
	}

	#takeCitations(told: RunEvents['citations']): void {
		this.#pending = '';
		this.citations = told.citations;
		this.removedCitations = told.removed_citations;
		this.text = told.text;
	}

	#takeDone(told: RunEvents['done']): void {
		this.#flush();
		this.reason = told.reason ?? undefined;
		this.state = told.state;
	}

	/** Collects what arrives within one frame, so that a fast model does not outrun the page. */
	#later(text: string): void {
		this.#pending += text;
		if (document.hidden) return this.#flush();
		this.#frame ||= requestAnimationFrame(() => this.#flush());
	}

	#flush(): void {
		cancelAnimationFrame(this.#frame);
		this.#frame = 0;
		if (this.#pending === '') return;
		this.text += this.#pending;
		this.#pending = '';
	}

	#fail(cause: ApiError): void {
		this.reason = { code: cause.code, text: cause.detail };
		this.state = 'failed';
	}
}
