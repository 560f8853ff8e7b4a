import adapter from '@sveltejs/adapter-static';

/** A static single-page app: the binary serves `index.html` for every address that is not a file. */
export default {
	kit: {
		adapter: adapter({ fallback: 'index.html' }),
		paths: { relative: false },
		output: { preloadStrategy: 'modulepreload' }
	}
};
