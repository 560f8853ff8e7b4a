/** Files on their way into a collection: a few at a time, each for itself. */
import { uploadDocument } from './api';
import { failureText } from './failure';

/** How many files travel at once; the others wait. */
const AT_ONCE = 3;

export class Upload {
	readonly file: File;
	sent = $state(0);
	state = $state<'waiting' | 'sending' | 'failed'>('waiting');
	failure = $state('');

	constructor(file: File) {
		this.file = file;
	}
}

export class Uploads {
	items = $state.raw<Upload[]>([]);
	readonly #collection: string;
	readonly #onArrival: () => void;

	constructor(collection: string, onArrival: () => void) {
		this.#collection = collection;
		this.#onArrival = onArrival;
	}

	add(files: Iterable<File>): void {
		this.items = [...this.items, ...Array.from(files, (file) => new Upload(file))];
		this.#fill();
	}

	dismiss(item: Upload): void {
		this.items = this.items.filter((one) => one !== item);
	}

	again(item: Upload): void {
		item.state = 'waiting';
		this.#fill();
	}

	#fill(): void {
		const sending = this.items.filter((one) => one.state === 'sending').length;
		const waiting = this.items.filter((one) => one.state === 'waiting');
		for (const item of waiting.slice(0, Math.max(0, AT_ONCE - sending))) void this.#send(item);
	}

	async #send(item: Upload): Promise<void> {
		item.state = 'sending';
		try {
			await uploadDocument(this.#collection, item.file, (share) => (item.sent = share));
			this.dismiss(item);
			this.#onArrival();
		} catch (cause) {
			item.state = 'failed';
			item.failure = failureText(cause);
		}
		this.#fill();
	}
}
