import { getContext, setContext } from 'svelte';

import type { Citation } from '$lib/api';
import type { CitationMark } from '$lib/markdown';

/** What the citation numbers inside an answer need to know. */
export interface CitationContext {
	find(mark: CitationMark): Citation | undefined;
	open(citation: Citation): void;
}

const CONTEXT = Symbol('citations');

export const provideCitations = (context: CitationContext) => setContext(CONTEXT, context);
export const useCitations = () => getContext<CitationContext>(CONTEXT);
