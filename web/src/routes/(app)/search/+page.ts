import { listCollections, search } from '$lib/api';
import { failureText } from '$lib/failure';
import { everything } from '$lib/later-parts.svelte';

/** How many of the best hits are shown. */
const HITS_MAX = 30;

export async function load({ url, depends }) {
	depends('app:search');
	const query = url.searchParams.get('q')?.trim() ?? '';
	const chosen = url.searchParams.getAll('in');
	const collections = await everything(listCollections);
	if (query === '') return { query, chosen, collections, hits: undefined, more: false, failure: '' };
	const wanted = { query, collections: chosen.length > 0 ? chosen : undefined, limit: HITS_MAX };
	try {
		const { hits } = await search(wanted);
		return { query, chosen, collections, hits, more: hits.length === HITS_MAX, failure: '' };
	} catch (cause) {
		return { query, chosen, collections, hits: undefined, more: false, failure: failureText(cause) };
	}
}
