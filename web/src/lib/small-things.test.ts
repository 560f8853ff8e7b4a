import { describe, expect, it } from 'vitest';

import { problem } from './api/client';
import { splitAt } from './code-points';
import { deviceName } from './device-name';
import { fill } from './i18n.svelte';
import { localPath } from './local-path';
import { brokenRules } from './password';
import { unitRows } from './unit-tree';

describe('splitAt', () => {
	it('counts code points, not UTF-16 units', () => {
		expect(splitAt('a😀bcd', 1, 3)).toEqual(['a', '😀b', 'cd']);
	});

	it('keeps to the text', () => {
		expect(splitAt('abc', 2, 99)).toEqual(['ab', 'c', '']);
		expect(splitAt('abc', 5, 1)).toEqual(['abc', '', '']);
	});
});

describe('localPath', () => {
	it('leads nowhere but to pages of our own', () => {
		for (const bad of [null, '', 'https://evil.example/', '//evil.example', '/\\evil.example', 'chat']) {
			expect(localPath(bad)).toBe('/chat');
		}
		expect(localPath('/login?next=/login')).toBe('/chat');
		expect(localPath('/collections/1?x=2')).toBe('/collections/1?x=2');
	});
});

describe('brokenRules', () => {
	it('counts characters as people do', () => {
		expect(brokenRules('😀'.repeat(11), '😀'.repeat(11))).toEqual(['length']);
		expect(brokenRules('zwölf Zeichen', 'zwölf Zeichen')).toEqual([]);
		expect(brokenRules('zwölf Zeichen', 'anders')).toEqual(['repeat']);
	});
});

describe('problem', () => {
	it('reads a refusal and its waiting time', () => {
		const headers = new Headers({ 'retry-after': '30' });
		const refusal = problem({ status: 429, headers }, { code: 'login_throttled', detail: 'Zu oft' });
		expect(refusal).toMatchObject({ status: 429, code: 'login_throttled', retryAfterSeconds: 30 });
	});

	it('makes do with any body', () => {
		for (const body of [null, undefined, 'Bad Gateway', []]) {
			expect(problem({ status: 502, headers: new Headers() }, body).code).toBe('http_502');
		}
	});
});

describe('unitRows', () => {
	it('puts children below their parents and loses none, not even in a circle', () => {
		const units = [
			{ id: 'c', name: 'C', parent: 'a' },
			{ id: 'a', name: 'A' },
			{ id: 'x', name: 'X', parent: 'y' },
			{ id: 'y', name: 'Y', parent: 'x' },
			{ id: 'o', name: 'O', parent: 'gone' }
		];
		expect(unitRows(units).map(({ unit, depth }) => `${unit.id}${depth}`)).toEqual([
			'a0',
			'c1',
			'o0',
			'x0',
			'y1'
		]);
	});
});

describe('fill', () => {
	it('replaces what it knows', () => {
		expect(fill('{a} von {b}', { a: 1 })).toBe('1 von {b}');
	});
});

describe('deviceName', () => {
	it('names browser and system', () => {
		expect(deviceName('Mozilla/5.0 (Windows NT 10.0) Chrome/143.0 Safari/537.36 Edg/143.0')).toBe(
			'Edge, Windows'
		);
		expect(deviceName('curl/8')).toBe('');
	});
});
