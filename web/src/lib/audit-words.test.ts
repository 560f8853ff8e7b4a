import { describe, expect, it } from 'vitest';

import type { AuditEntry } from './api';
import { actionWords, facts } from './audit-words';

const entry = (part: Partial<AuditEntry>): AuditEntry => ({
	sequence: 1,
	at: '2026-11-22T10:00:00Z',
	action: 'put_limit',
	outcome: 'done',
	detail: {},
	names: {},
	...part
});

describe('the audit log in words', () => {
	// Without a language, each code stands for itself: what nobody knows is shown as it is.
	it('hides nothing that it has no words for', () => {
		expect(actionWords(entry({ action: 'fly_to_moon' }))).toBe('fly_to_moon');
		expect(facts(entry({ object: 'rocket:7:8', detail: { fuel: 'much' } }))).toEqual([
			{ label: 'rocket', text: '7:8' },
			{ label: 'fuel', text: 'much' }
		]);
	});

	it('says names where it knows them, and ids where not', () => {
		const [ada, unit, gone] = [1, 2, 3].map((n) => `01a20595-c706-7696-bcae-fa4f1fa1eae${n}`) as [string, string, string];
		const names = { [ada]: 'Ada', [unit]: 'Bauamt' };
		const texts = facts(entry({ object: `user:${ada}`, detail: { units: `${unit} ${gone}`, owner: gone }, names }));
		expect(texts.map(({ text }) => text)).toEqual(['Ada', `Bauamt, ${gone}`, gone]);
	});

	it('leaves out the door, which stands beside the name, and what is empty', () => {
		expect(facts(entry({ detail: { via: 'session', units: '' } }))).toEqual([]);
	});

	it('writes numbers, money, months and times as people do', () => {
		const detail = { tokens_per_month: '2000000', cost_per_month: '12500000', month: '2026-11', as_of: 'soon' };
		const texts = facts(entry({ detail })).map(({ text }) => text.replace(/\s/g, ' '));
		expect(texts).toEqual(['2.000.000', '12,50 €', 'November 2026', 'soon']);
		expect(facts(entry({ detail: { month: '202611' } }))[0]!.text).toBe('November 2026');
		expect(facts(entry({ detail: { month: 'unknown' } }))[0]!.text).toBe('unknown');
	});
});
