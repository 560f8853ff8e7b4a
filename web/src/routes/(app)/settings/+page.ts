import { getOwnUsage, listKeys, listSessions, ownLimits } from '$lib/api';

export async function load({ depends }) {
	depends('app:account');
	const [sessions, keys, usage, own] = await Promise.all([
		listSessions(),
		listKeys(),
		getOwnUsage(),
		ownLimits()
	]);
	return { sessions, keys: keys.items, usage, own };
}
