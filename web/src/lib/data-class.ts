import type { DataClass } from './api';

/** All data classes, in rising order. */
export const DATA_CLASSES: readonly DataClass[] = [
	'open',
	'internal',
	'personal',
	'confidential',
	'restricted'
];
