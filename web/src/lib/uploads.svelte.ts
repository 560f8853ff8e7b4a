/** Files on their way into a collection: a few at a time, each for itself. */
import { uploadDocument, type Document } from './api';
import { failureText } from './failure';
import { uploadLanes } from './lanes';

export class Upload {
	readonly file: File;
	sent = $state(0);
	state = $state<'waiting' | 'sending' | 'failed'>('waiting');
	failure = $state('');
	readonly gone = new AbortController();

	constructor(file: File) {
		this.file = file;
	}
}

export class Uploads {
	items = $state.raw<Upload[]>([]);
	readonly #collection: string;
	readonly #onArrival: (document: Document) => void;

	constructor(collection: string, onArrival: (document: Document) => void) {
		this.#collection = collection;
		this.#onArrival = onArrival;
	}

	add(files: Iterable<File>): void {
		const added = Array.from(files, (file) => new Upload(file));
		this.items = [...this.items, ...added];
		for (const item of added) void this.#send(item);
	}

	/** Takes a file off the list; one that is on its way does not arrive. */
	dismiss(item: Upload): void {
		item.gone.abort();
		this.#remove(item);
	}

	again(item: Upload): void {
		item.state = 'waiting';
		item.sent = 0;
		void this.#send(item);
	}

	#remove(item: Upload): void {
		this.items = this.items.filter((one) => one !== item);
	}

	async #send(item: Upload): Promise<void> {
		try {
			await uploadLanes.run(async () => {
				if (item.gone.signal.aborted) return;
				item.state = 'sending';
				const heard = (share: number) => (item.sent = share);
				const { signal } = item.gone;
				const document = await uploadDocument(this.#collection, item.file, heard, signal);
				this.#remove(item);
				this.#onArrival(document);
			});
		} catch (cause) {
			if (item.gone.signal.aborted) return;
			item.state = 'failed';
			item.failure = failureText(cause);
		}
	}
}
