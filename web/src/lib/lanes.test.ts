import { describe, expect, it } from 'vitest';

import { Lanes } from './lanes';

describe('Lanes', () => {
	it('runs so many at once, in order, and goes on after a failure', async () => {
		const lanes = new Lanes(2);
		const begun: number[] = [];
		const ends: (() => void)[] = [];
		const all = [0, 1, 2, 3].map((number) =>
			lanes.run(async () => {
				begun.push(number);
				await new Promise<void>((resolve) => (ends[number] = resolve));
				if (number === 0) throw new Error('refused');
				return number;
			})
		);
		const first = expect(all[0]).rejects.toThrow('refused');
		await Promise.resolve();
		expect(begun).toEqual([0, 1]);
		ends[0]!();
		await first;
		await expect.poll(() => begun).toEqual([0, 1, 2]);
		for (const number of [1, 2]) ends[number]!();
		await expect.poll(() => begun).toEqual([0, 1, 2, 3]);
		ends[3]!();
		expect(await Promise.all(all.slice(1))).toEqual([1, 2, 3]);
	});
});
