import { redirect } from '@sveltejs/kit';

import { ApiError, me } from '$lib/api';

let wasSignedIn = false;

/** Everything behind this layout needs a signed-in person. */
export async function load({ url, depends }) {
	depends('app:me');
	try {
		const person = await me();
		wasSignedIn = true;
		return { me: person };
	} catch (cause) {
		if (!(cause instanceof ApiError) || cause.status !== 401) throw cause;
		const query = new URLSearchParams({ next: url.pathname + url.search });
		if (wasSignedIn) query.set('reason', 'ended');
		redirect(307, `/login?${query}`);
	}
}
