import { listCollections, search } from '$lib/api';
import { failureText } from '$lib/failure';

const HITS_MAX = 30;

export async function load({ url, depends }) {
	depends('app:search');
	const query = url.searchParams.get('q')?.trim() ?? '';
	const chosen = url.searchParams.getAll('in');
	const { items: collections } = await listCollections();
	if (query === '') return { query, chosen, collections, hits: undefined, failure: '' };
	const wanted = { query, collections: chosen.length > 0 ? chosen : undefined, limit: HITS_MAX };
	try {
		const { hits } = await search(wanted);
		return { query, chosen, collections, hits, failure: '' };
	} catch (cause) {
		return { query, chosen, collections, hits: undefined, failure: failureText(cause) };
	}
}
