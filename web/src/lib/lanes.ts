/** Lets a few pieces of work run at once and the others wait, in order. */
export class Lanes {
	#free: number;
	readonly #waiting: (() => void)[] = [];

	constructor(atOnce: number) {
		this.#free = atOnce;
	}

	/** Runs `work` as soon as a lane is free. */
	async run<T>(work: () => Promise<T>): Promise<T> {
		if (this.#free > 0) this.#free -= 1;
		else await new Promise<void>((resolve) => this.#waiting.push(resolve));
		try {
			return await work();
		} finally {
			const next = this.#waiting.shift();
			if (next) next();
			else this.#free += 1;
		}
	}
}

/** Files travel in these: fewer than the connections a browser opens, so that other calls get through. */
export const uploadLanes = new Lanes(3);
