/** How a source is named, on the page, to a screen reader, and in a copied answer. */
import type { Citation } from './api';
import { t } from './i18n.svelte';
import {
	citationMarks,
	outermostHeading,
	parseMarkdown,
	plainText,
	type Block,
	type CitationMark,
	type Inline
} from './markdown';

type Source = Pick<Citation, 'number' | 'document_name' | 'page' | 'heading' | 'quote' | 'gone'>;

/** Where in the document: page and heading path, as far as known. */
export function sourcePlace(source: Pick<Citation, 'page' | 'heading'>): string {
	const page = source.page ? t('source.page', { page: source.page }) : '';
	return [page, source.heading].filter(Boolean).join(', ');
}

/** What a citation's button is called. */
export function sourceLabel(
	source: Pick<Citation, 'number' | 'document_name' | 'page' | 'gone'>
): string {
	if (source.gone) return t('source.label', { number: source.number, document: t('source.gone') });
	const values = { number: source.number, document: source.document_name };
	if (!source.page) return t('source.label', values);
	return t('source.label_page', { ...values, page: source.page });
}

/**
 * Which citation each mark stands for. Where one source is cited several times with a quote for
 * each sentence, the marks take them in turn; the last quote serves all that follow.
 */
export function citationsByMark<T extends Pick<Citation, 'number'>>(
	blocks: readonly Block[],
	citations: readonly T[]
): Map<CitationMark, T> {
	const turns = new Map<number, T[]>();
	for (const one of citations) turns.set(one.number, [...(turns.get(one.number) ?? []), one]);
	const found = new Map<CitationMark, T>();
	for (const mark of citationMarks(blocks)) {
		const left = turns.get(mark.number);
		const next = left && left.length > 1 ? left.shift() : left?.[0];
		if (next) found.set(mark, next);
	}
	return found;
}

/** The sources of an answer as a list names them: each quote, but one that is gone only once. */
export function listedSources<T extends Pick<Citation, 'number' | 'gone'>>(
	sources: readonly T[]
): T[] {
	const first = (one: T) => sources.findIndex((other) => other.number === one.number);
	return sources.filter((one, at) => !one.gone || first(one) === at);
}

/** An answer with its sources, ready for the clipboard: as text, and as HTML for word processors. */
export function answerForClipboard(
	text: string,
	sources: readonly Source[]
): { text: string; html: string } {
	const list = listedSources(sources).map((one) => {
		if (one.gone) return `[${one.number}] ${t('source.gone')}`;
		const place = [one.document_name, sourcePlace(one)].filter(Boolean).join(', ');
		return `[${one.number}] ${place}: „${one.quote}“`;
	});
	const heading = t('source.list');
	const cite = (number: number) => (sources.some((one) => one.number === number) ? ` [${number}]` : '');
	const body = plainText(text, cite);
	const blocks = parseMarkdown(text);
	const outermost = outermostHeading(blocks);
	const html = blocks.map((one) => blockHtml(one, outermost)).join('');
	if (list.length === 0) return { text: body, html };
	return {
		text: `${body}\n\n${heading}\n${list.join('\n')}\n`,
		html: `${html}<h2>${escape(heading)}</h2>${list.map((one) => `<p>${escape(one)}</p>`).join('')}`
	};
}

function escape(text: string): string {
	return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** The outermost headings of an answer are second: the first belongs to whoever pastes it. */
function blockHtml(one: Block, outermost: number): string {
	const inner = (block: Block) => blockHtml(block, outermost);
	switch (one.kind) {
		case 'paragraph':
			return `<p>${inlineHtml(one.children)}</p>`;
		case 'heading': {
			const tag = `h${Math.min(Math.max(one.level - outermost, 0) + 2, 6)}`;
			return `<${tag}>${inlineHtml(one.children)}</${tag}>`;
		}
		case 'list': {
			const tag = one.ordered ? 'ol' : 'ul';
			return `<${tag}>${one.items.map((item) => `<li>${item.map(inner).join('')}</li>`).join('')}</${tag}>`;
		}
		case 'quote':
			return `<blockquote>${one.blocks.map(inner).join('')}</blockquote>`;
		case 'code':
			return `<pre>${escape(one.text)}</pre>`;
		case 'table': {
			const row = (cells: Inline[][]) => `<tr>${cells.map((cell) => `<td>${inlineHtml(cell)}</td>`).join('')}</tr>`;
			return `<table>${[one.header, ...one.rows].map(row).join('')}</table>`;
		}
		case 'rule':
			return '<hr>';
	}
}

function inlineHtml(children: Inline[]): string {
	const tags = { strong: 'strong', emphasis: 'em', deleted: 's' } as const;
	return children
		.map((one) => {
			switch (one.kind) {
				case 'text':
					return escape(one.text);
				case 'code':
					return `<code>${escape(one.text)}</code>`;
				case 'break':
					return '<br>';
				case 'citation':
					return ` [${one.number}]`;
				case 'link':
					return `<a href="${escape(one.href)}">${inlineHtml(one.children)}</a>`;
				default:
					return `<${tags[one.kind]}>${inlineHtml(one.children)}</${tags[one.kind]}>`;
			}
		})
		.join('');
}
