import { listCollections } from '$lib/api';

export async function load({ depends }) {
	depends('app:collections');
	return { collections: await listCollections() };
}
