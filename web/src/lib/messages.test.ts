import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

import german from './messages/de.json';
import english from './messages/en.json';

const de: Record<string, string> = german;
const en: Record<string, string> = english;
const source = fileURLToPath(new URL('..', import.meta.url));

const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((one) => one[1]).sort();

/** The keys that the code names: whole ones, and the beginnings of those it puts together. */
function keysInUse(): { whole: Set<string>; beginnings: Set<string> } {
	const whole = new Set<string>();
	const beginnings = new Set<string>();
	for (const entry of readdirSync(source, { recursive: true, encoding: 'utf8' })) {
		if (!/\.(svelte|ts)$/.test(entry) || entry.endsWith('.test.ts')) continue;
		const code = readFileSync(join(source, entry), 'utf8');
		for (const [, key] of code.matchAll(/['"]([a-z_]+(?:\.[a-z_0-9]+)*)['"]/g)) whole.add(key!);
		for (const [, key] of code.matchAll(/\bt\(`([a-z_.]+\.)\$\{/g)) beginnings.add(key!);
		for (const [, key] of code.matchAll(/\btCode\(\s*['"]([a-z_.]+)['"]/g)) beginnings.add(`${key}.`);
	}
	return { whole, beginnings };
}

describe('messages', () => {
	it('say the same things in both languages', () => {
		expect(Object.keys(en).sort()).toEqual(Object.keys(de).sort());
		for (const key of Object.keys(de)) {
			expect(placeholders(en[key]!), key).toEqual(placeholders(de[key]!));
			expect(de[key]!.trim(), key).not.toBe('');
		}
	});

	it('have both forms where they count', () => {
		for (const key of Object.keys(de).filter((one) => one.endsWith('.one'))) {
			expect(Object.keys(de)).toContain(key.replace(/one$/, 'other'));
		}
	});

	it('are all used', () => {
		const { whole, beginnings } = keysInUse();
		const unused = Object.keys(de).filter((key) => {
			const plural = key.replace(/\.(one|other)$/, '');
			return (
				!whole.has(key) &&
				!whole.has(plural) &&
				![...beginnings].some((start) => key.startsWith(start))
			);
		});
		expect(unused).toEqual([]);
	});

	it('exist where the code asks for them', () => {
		const code = readdirSync(source, { recursive: true, encoding: 'utf8' })
			.filter((entry) => /\.(svelte|ts)$/.test(entry) && !entry.endsWith('.test.ts'))
			.map((entry) => readFileSync(join(source, entry), 'utf8'))
			.join('\n');
		const asked = [...code.matchAll(/\b(t|tn)\(\s*'([\w.]+)'/g)];
		expect(asked.length).toBeGreaterThan(100);
		for (const [, name, key] of asked) {
			const wanted = name === 'tn' ? `${key}.one` : key!;
			expect(de, wanted).toHaveProperty([wanted]);
		}
	});
});
