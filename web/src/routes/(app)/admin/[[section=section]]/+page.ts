import { error } from '@sveltejs/kit';

import {
	listAudit,
	listModels,
	listUnits,
	listUsers,
	systemState
} from '$lib/api';

/** Each section loads only what it shows. */
export async function load({ params, parent, depends }) {
	depends('app:admin');
	const { me } = await parent();
	if (me.role !== 'admin') error(404);
	switch (params.section) {
		case 'units':
			return { section: 'units' as const, units: (await listUnits()).items };
		case 'audit':
			return { section: 'audit' as const, audit: await listAudit() };
		case 'models': {
			const [models, system] = await Promise.all([listModels(), systemState()]);
			return { section: 'models' as const, models, system };
		}
		case 'system':
			return { section: 'system' as const, system: await systemState() };
		default: {
			const [users, units] = await Promise.all([listUsers(), listUnits()]);
			return { section: 'people' as const, users, units: units.items };
		}
	}
}
