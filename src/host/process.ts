/**
 * Simulated processes. A program is an async function; its process ends when the function returns or when a signal
 * ends it. A killed program's function may still be waiting somewhere: it is told by its AbortSignal, and whatever it
 * writes from then on goes nowhere.
 *
 * As on Linux, the first process of a PID namespace gets only those signals that it handles, and SIGKILL: that is why
 * `sleep 3600` as a container's command sits out the whole grace period.
 */
import type { NetworkStack } from "./net/network.ts";
import type { FileSystem } from "./vfs/file-system.ts";

export const signalNumbers = { HUP: 1, INT: 2, QUIT: 3, KILL: 9, USR1: 10, USR2: 12, PIPE: 13, TERM: 15, CONT: 18, STOP: 19 } as const;

export type SignalName = keyof typeof signalNumbers;

/** Reads `TERM`, `SIGTERM` or `15`; undefined if there is no such signal. */
export function parseSignal(text: string): SignalName | undefined {
	const name = text.toUpperCase().replace(/^SIG/, "");
	for (const [known, number] of Object.entries(signalNumbers)) {
		if (known === name || String(number) === text) return known as SignalName;
	}
	return undefined;
}

export interface ProcessExit {
	/** 0-255; 128 + n for a process that signal n killed. */
	readonly exitCode: number;
	readonly signal?: SignalName;
	/** The kernel killed it for its memory. */
	readonly oomKilled?: boolean;
}

/** The container, or the node, that a process belongs to: what it sees of the world. */
export interface ProcessOwner {
	readonly hostname: string;
	readonly files: FileSystem;
	readonly network: NetworkStack;
}

/** The PID namespace that a process was started in (kernel.ts). */
export interface ProcessNamespace {
	readonly isRoot: boolean;
}

export interface ProcessOptions {
	readonly namespace: ProcessNamespace;
	/** In its namespace. */
	readonly pid: number;
	/** In the machine's. */
	readonly hostPid: number;
	readonly machine: ProcessOwner;
	readonly parent: Process | undefined;
	readonly argv: readonly string[];
	/** Unix ms. */
	readonly startMs: number;
}

export class Process {
	readonly namespace: ProcessNamespace;
	/** In its own namespace. */
	readonly pid: number;
	/** As the node sees it. */
	readonly hostPid: number;
	/** The container, or the node, whose process it is. */
	readonly machine: ProcessOwner;
	/** Absent for what a runtime or the kernel started. */
	readonly parent: Process | undefined;
	readonly argv: readonly string[];
	/** Unix ms. */
	readonly startMs: number;
	/** Never rejects. */
	readonly exited: Promise<ProcessExit>;
	exit: ProcessExit | undefined;
	#resolve: ((exit: ProcessExit) => void) | undefined;
	#abort: AbortController | undefined;
	#handlers: Map<SignalName, () => void> | undefined;

	constructor(options: ProcessOptions) {
		this.namespace = options.namespace;
		this.pid = options.pid;
		this.hostPid = options.hostPid;
		this.machine = options.machine;
		this.parent = options.parent;
		this.argv = options.argv;
		this.startMs = options.startMs;
		this.exited = new Promise((resolve) => {
			this.#resolve = resolve;
		});
	}

	/** Aborts when the process ends, by whatever cause. */
	get ended(): AbortSignal {
		this.#abort ??= new AbortController();
		if (this.exit !== undefined) this.#abort.abort();
		return this.#abort.signal;
	}

	/** Handles a signal in place of its default action; `undefined` restores that. */
	onSignal(signal: SignalName, handler: (() => void) | undefined): void {
		this.#handlers ??= new Map();
		if (handler === undefined) this.#handlers.delete(signal);
		else this.#handlers.set(signal, handler);
	}

	/** Sends a signal, as `kill` does. */
	kill(signal: SignalName): void {
		if (this.exit !== undefined || signal === "CONT" || signal === "STOP") return;
		const handler = signal === "KILL" ? undefined : this.#handlers?.get(signal);
		if (handler !== undefined) handler();
		else if (this.pid !== 1 || signal === "KILL") this.finish({ exitCode: 128 + signalNumbers[signal], signal });
	}

	/** The kernel's out-of-memory killer: SIGKILL, and the container's status says OOMKilled. */
	killForMemory(): void {
		this.finish({ exitCode: 137, signal: "KILL", oomKilled: true });
	}

	/** The first call decides how the process ended. */
	finish(exit: ProcessExit): void {
		if (this.exit !== undefined) return;
		this.exit = exit;
		this.#handlers = undefined;
		this.#resolve?.(exit);
		this.#resolve = undefined;
		this.#abort?.abort();
	}
}
