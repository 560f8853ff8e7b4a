import { error } from '@sveltejs/kit';

import { ApiError, getCollection, getDocument } from '$lib/api';

export async function load({ params, url }) {
	try {
		const document = await getDocument(params.id);
		const collection = await getCollection(document.collection_id).catch(() => undefined);
		const number = (name: string) => Number.parseInt(url.searchParams.get(name) ?? '', 10) || 0;
		return {
			document,
			collection,
			passage: url.searchParams.get('passage') ?? undefined,
			start: number('start'),
			end: number('end')
		};
	} catch (cause) {
		if (cause instanceof ApiError && [400, 404, 422].includes(cause.status)) error(404);
		throw cause;
	}
}
