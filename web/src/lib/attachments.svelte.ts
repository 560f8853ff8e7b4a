/** The documents of a question: uploading, being read, ready or failed. */
import {
	ApiError,
	getDocument,
	retryDocument,
	uploadDocument,
	type Attachment as Attached,
	type Document,
	type Reason
} from './api';
import { failureText } from './failure';
import { uploadLanes } from './lanes';

const POLL_MS = 1000;
/** Why reading may fail once and not again; all other reasons lie in the file. */
const PASSING_REASONS = ['crashed', 'timed_out', 'out_of_memory'];

export class Attachment {
	readonly name: string;
	documentId = $state<string>();
	/** Share of the bytes sent, from 0 to 1. */
	sent = $state(0);
	state = $state<'waiting' | 'uploading' | Document['state']>('waiting');
	pages = $state<number>();
	pagesDone = $state<number>();
	reason = $state.raw<Reason>();
	/** Tries once more what has failed, where that may help. */
	retry = $state.raw<() => void>();
	readonly #gone = new AbortController();

	constructor(name: string) {
		this.name = name;
	}

	get pending(): boolean {
		return this.state !== 'ready' && this.state !== 'failed';
	}

	/** Uploads `file` and follows it until it is ready or has failed. */
	async upload(collection: string, file: File): Promise<void> {
		await this.#attempt(async () => {
			const document = await uploadLanes.run(() => this.#send(collection, file));
			await this.#follow(document);
		}, () => this.upload(collection, file));
	}

	async #send(collection: string, file: File): Promise<Document> {
		this.#gone.signal.throwIfAborted();
		this.state = 'uploading';
		const heard = (share: number) => (this.sent = share);
		return uploadDocument(collection, file, heard, this.#gone.signal);
	}

	/** Follows a document until it is ready or has failed. */
	async #follow(document: Document): Promise<void> {
		this.take(document);
		await this.#watch(document.id);
		const passing = this.state === 'failed' && PASSING_REASONS.includes(this.reason?.code ?? '');
		if (passing) this.retry = () => void this.#readAgain(document.id);
	}

	async #readAgain(id: string): Promise<void> {
		await this.#attempt(async () => this.#follow(await retryDocument(id)), () => this.#readAgain(id));
	}

	/** Does `work` and keeps why it failed; `again` is offered unless the server would say the same. */
	async #attempt(work: () => Promise<void>, again: () => Promise<void>): Promise<void> {
		this.retry = undefined;
		this.state = 'waiting';
		this.sent = 0;
		try {
			await work();
		} catch (cause) {
			if (this.#gone.signal.aborted) return;
			this.reason = { code: 'upload_failed', text: failureText(cause) };
			this.state = 'failed';
			const status = cause instanceof ApiError ? cause.status : 0;
			const final = status >= 400 && status < 500 && status !== 429;
			if (!final) this.retry = () => void again();
		}
	}

	/** Takes over what the server says about the document. */
	take(document: Document): void {
		this.documentId = document.id;
		this.state = document.state;
		this.pages = document.pages ?? undefined;
		this.pagesDone = document.pages_done ?? undefined;
		this.reason = document.reason ?? undefined;
	}

	/** Stops an upload or the watching of a document. */
	drop(): void {
		this.#gone.abort();
	}

	async #watch(id: string): Promise<void> {
		while (this.pending && !this.#gone.signal.aborted) {
			await new Promise((resolve) => setTimeout(resolve, POLL_MS));
			if (this.#gone.signal.aborted) return;
			try {
				this.take(await getDocument(id));
			} catch (cause) {
				const passing = cause instanceof ApiError && cause.code === 'offline';
				if (!passing) throw cause;
			}
		}
	}
}

export class Attachments {
	#all = $state.raw<Attachment[]>([]);

	constructor(known: readonly Attached[] = []) {
		this.#all = known.map(({ document_id, name }) => {
			const item = new Attachment(name);
			item.documentId = document_id;
			item.state = 'ready';
			return item;
		});
	}

	/** Each document once, however often its file was added: the server keeps it once, too. */
	get items(): Attachment[] {
		const seen = new Set<string>();
		return this.#all.filter(({ documentId }) => {
			if (!documentId) return true;
			const isNew = !seen.has(documentId);
			seen.add(documentId);
			return isNew;
		});
	}

	get pending(): boolean {
		return this.items.some((item) => item.pending);
	}

	/** The documents that a question can rest on. */
	get readyIds(): string[] {
		return this.items.flatMap((item) =>
			item.state === 'ready' && item.documentId ? [item.documentId] : []
		);
	}

	add(collection: string, files: Iterable<File>): void {
		const added = Array.from(files, (file) => ({ file, item: new Attachment(file.name) }));
		this.#all = [...this.#all, ...added.map(({ item }) => item)];
		for (const { file, item } of added) void item.upload(collection, file);
	}

	remove(item: Attachment): void {
		const id = item.documentId;
		const goes = (one: Attachment) => one === item || (id !== undefined && one.documentId === id);
		for (const one of this.#all.filter(goes)) one.drop();
		this.#all = this.#all.filter((one) => !goes(one));
	}
}
