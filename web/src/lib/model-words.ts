/** What a person reads about a model. */
import type { Model, Place } from './api';
import { t, tCode } from './i18n.svelte';

/** Kinds of servers that a model may be reached at from the browser, by what their makers call them. */
const PRODUCTS = {
	openai: 'OpenAI',
	azure: 'Azure OpenAI',
	anthropic: 'Anthropic',
	mistral: 'Mistral',
	gemini: 'Google Gemini',
	vertex: 'Google Vertex AI',
	bedrock: 'AWS Bedrock',
	ionos: 'IONOS',
	stackit: 'STACKIT',
	telekomcloud: 'Open Telekom Cloud',
	scaleway: 'Scaleway',
	ovhcloud: 'OVHcloud',
	alephalpha: 'Aleph Alpha',
	vllm: 'vLLM',
	sglang: 'SGLang',
	tgi: 'Text Generation Inference',
	llamacpp: 'llama.cpp',
	ollama: 'Ollama',
	tei: 'Text Embeddings Inference'
};

/** In the order in which they are offered: what fits most servers first. */
export const BROWSER_KINDS: readonly string[] = ['compatible', ...Object.keys(PRODUCTS), 'builtin'];

/** What a kind of server is called. */
export function kindWords(kind: string): string {
	return PRODUCTS[kind as keyof typeof PRODUCTS] ?? tCode('gateway.kind', kind, kind);
}

/** What a call to a model server failed of, e.g. `connect` or `401`. */
export function failureWords(kind: string): string {
	return tCode('operation.error', kind, t('operation.error.status', { status: kind }));
}

/** Where in a definition something is, e.g. `routes.0.base_url`. */
export function fieldWords(field: string): string {
	const [first = '', at, last] = field.split('.');
	const words = (name: string) => (name === 'name' ? t('field.name') : tCode('gateway', name, name));
	if (first !== 'routes' || at === undefined) return words(first);
	return `${t('gateway.route', { number: Number(at) + 1 })}, ${words(last ?? '')}`;
}

/** Where the data goes when this model is asked. */
export function placeWords(model: Pick<Model, 'kind' | 'places'>): string {
	if (model.kind === 'extract') return t('model.built_in');
	return model.places.map((place: Place) => t(`place.${place}`)).join(', ');
}

/** What it is for, and what to know about it, without saying the same twice. */
export function aboutModel({ purpose, description }: Pick<Model, 'purpose' | 'description'>): string {
	if (description.startsWith(purpose)) return description;
	return [purpose, description].filter(Boolean).join('. ');
}

/** The model that a new conversation begins with. */
export function defaultModel(models: readonly Model[]): string {
	return (models.find((model) => model.default) ?? models[0])?.name ?? '';
}
