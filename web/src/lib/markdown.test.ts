import { describe, expect, it } from 'vitest';

import { groupCitations, parseMarkdown, plainText, safeHref, type Block, type Inline } from './markdown';

const inlinesOf = (source: string): Inline[] => {
	const [first] = parseMarkdown(source);
	return first?.kind === 'paragraph' ? first.children : [];
};

describe('parseMarkdown', () => {
	it('keeps HTML as text', () => {
		const source = '<img src=x onerror=alert(1)>\n\nMit <script>alert(1)</script> im Satz';
		expect(JSON.stringify(parseMarkdown(source))).not.toMatch(/"kind":"(?!paragraph|text)/);
		expect(plainText(source, String)).toContain('<script>alert(1)</script>');
	});

	it('makes links only of addresses a browser may follow', () => {
		for (const bad of ['javascript:alert(1)', 'data:text/html,x', 'vbscript:x', '/relative', 'JaVaScRiPt:x']) {
			expect(inlinesOf(`[klick](${bad})`)).toEqual([{ kind: 'text', text: 'klick' }]);
		}
		expect(inlinesOf('[a](java&#115;cript:alert(1))')).toEqual([{ kind: 'text', text: 'a' }]);
		expect(inlinesOf('[a](https://example.org/x)')).toEqual([
			{ kind: 'link', href: 'https://example.org/x', children: [{ kind: 'text', text: 'a' }] }
		]);
		expect(safeHref('mailto:a@b.example')).toBe('mailto:a@b.example');
	});

	it('shows no pictures, only what they are called', () => {
		expect(inlinesOf('![Lageplan](https://example.org/track.png)')).toEqual([
			{ kind: 'text', text: 'Lageplan' }
		]);
	});

	it('reads citations', () => {
		expect(inlinesOf('Drei Jahre [1], [2; 3].')).toEqual([
			{ kind: 'text', text: 'Drei Jahre ' },
			{ kind: 'citation', number: 1 },
			{ kind: 'text', text: ', ' },
			{ kind: 'citation', number: 2 },
			{ kind: 'citation', number: 3 },
			{ kind: 'text', text: '.' }
		]);
	});

	it('tells citations from links, years in brackets and code', () => {
		expect(inlinesOf('[1](https://example.org/)')[0]?.kind).toBe('link');
		expect(inlinesOf('[2024]')).toEqual([{ kind: 'text', text: '[2024]' }]);
		expect(inlinesOf('`a[1]`')).toEqual([{ kind: 'code', text: 'a[1]' }]);
		expect(inlinesOf('**fett [1]**')).toEqual([
			{ kind: 'strong', children: [{ kind: 'text', text: 'fett ' }, { kind: 'citation', number: 1 }] }
		]);
	});

	it('reads citations in lists and tables', () => {
		const kinds = JSON.stringify(parseMarkdown('- eins [1]\n- zwei [2]\n\n|a|\n|-|\n|x [3]|'));
		for (const number of [1, 2, 3]) expect(kinds).toContain(`{"kind":"citation","number":${number}}`);
	});

	it('survives nesting without end', () => {
		for (const source of ['>'.repeat(5000) + 'x', '- '.repeat(3000) + 'x', '['.repeat(5000)]) {
			const tree = parseMarkdown(source);
			expect(depth(tree)).toBeLessThan(40);
		}
	});

	it('decodes entities to text, not to marks', () => {
		expect(inlinesOf('a &lt;b&gt; &amp; &#228;')).toEqual([
			{ kind: 'text', text: 'a <b> & ä' }
		]);
	});
});

describe('plainText', () => {
	it('drops the marks and words the citations', () => {
		const source = '## Kern\n\n1. **Drei** Jahre [1]\n2. _Ende_';
		expect(plainText(source, (number) => ` (Quelle ${number})`)).toBe(
			'Kern\n\n1. Drei Jahre (Quelle 1)\n2. Ende'
		);
	});
});

function depth(tree: Block[]): number {
	return tree.reduce((deepest, one) => {
		if (one.kind === 'list') return Math.max(deepest, 1 + Math.max(0, ...one.items.map(depth)));
		if (one.kind === 'quote') return Math.max(deepest, 1 + depth(one.blocks));
		return Math.max(deepest, 1);
	}, 0);
}

describe('groupCitations', () => {
	const grouped = (source: string) =>
		groupCitations(inlinesOf(source))
			.map((one) => {
				if (one.kind === 'citations') return `<${one.marks.map(({ number }) => number)}${one.tail}>`;
				return one.kind === 'text' ? one.text : one.kind;
			})
			.join('|');

	it('takes the blank before and the punctuation behind', () => {
		expect(grouped('Drei Jahre [1]. Dann „mehr“ [2][3], [4] und')).toBe(
			'Drei Jahre|<1.>| Dann „mehr“|<2,3,>||<4>| und'
		);
		expect(grouped('**Drei** [1] [2]')).toBe('strong||<1,2>');
		expect(grouped('[1]')).toBe('<1>');
	});
});
