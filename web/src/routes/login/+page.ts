import { setupState } from '$lib/api';

/** Whether somebody still has to set the installation up; unknown counts as no. */
export async function load() {
	const { needed } = await setupState().catch(() => ({ needed: false }));
	return { setupNeeded: needed };
}
