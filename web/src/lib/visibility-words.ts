/** Who can see a collection, in words. */
import type { Visibility } from './api';
import { t } from './i18n.svelte';

export function visibilityWords(visibility: Visibility): string {
	if (visibility.kind === 'unit') {
		return t('visibility.unit.named', { unit: visibility.unit.name });
	}
	return t(`visibility.${visibility.kind}.named`);
}
