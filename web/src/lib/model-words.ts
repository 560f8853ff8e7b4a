/** What a person reads about a model. */
import type { Model, Place } from './api';
import { t, tCode } from './i18n.svelte';

/** A kind of server: what its makers call it, and what its address looks like. */
interface Product {
	name?: string;
	address: string;
}

/** Kinds of servers that a model may be reached at from the browser; what fits most servers first. */
const PRODUCTS: Readonly<Record<string, Product>> = {
	compatible: { address: 'https://models.example/v1' },
	openai: { name: 'OpenAI', address: 'https://api.openai.com/v1' },
	azure: { name: 'Azure OpenAI', address: 'https://NAME.openai.azure.com/openai/v1' },
	anthropic: { name: 'Anthropic', address: 'https://api.anthropic.com/v1' },
	mistral: { name: 'Mistral', address: 'https://api.mistral.ai/v1' },
	gemini: { name: 'Google Gemini', address: 'https://generativelanguage.googleapis.com/v1beta' },
	vertex: {
		name: 'Google Vertex AI',
		address: 'https://europe-west3-aiplatform.googleapis.com/v1/projects/PROJECT/locations/europe-west3'
	},
	bedrock: { name: 'AWS Bedrock', address: 'https://bedrock-runtime.eu-central-1.amazonaws.com' },
	ionos: { name: 'IONOS', address: 'https://openai.inference.de-txl.ionos.com/v1' },
	stackit: { name: 'STACKIT', address: 'https://api.openai-compat.model-serving.eu01.onstackit.cloud/v1' },
	telekomcloud: { name: 'Open Telekom Cloud', address: 'https://llm-server.llmhub.t-systems.net/v2' },
	scaleway: { name: 'Scaleway', address: 'https://api.scaleway.ai/v1' },
	ovhcloud: { name: 'OVHcloud', address: 'https://oai.endpoints.kepler.ai.cloud.ovh.net/v1' },
	alephalpha: { name: 'Aleph Alpha', address: 'https://inference-api.pharia.example/v1' },
	vllm: { name: 'vLLM', address: 'http://127.0.0.1:8000/v1' },
	sglang: { name: 'SGLang', address: 'http://127.0.0.1:30000/v1' },
	tgi: { name: 'Text Generation Inference', address: 'http://127.0.0.1:3000/v1' },
	llamacpp: { name: 'llama.cpp', address: 'http://127.0.0.1:8080/v1' },
	ollama: { name: 'Ollama', address: 'http://127.0.0.1:11434' },
	tei: { name: 'Text Embeddings Inference', address: 'http://127.0.0.1:8081' }
};

/** In the order in which they are offered. */
export const BROWSER_KINDS: readonly string[] = [...Object.keys(PRODUCTS), 'builtin'];

/** What a kind of server is called. */
export function kindWords(kind: string): string {
	return PRODUCTS[kind]?.name ?? tCode('gateway.kind', kind, kind);
}

/** What the address of a kind of server looks like; one of another kind like that of most. */
export function addressExample(kind: string): string {
	return (PRODUCTS[kind] ?? PRODUCTS.compatible!).address;
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
