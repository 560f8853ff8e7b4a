/** What a person reads about a model. */
import type { Model, Place } from './api';
import { t } from './i18n.svelte';

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
