/** One conversation on the page: its messages and the answer in the making. */
import {
	createMessage,
	getConversation,
	listMessages,
	retryMessage,
	stopRun,
	type Conversation,
	type Message,
	type Question
} from './api';
import { RunStream } from './run-stream.svelte';

export class OpenConversation {
	readonly id: string;
	title = $state('');
	messages = $state.raw<Message[]>([]);
	stream = $state.raw<RunStream>();
	/** Where earlier messages begin that are not shown; nothing if all are. */
	before = $state<string>();
	readonly #onChange: () => void;

	constructor(conversation: Conversation, onChange: () => void) {
		this.id = conversation.id;
		this.#onChange = onChange;
		this.before = conversation.next ?? undefined;
		this.#take(conversation);
		this.#join();
	}

	/** Shows earlier messages; returns how many. */
	async earlier(): Promise<number> {
		if (!this.before) return 0;
		const { items, next } = await listMessages(this.id, { after: this.before });
		this.messages = [...items.reverse(), ...this.messages];
		this.before = next ?? undefined;
		return items.length;
	}

	get running(): boolean {
		return this.stream !== undefined;
	}

	/** Asks; the answer begins to stream. */
	async send(message: Question): Promise<void> {
		const { question, answer } = await createMessage(this.id, message);
		this.messages = [...this.messages, question, answer];
		this.#join();
		this.#onChange();
	}

	/** Has an answer written anew; the old one gives way. */
	async retry(message: Message): Promise<void> {
		const { answer } = await retryMessage(message.id);
		const position = this.messages.findIndex((one) => one.id === message.id);
		this.messages = [...this.messages.slice(0, position), answer];
		this.#join();
	}

	/** Ends the run; what has been written stays. */
	async stop(): Promise<void> {
		if (this.stream) await stopRun(this.stream.id);
	}

	/** Stops listening; a running answer goes on at the server. */
	close(): void {
		this.stream?.close();
	}

	#take(conversation: Conversation): void {
		this.title = conversation.title;
		// Only the last ones come along: those before stay as they are known.
		const fresh = new Set(conversation.messages.map((one) => one.id));
		const known = this.messages.filter((one) => !fresh.has(one.id));
		this.messages = [...known, ...conversation.messages];
	}

	#join(): void {
		const run = this.messages.at(-1)?.run;
		this.stream?.close();
		this.stream = undefined;
		if (run?.state !== 'running') return;
		const stream = new RunStream(run.id, () => this.#finish(stream));
		this.stream = stream;
		void stream.follow();
	}

	/** Replaces what was heard by what the server kept. */
	async #finish(stream: RunStream): Promise<void> {
		if (this.stream !== stream) return;
		try {
			this.#take(await getConversation(this.id));
		} catch {
			this.#keepHeard(stream);
		}
		this.stream = undefined;
		this.#onChange();
	}

	#keepHeard(stream: RunStream): void {
		const last = this.messages.at(-1);
		if (!last?.run) return;
		const heard: Message = {
			...last,
			text: stream.text,
			citations: stream.citations,
			removed_citations: stream.removedCitations,
			run: { id: stream.id, state: stream.state, reason: stream.reason }
		};
		this.messages = [...this.messages.slice(0, -1), heard];
	}
}
