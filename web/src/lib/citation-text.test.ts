import { beforeAll, describe, expect, it, vi } from 'vitest';

import { answerForClipboard, citationsByMark, sourceLabel } from './citation-text';
import { loadStoredLocale } from './i18n.svelte';
import { parseMarkdown } from './markdown';

const SOURCE = {
	number: 1,
	document_name: 'BGB.pdf',
	page: 41,
	heading: 'Buch 1 › § 195',
	quote: 'Die regelmäßige Verjährungsfrist beträgt <drei> Jahre.'
};

beforeAll(async () => {
	vi.stubGlobal('document', { documentElement: {} });
	await loadStoredLocale();
});

describe('sourceLabel', () => {
	it('names number, document and page', () => {
		expect(sourceLabel(SOURCE)).toBe('Quelle 1: BGB.pdf, Seite 41');
		expect(sourceLabel({ ...SOURCE, page: undefined })).toBe('Quelle 1: BGB.pdf');
	});
});

describe('citationsByMark', () => {
	it('gives each mark the quote of its sentence', () => {
		const blocks = parseMarkdown('Erst [2]. Dann [1], **dann** [1].\n\n- Immer [1]\n- Nie [9]');
		const quotes = [
			{ number: 2, quote: 'a' },
			{ number: 1, quote: 'b' },
			{ number: 1, quote: 'c' }
		];
		const found = citationsByMark(blocks, quotes);
		expect([...found].map(([mark, { quote }]) => [mark.number, quote])).toEqual([
			[2, 'a'],
			[1, 'b'],
			[1, 'c'],
			[1, 'c']
		]);
	});
});

describe('answerForClipboard', () => {
	it('copies the answer with its sources', () => {
		const { text, html } = answerForClipboard('Es sind **drei Jahre** [1].', [SOURCE]);
		expect(text).toBe(
			'Es sind drei Jahre [1].\n\nQuellen\n' +
				'[1] BGB.pdf, Seite 41, Buch 1 › § 195: „Die regelmäßige Verjährungsfrist beträgt <drei> Jahre.“\n'
		);
		expect(html).toContain('<strong>drei Jahre</strong>');
		expect(html).not.toContain('<drei>');
	});

	it('copies headings as headings, the outermost second', () => {
		const { text, html } = answerForClipboard('### § 1\n\nSteuer [1]\n\n#### Absatz\n\nMehr.', [SOURCE]);
		expect(text).toMatch(/^§ 1\n\nSteuer \[1\]\n\nAbsatz\n\nMehr\./);
		expect(html).toMatch(/^<h2>§ 1<\/h2><p>Steuer.*<\/p><h3>Absatz<\/h3>.*<h2>Quellen<\/h2>/);
	});

	it('names no document that is gone', () => {
		const gone = { number: 1, document_name: '', heading: '', quote: '', gone: true };
		const { text } = answerForClipboard('[…] [1]', [gone, gone]);
		expect(text).toBe(
			'[…] [1]\n\nQuellen\n[1] Dokument gelöscht oder nicht mehr zugänglich\n'
		);
		expect(sourceLabel(gone)).toBe('Quelle 1: Dokument gelöscht oder nicht mehr zugänglich');
	});

	it('leaves out marks that stand for no source', () => {
		expect(answerForClipboard('Nein [7].', []).text).toBe('Nein.');
	});
});
