/** A running `fachwerk` with a data folder of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import type { Page } from '@playwright/test';

import { test } from './test';

const BUILT = fileURLToPath(new URL('../../../target/debug/fachwerk', import.meta.url));
const PROGRAM = process.env.FACHWERK_BIN ?? BUILT;
const PASSWORD = 'korrekt pferd batterie';

export interface Person {
	name: string;
	email: string;
	password: string;
}

export class House {
	readonly url: string;
	readonly setupLink: string;
	readonly #folder: string;
	readonly #process: ChildProcess;

	private constructor(url: string, setupLink: string, folder: string, process: ChildProcess) {
		this.url = url;
		this.setupLink = setupLink;
		this.#folder = folder;
		this.#process = process;
	}

	/** Starts the program with the lines of `settings` as its `fachwerk.toml`. */
	static async start(settings = ''): Promise<House> {
		const folder = mkdtempSync(join(tmpdir(), 'fachwerk-e2e-'));
		const config = join(folder, 'fachwerk.toml');
		writeFileSync(config, `listen = "127.0.0.1:0"\ndata = "${join(folder, 'data')}"\n${settings}`);
		const program = spawn(PROGRAM, ['serve', '--config', config], {
			stdio: ['ignore', 'pipe', 'inherit'],
			env: { PATH: process.env.PATH, FACHWERK_LOG_LEVEL: 'warn' }
		});
		// Whatever happens to the tests, the program does not outlive them.
		process.once('exit', () => program.kill('SIGKILL'));
		const [url, link] = await greeting(program);
		return new House(url, link, folder, program);
	}

	async stop(): Promise<void> {
		const ended = once(this.#process, 'exit');
		if (this.#process.kill('SIGTERM')) await ended;
		rmSync(this.#folder, { recursive: true });
	}

	/** Makes an account, as operators do, beside the running program. */
	async person(name: string, role: 'admin' | 'member' = 'member'): Promise<Person> {
		const email = `${name.split(' ')[0]!.toLowerCase()}@musterstadt.example`;
		const config = join(this.#folder, 'fachwerk.toml');
		const named = ['--config', config, '--email', email, '--name', name, '--role', role];
		const command = spawn(PROGRAM, ['admin', 'create-user', ...named, '--password-stdin'], {
			stdio: ['pipe', 'ignore', 'inherit']
		});
		command.stdin.end(`${PASSWORD}\n`);
		const [status] = await once(command, 'exit');
		if (status !== 0) throw new Error(`create-user ended with ${status}`);
		return { name, email, password: PASSWORD };
	}

	/** Makes a key for a program, as operators do, and returns its secret. */
	async serviceKey(service: string, ...flags: string[]): Promise<string> {
		const config = join(this.#folder, 'fachwerk.toml');
		const command = spawn(PROGRAM, ['key', 'create', '--config', config, '--service', service, ...flags], {
			stdio: ['ignore', 'pipe', 'ignore']
		});
		let secret = '';
		command.stdout.on('data', (piece) => (secret += piece));
		const [status] = await once(command, 'close');
		if (status !== 0) throw new Error(`key create ended with ${status}`);
		return secret.trim();
	}

	/** Signs `person` in, past the login page, and opens `path`. */
	async enter(page: Page, person: Person, path = '/chat'): Promise<void> {
		const { email, password } = person;
		const answer = await page.request.post(`${this.url}/api/session`, {
			data: { email, password },
			headers: { origin: this.url, 'x-fachwerk-csrf': '1' }
		});
		if (!answer.ok()) throw new Error(`signing in was answered by ${answer.status()}`);
		await page.goto(this.url + path);
	}
}

/** Reads address and set-up link from what the program says first. */
async function greeting(program: ChildProcess): Promise<[string, string]> {
	let url = '';
	for await (const line of createInterface({ input: program.stdout! })) {
		if (line.startsWith('Fachwerk: ')) url = line.slice('Fachwerk: '.length);
		if (line.includes('/setup#token=')) return [url, line];
	}
	throw new Error(`${PROGRAM} ended before it was ready`);
}

/** Gives the tests of a file a house, from before the first to after the last. */
export function useHouse(settings: () => string | Promise<string> = () => ''): () => House {
	let house: House | undefined;
	test.beforeAll(async () => {
		house = await House.start(await settings());
	});
	test.afterAll(() => house?.stop());
	return () => house!;
}
