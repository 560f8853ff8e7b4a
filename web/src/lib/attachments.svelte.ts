/** The documents of a question: uploading, being read, ready or failed. */
import {
	ApiError,
	getDocument,
	uploadDocument,
	type Attachment as Attached,
	type Document,
	type Reason
} from './api';
import { failureText } from './failure';

const POLL_MS = 1000;

export class Attachment {
	readonly name: string;
	documentId = $state<string>();
	/** Share of the bytes sent, from 0 to 1. */
	sent = $state(0);
	state = $state<'uploading' | Document['state']>('uploading');
	pages = $state<number>();
	pagesDone = $state<number>();
	reason = $state.raw<Reason>();
	readonly #gone = new AbortController();

	constructor(name: string) {
		this.name = name;
	}

	get pending(): boolean {
		return this.state !== 'ready' && this.state !== 'failed';
	}

	/** Uploads `file` and follows it until it is ready or has failed. */
	async upload(collection: string, file: File): Promise<void> {
		try {
			const document = await uploadDocument(
				collection,
				file,
				(share) => (this.sent = share),
				this.#gone.signal
			);
			this.take(document);
			await this.#watch(document.id);
		} catch (cause) {
			if (this.#gone.signal.aborted) return;
			this.reason = { code: 'upload_failed', text: failureText(cause) };
			this.state = 'failed';
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
	items = $state.raw<Attachment[]>([]);

	constructor(known: readonly Attached[] = []) {
		this.items = known.map(({ document_id, name }) => {
			const item = new Attachment(name);
			item.documentId = document_id;
			item.state = 'ready';
			return item;
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
		for (const file of files) {
			const item = new Attachment(file.name);
			this.items = [...this.items, item];
			void item.upload(collection, file);
		}
	}

	remove(item: Attachment): void {
		item.drop();
		this.items = this.items.filter((one) => one !== item);
	}
}
