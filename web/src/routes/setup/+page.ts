import { setupState } from '$lib/api';

export async function load() {
	const { needed } = await setupState().catch(() => ({ needed: true }));
	return { needed };
}
