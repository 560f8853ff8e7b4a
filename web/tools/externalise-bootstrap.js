// SvelteKit starts the app by a script inside index.html. Our content security policy allows only
// scripts from files (`script-src 'self'`), so this step moves it into one, named by its content.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const build = new URL('../build/', import.meta.url);
const page = new URL('index.html', build);

const inline = /<script>([\s\S]*?)<\/script>/g;
const html = readFileSync(page, 'utf8');
const found = [...html.matchAll(inline)];
if (found.length !== 1) {
	throw new Error(`expected one inline script in ${fileURLToPath(page)}, found ${found.length}`);
}

const script = found[0][1];
const digest = createHash('sha256').update(script).digest('base64url').slice(0, 8);
const name = `_app/immutable/start.${digest}.js`;
writeFileSync(new URL(name, build), script);

const moved = html.replace(inline, `<script src="/${name}"></script>`);
if (/<script(?![^>]*\ssrc=)/.test(moved) || /\sstyle="/.test(moved) || /<style/.test(moved)) {
	throw new Error('index.html still holds something that the content security policy refuses');
}
writeFileSync(page, moved);
console.log(`moved the start script to ${name}`);
