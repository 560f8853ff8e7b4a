import { loadStoredLocale } from '$lib/i18n.svelte';

export const ssr = false;
export const prerender = false;

export const load = () => loadStoredLocale();
