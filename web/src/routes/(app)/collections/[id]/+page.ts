import { error } from '@sveltejs/kit';

import { ApiError, getCollection, listDocuments } from '$lib/api';

export async function load({ params, depends }) {
	depends('app:documents');
	try {
		const [collection, documents] = await Promise.all([
			getCollection(params.id),
			listDocuments(params.id)
		]);
		return { collection, documents };
	} catch (cause) {
		if (cause instanceof ApiError && [400, 404, 422].includes(cause.status)) error(404);
		throw cause;
	}
}
