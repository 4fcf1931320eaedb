/**
 * A program that an image file describes instead of coding it: what it prints and when, where it listens and what it answers, how it takes
 * signals, and how it ends by itself. Texts may refer to the environment, as a container's arguments do: `$(HOSTNAME)`.
 */
import { sleep } from "../../apimachinery/clock/clock.ts";
import {
	type ConnectionHandler,
	type HttpRequest,
	type HttpResponse,
	httpServer,
	type Listener,
	NetworkError,
	type ProcessContext,
	type Program,
	type SignalName,
	writeText,
} from "../../host/index.ts";
import { expand } from "../volumes/environment.ts";

export interface DeclaredLog {
	readonly text: string;
	readonly stream: "stdout" | "stderr";
	/** Since the start, ms. */
	readonly afterMs: number;
	/** And so often again, ms, > 0; absent: once. */
	readonly everyMs?: number;
}

export interface DeclaredRoute {
	/** As in the URL; with a `*` at its end, whatever begins so. */
	readonly path: string;
	/** Absent: any. */
	readonly method?: string;
	readonly status: number;
	readonly headers: Readonly<Record<string, string>>;
	readonly body: string;
	/** It counts from here on, ms since the start … */
	readonly fromMs: number;
	/** … and no longer than until here. */
	readonly untilMs: number;
	/** What passes before the answer. */
	readonly delayMs: number;
	/** What an answer takes of the processor. */
	readonly cpuMs: number;
}

export interface DeclaredListener {
	readonly port: number;
	/** Ms since the start. */
	readonly afterMs: number;
	/** `echo`: what comes goes back. */
	readonly protocol: "http" | "echo";
	/** Of HTTP: the first one that fits answers; else 404. */
	readonly routes: readonly DeclaredRoute[];
}

export interface DeclaredReaction {
	readonly isIgnored: boolean;
	readonly log: string | undefined;
	/** Until it ends, ms. */
	readonly afterMs: number;
	readonly code: number;
}

export interface DeclaredProgram {
	readonly logs: readonly DeclaredLog[];
	readonly listeners: readonly DeclaredListener[];
	readonly exit?: { readonly afterMs: number; readonly code: number };
	/** What is not here: TERM and INT end it well at once; others do what they do to any process. */
	readonly signals: Partial<Readonly<Record<SignalName, DeclaredReaction>>>;
}

const echo: ConnectionHandler = async (connection) => {
	for (let chunk = await connection.read(); chunk !== undefined; chunk = await connection.read()) await connection.write(chunk);
};

const endsWell: DeclaredReaction = { isIgnored: false, log: undefined, afterMs: 0, code: 0 };

export function declaredProgram(declared: DeclaredProgram): Program {
	return (context) => new Run(declared, context).ended();
}

/** The program while it runs. */
class Run {
	readonly #declared: DeclaredProgram;
	readonly #context: ProcessContext;
	readonly #startMs: number;
	readonly #listeners: Listener[] = [];
	#end: ((code: number) => void) | undefined;

	constructor(declared: DeclaredProgram, context: ProcessContext) {
		this.#declared = declared;
		this.#context = context;
		this.#startMs = context.machine.clock.now();
	}

	async ended(): Promise<number> {
		const { logs, listeners, exit, signals } = this.#declared;
		const code = new Promise<number>((resolve) => {
			this.#end = resolve;
		});
		for (const signal of ["TERM", "INT"] as const) this.#react(signal, signals[signal] ?? endsWell);
		for (const [signal, reaction] of Object.entries(signals) as [SignalName, DeclaredReaction][]) this.#react(signal, reaction);
		for (const listener of listeners) this.#after(listener.afterMs, () => this.#listen(listener));
		for (const log of logs) this.#after(log.afterMs, () => this.#print(log));
		if (exit !== undefined) this.#after(exit.afterMs, () => this.#end?.(exit.code));
		try {
			return await code;
		} finally {
			for (const listener of this.#listeners) listener.close();
		}
	}

	/** What is to happen at the start happens in this turn, so that a pod without latency starts in one step. */
	#after(delayMs: number, step: () => void): void {
		const { machine, process } = this.#context;
		if (delayMs === 0) step();
		else sleep(machine.clock, delayMs, process.ended).then(step, () => undefined);
	}

	#react(signal: SignalName, { isIgnored, log, afterMs, code }: DeclaredReaction): void {
		this.#context.process.onSignal(signal, () => {
			if (log !== undefined) void writeText(this.#context.stdout, `${this.#expand(log)}\n`);
			if (!isIgnored) this.#after(afterMs, () => this.#end?.(code));
		});
	}

	#print(log: DeclaredLog): void {
		if (this.#context.process.exit !== undefined) return;
		void writeText(this.#context[log.stream], `${this.#expand(log.text)}\n`);
		const { everyMs } = log;
		if (everyMs !== undefined) this.#after(everyMs, () => this.#print(log));
	}

	#listen({ port, protocol, routes }: DeclaredListener): void {
		const { machine, process, stderr } = this.#context;
		try {
			const handler = protocol === "http" ? httpServer((request) => this.#answer(request, routes)) : echo;
			this.#listeners.push(machine.network.listen(port, handler, process));
		} catch (error) {
			if (!(error instanceof NetworkError)) throw error;
			void writeText(stderr, `listen tcp :${port}: bind: address already in use\n`);
			this.#end?.(1);
		}
	}

	async #answer({ method, target }: HttpRequest, routes: readonly DeclaredRoute[]): Promise<HttpResponse> {
		const { machine, process } = this.#context;
		const path = target.split("?")[0] ?? "/";
		const sinceMs = machine.clock.now() - this.#startMs;
		const route = routes.find(
			(each) =>
				(each.method === undefined || each.method === method) &&
				(each.path.endsWith("*") ? path.startsWith(each.path.slice(0, -1)) : each.path === path) &&
				sinceMs >= each.fromMs &&
				sinceMs < each.untilMs,
		);
		if (route === undefined) return { status: 404, headers: { "Content-Type": "text/plain; charset=utf-8" }, body: "404 page not found\n" };
		if (route.cpuMs > 0) await machine.cpu.run(route.cpuMs, process.ended);
		if (route.delayMs > 0) await sleep(machine.clock, route.delayMs, process.ended);
		const headers = { "Content-Type": "text/plain; charset=utf-8", ...route.headers };
		return { status: route.status, headers, body: this.#expand(route.body) };
	}

	#expand(text: string): string {
		return expand(text, (name) => this.#context.env.get(name));
	}
}
