import { listCollections, listUnits } from '$lib/api';

export async function load({ depends }) {
	depends('app:collections');
	const [{ items }, units] = await Promise.all([listCollections(), listUnits()]);
	return { collections: items, units: units.items };
}
