import { error } from '@sveltejs/kit';

import { ApiError, getConversation, listCollections, listModels } from '$lib/api';
import { everything } from '$lib/later-parts.svelte';

export async function load({ params }) {
	const [models, collections, conversation] = await Promise.all([
		listModels(),
		everything(listCollections),
		params.id ? existing(params.id) : undefined
	]);
	return { models, collections, conversation };
}

async function existing(id: string) {
	try {
		return await getConversation(id);
	} catch (cause) {
		if (cause instanceof ApiError && [400, 404, 422].includes(cause.status)) error(404);
		throw cause;
	}
}
