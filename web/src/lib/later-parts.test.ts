import { describe, expect, it } from 'vitest';

import { everything, LaterParts, type Part } from './later-parts.svelte';

/** A list of numbers in parts of three. */
function numbers(count: number) {
	return async (after?: string): Promise<Part<number>> => {
		const from = after ? Number(after) : 0;
		const items = Array.from({ length: count }, (_, at) => at).slice(from, from + 3);
		return { items, next: from + 3 < count ? String(from + 3) : undefined };
	};
}

describe('LaterParts', () => {
	it('adds one part at a time until the end', async () => {
		const list = numbers(8);
		const later = new LaterParts(list);
		await later.follow(await list());
		expect([later.items, later.next]).toEqual([[], '3']);
		expect(await later.more()).toBe(3);
		expect(await later.more()).toBe(2);
		expect([later.items, later.next]).toEqual([[3, 4, 5, 6, 7], undefined]);
		expect(await later.more()).toBe(0);
	});

	it('reads as much anew as was shown', async () => {
		let list = numbers(8);
		const later = new LaterParts((after) => list(after));
		await later.follow(await list());
		await later.more();
		list = numbers(5);
		await later.follow(await list());
		expect([later.items, later.next]).toEqual([[3, 4], undefined]);
	});
});

describe('everything', () => {
	it('reads all parts', async () => {
		const list = numbers(8);
		expect(await everything(({ after }) => list(after))).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
	});
});
