import { listCollections } from '$lib/api';

export async function load({ depends }) {
	depends('app:collections');
	const { items } = await listCollections();
	return { collections: items };
}
