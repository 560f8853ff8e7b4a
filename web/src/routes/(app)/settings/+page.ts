import { listKeys, listSessions } from '$lib/api';

export async function load({ depends }) {
	depends('app:account');
	const [sessions, keys] = await Promise.all([listSessions(), listKeys()]);
	return { sessions, keys: keys.items };
}
