// @vitest-environment node
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { GatewayStatus } from './api';
import { LiveStatus, PAUSE_MS, today } from './live-status.svelte';

const page = Object.assign(new EventTarget(), { hidden: false });

const day = { answers: 2, prompt_tokens: 30, completion_tokens: 4, cost_micro_euro: 50 };
const status = (state: string) =>
	({ models: [{ name: 'gross', routes: [{ name: 'gross-1', state, today: day }] }] }) as GatewayStatus;

function hide(hidden: boolean) {
	page.hidden = hidden;
	page.dispatchEvent(new Event('visibilitychange'));
}

describe('a live status', () => {
	beforeEach(() => {
		vi.useFakeTimers();
		vi.stubGlobal('document', page);
		page.hidden = false;
	});
	afterEach(() => {
		vi.useRealTimers();
		vi.unstubAllGlobals();
	});

	it('looks again and again until it is ended', async () => {
		const read = vi.fn(async () => status('ready'));
		const end = new LiveStatus(read).follow();
		await vi.advanceTimersByTimeAsync(3 * PAUSE_MS + 1);
		expect(read).toHaveBeenCalledTimes(4);
		end();
		await vi.advanceTimersByTimeAsync(10 * PAUSE_MS);
		expect(read).toHaveBeenCalledTimes(4);
	});

	it('sums up what the routes have done today', () => {
		const two = { models: [...status('ready').models, ...status('full').models] };
		expect(today(two)).toEqual({ answers: 4, prompt_tokens: 60, completion_tokens: 8, cost_micro_euro: 100 });
	});

	it('rests while nobody sees it or somebody holds it', async () => {
		const read = vi.fn(async () => status('ready'));
		const live = new LiveStatus(read);
		const end = live.follow();
		await vi.advanceTimersByTimeAsync(1);
		hide(true);
		await vi.advanceTimersByTimeAsync(10 * PAUSE_MS);
		expect(read).toHaveBeenCalledTimes(1);
		hide(false);
		await vi.advanceTimersByTimeAsync(1);
		expect(read).toHaveBeenCalledTimes(2);
		live.hold(true);
		hide(true);
		hide(false);
		await vi.advanceTimersByTimeAsync(10 * PAUSE_MS);
		expect(read).toHaveBeenCalledTimes(2);
		live.hold(false);
		await vi.advanceTimersByTimeAsync(1);
		expect(read).toHaveBeenCalledTimes(3);
		end();
	});

	it('says what changed and keeps what it saw when a look fails', async () => {
		const answers = [status('ready'), status('full'), status('breaker_open'), undefined, status('ready')];
		const read = vi.fn(async () => {
			const answer = answers.shift();
			if (!answer) throw new Error('away');
			return answer;
		});
		const live = new LiveStatus(read);
		const end = live.follow();
		await vi.advanceTimersByTimeAsync(PAUSE_MS + 1);
		expect(live.changes).toEqual([]);
		await vi.advanceTimersByTimeAsync(PAUSE_MS);
		expect(live.changes).toEqual([{ route: 'gross-1', state: 'breaker_open' }]);
		await vi.advanceTimersByTimeAsync(PAUSE_MS);
		expect(live.lost).toBe(true);
		expect(live.status?.models[0]?.routes[0]?.state).toBe('breaker_open');
		await vi.advanceTimersByTimeAsync(PAUSE_MS);
		expect(live.lost).toBe(false);
		expect(live.changes).toEqual([{ route: 'gross-1', state: 'ready' }]);
		end();
	});
});
