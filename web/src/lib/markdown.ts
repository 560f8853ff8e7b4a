/**
 * Reads the Markdown of an answer into a tree that can hold nothing dangerous: no HTML, no images
 * from elsewhere, only links that a browser may follow. Components show the tree; nothing is ever
 * inserted as HTML.
 */
import { Marked, type Token, type Tokens } from 'marked';

export type Inline =
	| { kind: 'text'; text: string }
	| { kind: 'code'; text: string }
	| { kind: 'strong' | 'emphasis' | 'deleted'; children: Inline[] }
	| { kind: 'link'; href: string; children: Inline[] }
	| CitationMark
	| { kind: 'break' };

/** A number in the text that stands for a source. */
export interface CitationMark {
	kind: 'citation';
	number: number;
}

export type Block =
	| { kind: 'paragraph'; children: Inline[] }
	| { kind: 'heading'; level: number; children: Inline[] }
	| { kind: 'list'; ordered: boolean; start: number; items: Block[][] }
	| { kind: 'quote'; blocks: Block[] }
	| { kind: 'code'; text: string }
	| { kind: 'table'; header: Inline[][]; rows: Inline[][][] }
	| { kind: 'rule' };

/** Longest answer that is read as Markdown; a longer one is shown as plain text. */
const MARKDOWN_CHARS_MAX = 200_000;
/** Deepest nesting of lists and quotations; what lies deeper is shown as plain text. */
const DEPTH_MAX = 8;

interface CitationToken extends Tokens.Generic {
	type: 'citation';
	numbers: number[];
}

const reader = new Marked({
	gfm: true,
	extensions: [
		{
			name: 'citation',
			level: 'inline',
			start: (source) => source.search(/\[\d/),
			tokenizer(source) {
				const mark = /^\[(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\](?!\()/.exec(source);
				if (!mark) return undefined;
				const numbers = (mark[1] ?? '').split(/[,;]/).map(Number);
				return { type: 'citation', raw: mark[0], numbers } satisfies CitationToken;
			}
		}
	]
});

/** Reads `source`; whatever it holds, the answer is a tree. */
export function parseMarkdown(source: string): Block[] {
	if (source.length > MARKDOWN_CHARS_MAX) return [plain(source)];
	try {
		return blocks(reader.lexer(source), 0);
	} catch {
		// Nesting thousands deep exhausts the reader's stack.
		return [plain(source)];
	}
}

function plain(text: string): Block {
	return { kind: 'paragraph', children: [{ kind: 'text', text }] };
}

function blocks(tokens: Token[], depth: number): Block[] {
	return tokens.flatMap((token) => block(token, depth));
}

function block(token: Token, depth: number): Block[] {
	if (depth > DEPTH_MAX) return [plain(token.raw)];
	switch (token.type) {
		case 'space':
		case 'def':
			return [];
		case 'heading':
			return [{ kind: 'heading', level: token.depth, children: inlines(token.tokens) }];
		case 'list': {
			const list = token as Tokens.List;
			const items = list.items.map((item) => blocks(item.tokens, depth + 1));
			return [{ kind: 'list', ordered: list.ordered, start: Number(list.start) || 1, items }];
		}
		case 'blockquote':
			return [{ kind: 'quote', blocks: blocks(token.tokens ?? [], depth + 1) }];
		case 'code':
			return [{ kind: 'code', text: token.text }];
		case 'hr':
			return [{ kind: 'rule' }];
		case 'table': {
			const table = token as Tokens.Table;
			const cells = (row: Tokens.TableCell[]) => row.map((cell) => inlines(cell.tokens));
			return [{ kind: 'table', header: cells(table.header), rows: table.rows.map(cells) }];
		}
		case 'paragraph':
		case 'text':
			return [{ kind: 'paragraph', children: inlines(token.tokens ?? [token]) }];
		default:
			return [plain(token.raw)];
	}
}

function inlines(tokens: Token[] | undefined): Inline[] {
	return (tokens ?? []).flatMap(inline);
}

function inline(token: Token): Inline[] {
	switch (token.type) {
		case 'text':
			if (token.tokens) return inlines(token.tokens);
			return [{ kind: 'text', text: decodeEntities(token.text) }];
		case 'escape':
			return [{ kind: 'text', text: token.text }];
		case 'strong':
			return [{ kind: 'strong', children: inlines(token.tokens) }];
		case 'em':
			return [{ kind: 'emphasis', children: inlines(token.tokens) }];
		case 'del':
			return [{ kind: 'deleted', children: inlines(token.tokens) }];
		case 'codespan':
			return [{ kind: 'code', text: token.text }];
		case 'br':
			return [{ kind: 'break' }];
		case 'citation':
			return (token as CitationToken).numbers.map((number) => ({ kind: 'citation', number }));
		case 'link': {
			const children = inlines(token.tokens);
			const href = safeHref(token.href);
			return href ? [{ kind: 'link', href, children }] : children;
		}
		case 'image':
			return [{ kind: 'text', text: token.text }];
		default:
			return [{ kind: 'text', text: token.raw }];
	}
}

/** The address, if a browser may follow it from an answer. */
export function safeHref(href: string): string | undefined {
	let url: URL;
	try {
		url = new URL(decodeEntities(href));
	} catch {
		return undefined;
	}
	return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url.href : undefined;
}

const ENTITIES: Record<string, string> = {
	amp: '&',
	lt: '<',
	gt: '>',
	quot: '"',
	apos: "'",
	nbsp: '\u00a0'
};

function decodeEntities(text: string): string {
	return text.replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|([a-z]+));/gi, (mark, decimal, hex, name) => {
		if (name) return ENTITIES[String(name).toLowerCase()] ?? mark;
		const point = decimal ? Number.parseInt(decimal, 10) : Number.parseInt(hex, 16);
		return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : mark;
	});
}

/** Citations that stand together, and the punctuation behind them: they stay with the word before. */
export interface CitationGroup {
	kind: 'citations';
	marks: CitationMark[];
	tail: string;
}

/** `parts` with the citations among them in groups, and no blank before a group. */
export function groupCitations(parts: readonly Inline[]): (Exclude<Inline, CitationMark> | CitationGroup)[] {
	const grouped: (Exclude<Inline, CitationMark> | CitationGroup)[] = [];
	for (const part of parts) {
		const last = grouped.at(-1);
		if (part.kind === 'citation') {
			const blank = last?.kind === 'text' && last.text.trim() === '';
			const before = blank ? grouped.at(-2) : last;
			if (before?.kind === 'citations' && !before.tail) {
				if (blank) grouped.pop();
				before.marks.push(part);
				continue;
			}
			if (last?.kind === 'text') grouped[grouped.length - 1] = { ...last, text: last.text.trimEnd() };
			grouped.push({ kind: 'citations', marks: [part], tail: '' });
		} else if (part.kind === 'text' && last?.kind === 'citations') {
			last.tail = /^[.,;:!?)\]“”"»]*/.exec(part.text)![0];
			grouped.push({ kind: 'text', text: part.text.slice(last.tail.length) });
		} else grouped.push(part);
	}
	return grouped;
}

