/**
 * Cuts a growing text into sentences that are certainly complete, so that a screen reader hears an
 * answer sentence by sentence and not word by word.
 */
export class SentenceFeed {
	#said = 0;
	readonly #segmenter: Intl.Segmenter;

	constructor(locale: string) {
		this.#segmenter = new Intl.Segmenter(locale, { granularity: 'sentence' });
	}

	/** The sentences that `text` has gained; the last one only once `finished`. */
	next(text: string, finished: boolean): string[] {
		// A corrected text may be shorter than what was read out before.
		if (this.#said > text.length) this.#said = text.length;
		const segments = [...this.#segmenter.segment(text.slice(this.#said))];
		const complete = finished ? segments : segments.slice(0, -1);
		this.#said += complete.reduce((length, one) => length + one.segment.length, 0);
		return complete.map((one) => one.segment.trim()).filter((sentence) => sentence !== '');
	}
}
