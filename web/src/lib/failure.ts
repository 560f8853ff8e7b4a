/** What a person reads when something failed. */
import { ApiError } from './api/client';
import { t, tCode, tn } from './i18n.svelte';

/** What is wrong with a form before anything is sent, by field. */
export class FormError extends Error {
	constructor(readonly fields: Record<string, string>) {
		super('the form cannot be sent as it is');
	}
}

/** What is wrong with each field of a form. */
export function fieldTexts(cause: unknown): Record<string, string> {
	return cause instanceof FormError || cause instanceof ApiError ? cause.fields : {};
}

/** One or two plain sentences about `cause`. */
export function failureText(cause: unknown): string {
	if (cause instanceof FormError) return t('error.form');
	if (!(cause instanceof ApiError)) return t('error.unexpected');
	if (cause.code === 'login_throttled') {
		return t('error.login_throttled', { wait: waitText(cause.retryAfterSeconds ?? 60) });
	}
	return tCode('error', cause.code, cause.detail || t('error.unexpected'));
}

/** A waiting time in words: seconds below a minute, else minutes rounded up. */
export function waitText(seconds: number): string {
	if (seconds < 60) return tn('time.seconds', seconds);
	return tn('time.minutes', Math.ceil(seconds / 60));
}
