/** Opens PDF files with PDF.js, all of it from our own address. Loaded only where a PDF is shown. */
import { getDocument, PDFWorker, TextLayer, type PDFDocumentProxy } from 'pdfjs-dist';
import PdfScript from 'pdfjs-dist/build/pdf.worker.min.mjs?worker';

export { TextLayer };
export type { PDFDocumentProxy };

export interface OpenPdf {
	document: PDFDocumentProxy;
	close(): void;
}

/** Opens the PDF in `bytes`, which are gone for the caller afterwards. */
export async function openPdf(bytes: ArrayBuffer): Promise<OpenPdf> {
	const thread = new PdfScript();
	const worker = PDFWorker.create({ port: thread });
	const loading = getDocument({
		data: bytes,
		worker,
		// The security policy allows neither eval nor WebAssembly; PDF.js does without.
		isEvalSupported: false,
		useWasm: false,
		enableXfa: false
	});
	const close = () => {
		void loading.destroy();
		worker.destroy();
		thread.terminate();
	};
	try {
		return { document: await loading.promise, close };
	} catch (cause) {
		close();
		throw cause;
	}
}
