/** Looks every few seconds at how the gateway does, for as long as somebody can see it. */
import type { GatewayStatus, GatewayToday } from './api';

/** Pause between two looks. */
export const PAUSE_MS = 5_000;

/** What a route is called that can be used. */
const IN_SERVICE = ['ready', 'full'];

/** A route that went out of service or came back. */
export interface Change {
	route: string;
	state: string;
}

type Read = () => Promise<GatewayStatus>;

export class LiveStatus {
	status = $state.raw<GatewayStatus>();
	at = $state.raw<Date>();
	/** Whether the last look failed; what was seen before stays. */
	lost = $state(false);
	/** Whether somebody wants it to stand still. */
	held = $state(false);
	/** What changed with the last look, for those who hear the page. */
	changes = $state.raw<Change[]>([]);

	readonly #read: Read;
	#timer: ReturnType<typeof setTimeout> | undefined;
	#running = false;

	constructor(read: Read) {
		this.#read = read;
	}

	/** Begins; returns what ends it. */
	follow(): () => void {
		const shown = () => (document.hidden ? this.#rest() : this.#wake());
		document.addEventListener('visibilitychange', shown);
		shown();
		return () => {
			document.removeEventListener('visibilitychange', shown);
			this.#rest();
		};
	}

	/** Stands still, or goes on at once. */
	hold(held: boolean): void {
		this.held = held;
		if (held) this.#rest();
		else this.#wake();
	}

	#rest() {
		this.#running = false;
		clearTimeout(this.#timer);
	}

	#wake() {
		if (this.#running || this.held) return;
		this.#running = true;
		void this.#look();
	}

	async #look() {
		try {
			const status = await this.#read();
			this.changes = this.status ? changed(this.status, status) : [];
			this.status = status;
			this.at = new Date();
			this.lost = false;
		} catch {
			this.lost = true;
		}
		if (this.#running) this.#timer = setTimeout(() => void this.#look(), PAUSE_MS);
	}
}

/** What all routes have done today. */
export function today(status: GatewayStatus): GatewayToday {
	const sum = { answers: 0, prompt_tokens: 0, completion_tokens: 0, cost_micro_euro: 0 };
	for (const route of routes(status)) {
		for (const name of Object.keys(sum) as (keyof GatewayToday)[]) sum[name] += route.today[name];
	}
	return sum;
}

const routes = (status: GatewayStatus) => status.models.flatMap((model) => model.routes);

/** The routes that went out of service or came back between two looks. */
function changed(before: GatewayStatus, after: GatewayStatus): Change[] {
	const was = new Map(routes(before).map((route) => [route.name, IN_SERVICE.includes(route.state)]));
	return routes(after)
		.filter(({ name, state }) => was.has(name) && was.get(name) !== IN_SERVICE.includes(state))
		.map(({ name, state }) => ({ route: name, state }));
}
