import type { ParamMatcher } from '@sveltejs/kit';

const SECTIONS = ['units', 'keys', 'limits', 'usage', 'audit', 'models', 'operation', 'system'] as const;

export const match = ((param): param is (typeof SECTIONS)[number] =>
	(SECTIONS as readonly string[]).includes(param)) satisfies ParamMatcher;
