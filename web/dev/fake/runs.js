// Answers in the making: words trickle out, and whoever joins late gets a snapshot first.
import { randomUUID } from 'node:crypto';

import { state } from './state.js';

const WORD_MS = Number(process.env.FACHWERK_FAKE_WORD_MS ?? 45);

/** Makes the passages that an answer rests on into citations. */
function citationsFor(documents) {
	const chosen = documents.length > 0 ? documents : state.documents.filter((one) => one.state === 'ready').slice(0, 1);
	const citations = [];
	for (const document of chosen) {
		for (const passage of (state.passages.get(document.id) ?? []).slice(0, 3)) {
			citations.push({
				number: citations.length + 1,
				document_id: document.id,
				document_name: document.name,
				passage_id: passage.id,
				page: passage.page,
				heading: passage.heading.join(' › '),
				quote: passage.text.split('. ')[0] + (passage.text.includes('. ') ? '.' : ''),
				start: 0,
				end: [...(passage.text.split('. ')[0] + '.')].length
			});
		}
	}
	return citations;
}

function wording(citations, task) {
	if (citations.length === 0) {
		return 'In den gewählten Dokumenten habe ich dazu nichts gefunden. Bitte formulieren Sie die Frage anders oder wählen Sie weitere Wissenssammlungen.';
	}
	const lines = citations.map((one) => `- „${one.quote}“ [${one.number}]`);
	const head = task?.kind === 'summary' ? '## Kernaussagen\n\n' : 'Dazu steht in Ihren Dokumenten:\n\n';
	return `${head}${lines.join('\n')}\n\nMaßgeblich ist die **regelmäßige Frist** von drei Jahren [1].`;
}

/** Starts the run of `answer` and returns its id. */
export function startRun(conversation, answer, question) {
	const documents = state.documents.filter((one) =>
		question.attachments.some((attachment) => attachment.document_id === one.id)
	);
	const citations = citationsFor(documents);
	const fails = /fehler/i.test(question.text);
	const run = {
		id: randomUUID(),
		seq: 0,
		text: '',
		state: 'running',
		stage: 'searching',
		citations: [],
		listeners: new Set()
	};
	state.runs.set(run.id, run);
	const emit = (event, data) => {
		for (const listener of run.listeners) listener(event, data);
	};
	const finish = (outcome, reason) => {
		clearInterval(run.timer);
		run.state = outcome;
		run.reason = reason;
		const removed_citations = 0;
		answer.text = run.text;
		answer.citations = run.citations = citations.filter((one) => run.text.includes(`[${one.number}]`));
		answer.run = { id: run.id, state: outcome, reason };
		answer.usage = { prompt_tokens: 512, completion_tokens: 96, estimated: true };
		conversation.updated_at = new Date().toISOString();
		emit('citations', { citations: answer.citations, removed_citations, text: run.text });
		emit('done', { state: outcome, reason, usage: answer.usage });
	};
	run.stop = () => run.state === 'running' && finish('stopped');

	const words = wording(citations, question.task).split(/(?<= )/);
	let tick = 0;
	run.timer = setInterval(() => {
		tick += 1;
		if (tick === 8) emit('stage', { stage: (run.stage = 'reading') });
		if (tick === 14) emit('stage', { stage: (run.stage = 'writing') });
		if (tick < 15) return;
		if (fails && tick === 22) {
			return finish('failed', {
				code: 'upstream_failed',
				text: 'Der Modellserver hat nicht geantwortet.'
			});
		}
		const word = words.shift();
		if (word === undefined) return finish('done');
		run.text += word;
		run.seq += 1;
		emit('delta', { seq: run.seq, text: word });
	}, WORD_MS);
	return run.id;
}

/** Lets a browser listen to a run. */
export function listen(run, request, response) {
	response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
	const send = (event, data) => {
		response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
		if (event === 'done') response.end();
	};
	const { text, citations, stage, reason, seq } = run;
	send('snapshot', { text, citations, removed_citations: 0, state: run.state, stage, reason, seq });
	if (run.state !== 'running') return send('done', { state: run.state, reason });
	run.listeners.add(send);
	request.on('close', () => run.listeners.delete(send));
}
