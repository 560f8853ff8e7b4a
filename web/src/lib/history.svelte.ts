/** The list of earlier conversations beside every page, with its search. */
import { getContext, setContext } from 'svelte';

import { listConversations, type ConversationSummary } from './api';

const CONTEXT = Symbol('history');
/** How often the list looks whether an answer that is being written somewhere is complete. */
const LOOK_MS = 2000;

export class History {
	items = $state.raw<ConversationSummary[]>([]);
	query = $state('');
	failed = $state(false);
	loaded = $state(false);
	#next = $state<string>();
	/** Counts the loads, so that a late answer to an old query is not shown. */
	#turn = 0;

	#timer: ReturnType<typeof setTimeout> | undefined;

	/** Whether older conversations can be fetched. */
	get hasMore(): boolean {
		return this.#next !== undefined;
	}

	/** Fetches the newest conversations that match the query. */
	async refresh(): Promise<void> {
		await this.#load(undefined);
	}

	/** Fetches older ones and adds them. */
	async more(): Promise<void> {
		await this.#load(this.#next);
	}

	/** Stops looking. */
	close(): void {
		clearTimeout(this.#timer);
	}

	/** Looks again as long as answers are being written; rows stay where they are. */
	#watch(): void {
		clearTimeout(this.#timer);
		if (!this.items.some((one) => one.running)) return;
		this.#timer = setTimeout(() => void this.#look(), LOOK_MS);
	}

	async #look(): Promise<void> {
		const turn = this.#turn;
		try {
			const { items } = await listConversations({ query: this.query.trim() || undefined });
			if (turn !== this.#turn) return;
			const fresh = new Map(items.map((one) => [one.id, one]));
			this.items = this.items.map((one) => fresh.get(one.id) ?? one);
		} catch {
			// The next look may succeed.
		}
		if (turn === this.#turn) this.#watch();
	}

	async #load(after: string | undefined): Promise<void> {
		const turn = ++this.#turn;
		const query = this.query.trim() || undefined;
		try {
			const { items, next } = await listConversations({ query, after });
			if (turn !== this.#turn) return;
			this.items = after ? [...this.items, ...items] : items;
			this.#next = next ?? undefined;
			this.failed = false;
		} catch {
			if (turn === this.#turn) this.failed = true;
		} finally {
			this.loaded = true;
			if (turn === this.#turn) this.#watch();
		}
	}
}

export function provideHistory(): History {
	return setContext(CONTEXT, new History());
}

export function useHistory(): History {
	return getContext<History>(CONTEXT);
}
