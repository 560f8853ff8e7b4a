import { error } from '@sveltejs/kit';

import {
	ApiError,
	getPlacePolicy,
	getUsage,
	listAudit,
	listGatewayModels,
	listModelAccess,
	listLimitableKeys,
	listLimits,
	listModels,
	listTenantKeys,
	listUnits,
	listUsers,
	systemState,
	type UsageBy
} from '$lib/api';
import { isMonth } from '$lib/months';

const VIEWS: readonly string[] = ['unit', 'model', 'place', 'data_class', 'day'] satisfies UsageBy[];
const isView = (text: string | null): text is UsageBy => VIEWS.includes(text ?? '');

/** Models of the installation are kept by administrators of its first tenant; for others there is nothing. */
function unlessHidden(cause: unknown): undefined {
	if (cause instanceof ApiError && cause.status === 404) return undefined;
	throw cause;
}

/** Each section loads only what it shows. */
export async function load({ params, url, parent, depends }) {
	depends('app:admin');
	const { me } = await parent();
	if (me.role !== 'admin') error(404);
	switch (params.section) {
		case 'units':
			return { section: 'units' as const, units: (await listUnits()).items };
		case 'keys':
			return { section: 'keys' as const, keys: (await listTenantKeys()).items };
		case 'limits': {
			const [limits, units, people, keys, models] = await Promise.all([
				listLimits(),
				listUnits(),
				listUsers({ limit: 100 }),
				listLimitableKeys(),
				listModels()
			]);
			return {
				section: 'limits' as const,
				limits: limits.items,
				units: units.items,
				people: people.items,
				keys: keys.items,
				models: models.items
			};
		}
		case 'usage': {
			const asked = { month: url.searchParams.get('month'), by: url.searchParams.get('by') };
			const month = isMonth(asked.month) ? asked.month : undefined;
			const by = isView(asked.by) ? asked.by : 'unit';
			return { section: 'usage' as const, by, usage: await getUsage({ month, by }) };
		}
		case 'audit':
			return { section: 'audit' as const, audit: await listAudit() };
		case 'models': {
			const [models, system, kept, access, places, units] = await Promise.all([
				listModels(),
				systemState(),
				listGatewayModels().catch(unlessHidden),
				listModelAccess(),
				getPlacePolicy(),
				listUnits()
			]);
			const shown = { models, system, kept, access: access.items, places, units: units.items };
			return { section: 'models' as const, ...shown };
		}
		case 'operation':
			// Looks for itself, again and again.
			return { section: 'operation' as const };
		case 'system':
			return { section: 'system' as const, system: await systemState() };
		default: {
			const [users, units] = await Promise.all([listUsers(), listUnits()]);
			return { section: 'people' as const, users, units: units.items };
		}
	}
}