/** The level of the highest heading in `blocks`; 1 if there is none. */
export function outermostHeading(blocks: readonly Block[]): number {
	const levels = blocks.flatMap((one) => (one.kind === 'heading' ? [one.level] : []));
	return levels.length > 0 ? Math.min(...levels) : 1;
}

/** All citation marks in `blocks`, in reading order. */
export function citationMarks(blocks: readonly Block[]): CitationMark[] {
	return blocks.flatMap((one) => {
		switch (one.kind) {
			case 'paragraph':
			case 'heading':
				return marksIn(one.children);
			case 'list':
				return one.items.flatMap(citationMarks);
			case 'quote':
				return citationMarks(one.blocks);
			case 'table':
				return [one.header, ...one.rows].flatMap((row) => row.flatMap(marksIn));
			default:
				return [];
		}
	});
}

function marksIn(children: readonly Inline[]): CitationMark[] {
	return children.flatMap((one) => {
		if (one.kind === 'citation') return [one];
		return 'children' in one ? marksIn(one.children) : [];
	});
}

/** What `source` says, without any marks: for screen readers and plain copies. */
export function plainText(source: string, citation: (number: number) => string): string {
	return parseMarkdown(source)
		.map((one) => blockText(one, citation, ''))
		.join('\n\n')
		// Where a citation stood or was worded, blanks would pile up.
		.replace(/(\S) {2,}/g, '$1 ')
		.replace(/(\S) +(?=[.,;:!?])/g, '$1')
		.trim();
}

function blockText(one: Block, cite: (number: number) => string, indent: string): string {
	const line = (children: Inline[]) => indent + children.map((child) => inlineText(child, cite)).join('');
	switch (one.kind) {
		case 'paragraph':
		case 'heading':
			return line(one.children);
		case 'list':
			return one.items
				.map((item, index) => {
					const sign = one.ordered ? `${one.start + index}. ` : '• ';
					const text = item.map((inner) => blockText(inner, cite, `${indent}  `)).join('\n');
					return indent + sign + text.trimStart();
				})
				.join('\n');
		case 'quote':
			return one.blocks.map((inner) => blockText(inner, cite, `${indent}  `)).join('\n');
		case 'code':
			return one.text;
		case 'table':
			return [one.header, ...one.rows].map((row) => row.map(line).join('\t')).join('\n');
		case 'rule':
			return '—';
	}
}

function inlineText(one: Inline, cite: (number: number) => string): string {
	switch (one.kind) {
		case 'text':
		case 'code':
			return one.text;
		case 'break':
			return '\n';
		case 'citation':
			return cite(one.number);
		default:
			return one.children.map((child) => inlineText(child, cite)).join('');
	}
}
