import { describe, expect, it } from 'vitest';

import { excerpt } from './excerpt';

const range = (text: string, word: string) => {
	const start = [...text.slice(0, text.indexOf(word))].length;
	return { start, end: start + [...word].length };
};
const shown = (text: string, ...words: string[]) =>
	excerpt(
		text,
		words.map((word) => range(text, word))
	)
		.map(({ text, match }) => (match ? `[${text}]` : text))
		.join('');

describe('excerpt', () => {
	it('marks what was asked for, counted in code points', () => {
		expect(shown('🏛 Die Hundesteuer beträgt 96 Euro.', 'Hundesteuer', 'Euro')).toBe(
			'🏛 Die [Hundesteuer] beträgt 96 [Euro].'
		);
		expect(shown('Nichts davon.')).toBe('Nichts davon.');
	});

	it('begins where most of it stands', () => {
		const far = `Ein Antrag ${'und noch ein Wort '.repeat(20)}kostet für Hunde eine Gebühr.`;
		expect(shown(far, 'Antrag', 'Hunde', 'Gebühr')).toMatch(
			/^… (?:\S+ )+kostet für \[Hunde\] eine \[Gebühr\]\.$/
		);
		expect(shown(far, 'Antrag')).toMatch(/^Ein \[Antrag\] und/);
	});

	it('begins with the word itself where nothing before it can be cut', () => {
		const long = `${'x'.repeat(300)}Gebühr`;
		expect(shown(long, 'Gebühr')).toBe('… [Gebühr]');
	});
});
