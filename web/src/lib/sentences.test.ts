import { describe, expect, it } from 'vitest';

import { SentenceFeed } from './sentences';

const TEXT = 'Die Frist beträgt drei Jahre. Sie beginnt mit dem Schluss des Jahres. Mehr steht dort nicht';

describe('SentenceFeed', () => {
	it('says each sentence once and only when it is complete', () => {
		const feed = new SentenceFeed('de');
		const said: string[] = [];
		for (let length = 1; length <= TEXT.length; length += 1) {
			said.push(...feed.next(TEXT.slice(0, length), false));
		}
		expect(said).toEqual([
			'Die Frist beträgt drei Jahre.',
			'Sie beginnt mit dem Schluss des Jahres.'
		]);
		expect(feed.next(TEXT, true)).toEqual(['Mehr steht dort nicht']);
		expect(feed.next(TEXT, true)).toEqual([]);
	});

	it('goes on after a correction that made the text shorter', () => {
		const feed = new SentenceFeed('de');
		feed.next(`${TEXT}. `, true);
		expect(feed.next('Kurz. ', true)).toEqual([]);
		expect(feed.next('Kurz. Neu.', true)).toEqual(['Neu.']);
	});
});
