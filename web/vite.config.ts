import { sveltekit } from '@sveltejs/kit/vite';
import { defineConfig, type Plugin } from 'vite';

import { fakeApi } from './dev/fake-api.js';

/**
 * SvelteKit's route announcer carries an inline `style` attribute, which our content security
 * policy refuses. It is hidden by `app.css` instead.
 */
function withoutInlineStyle(): Plugin {
	return {
		name: 'without-inline-style',
		enforce: 'pre',
		transform(code, id) {
			if (!id.includes('/generated/') || !id.split('?', 1)[0]?.endsWith('root.svelte')) return;
			return { code: code.replace(/ style="[^"]*"/g, ''), map: null };
		}
	};
}

/** With FACHWERK_FAKE=1 the development server answers the API by itself, without the binary. */
function developmentApi(): Plugin {
	return {
		name: 'development-api',
		apply: 'serve',
		configureServer(server) {
			if (process.env.FACHWERK_FAKE === '1') server.middlewares.use(fakeApi());
		}
	};
}

const binary = process.env.FACHWERK_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
	plugins: [withoutInlineStyle(), developmentApi(), sveltekit()],
	build: { assetsInlineLimit: 0 },
	worker: { format: 'es' },
	server: {
		proxy:
			process.env.FACHWERK_FAKE === '1'
				? undefined
				: { '/api': binary, '/v1': binary, '/healthz': binary, '/openapi.json': binary }
	}
});
