/** What a person reads about the state of a document. */
import type { DocumentState, Reason } from './api';
import { t, tCode } from './i18n.svelte';

/** The stage in words, with pages while they are being read. */
export function documentStage(
	state: DocumentState,
	pagesDone?: number | null,
	pages?: number | null
): string {
	if (state === 'extracting' && pages) {
		return t('document.state.extracting_pages', { done: pagesDone ?? 0, pages });
	}
	return t(`document.state.${state}`);
}

/** Why a document could not be read, and what can be done. */
export function documentReason(reason: Reason): string {
	return tCode('document.reason', reason.code, reason.text);
}
