/** Long lists: what stands behind the first part, fetched when somebody asks for more. */

export interface Part<T> {
	items: T[];
	next?: string | null;
}

/** The parts behind the first, which the page has loaded. */
export class LaterParts<T> {
	items = $state.raw<T[]>([]);
	/** Where the next part begins; nothing at the end. */
	next = $state<string>();
	readonly #fetch: (after: string) => Promise<Part<T>>;
	/** How many parts are shown behind the first. */
	#count = 0;
	/** Counts the readings, so that a late answer does not replace a newer one. */
	#turn = 0;

	constructor(fetch: (after: string) => Promise<Part<T>>) {
		this.#fetch = fetch;
	}

	/** The first part was read anew: those behind it follow, as many as were shown. */
	async follow(first: Part<T>): Promise<void> {
		const turn = ++this.#turn;
		let next = first.next ?? undefined;
		let items: T[] = [];
		for (let read = 0; read < this.#count && next; read += 1) {
			const part = await this.#fetch(next);
			items = [...items, ...part.items];
			next = part.next ?? undefined;
		}
		if (turn !== this.#turn) return;
		this.items = items;
		this.next = next;
	}

	/** Shows one part more; returns how many items that are. */
	async more(): Promise<number> {
		if (!this.next) return 0;
		const turn = ++this.#turn;
		const part = await this.#fetch(this.next);
		if (turn !== this.#turn) return 0;
		this.#count += 1;
		this.items = [...this.items, ...part.items];
		this.next = part.next ?? undefined;
		return part.items.length;
	}
}

/** How many parts are read where a choice needs the whole list; more than anybody chooses from. */
const PARTS_MAX = 20;

/** Reads all parts of a list, up to a bound. */
export async function everything<T>(
	fetch: (query: { after?: string; limit: number }) => Promise<Part<T>>
): Promise<T[]> {
	let items: T[] = [];
	let after: string | undefined;
	for (let read = 0; read < PARTS_MAX; read += 1) {
		const part = await fetch({ after, limit: 100 });
		items = [...items, ...part.items];
		if (!part.next) break;
		after = part.next;
	}
	return items;
}
