import { getOwnUsage, listKeys, listSessions } from '$lib/api';

export async function load({ depends }) {
	depends('app:account');
	const [sessions, keys, usage] = await Promise.all([listSessions(), listKeys(), getOwnUsage()]);
	return { sessions, keys: keys.items, usage };
}
