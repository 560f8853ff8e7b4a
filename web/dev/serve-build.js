// Serves web/build with the development API and the very headers that the binary sends, so that
// what the content security policy refuses shows up here.
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

import { fakeApi } from './fake-api.js';

const root = fileURLToPath(new URL('../build', import.meta.url));
const types = {
	'.css': 'text/css',
	'.html': 'text/html; charset=utf-8',
	'.js': 'text/javascript',
	'.json': 'application/json',
	'.mjs': 'text/javascript',
	'.svg': 'image/svg+xml',
	'.woff2': 'font/woff2'
};
const policy = [
	"default-src 'none'",
	"script-src 'self'",
	"style-src 'self'",
	"img-src 'self' data: blob:",
	"font-src 'self'",
	"connect-src 'self'",
	"worker-src 'self'",
	"base-uri 'none'",
	"form-action 'self'",
	"frame-ancestors 'none'"
].join('; ');

const api = fakeApi();
const port = Number(process.env.PORT ?? 4173);

createServer((request, response) => {
	response.setHeader('content-security-policy', policy);
	response.setHeader('x-content-type-options', 'nosniff');
	api(request, response, () => {
		const path = normalize(decodeURIComponent(new URL(request.url, 'http://localhost').pathname));
		let file = join(root, path);
		if (!existsSync(file) || !statSync(file).isFile()) file = join(root, 'index.html');
		response.setHeader('content-type', types[extname(file)] ?? 'application/octet-stream');
		createReadStream(file).pipe(response);
	});
}).listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port}`));
