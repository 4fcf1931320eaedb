/**
 * What a WebAssembly module in its thread asks of the simulated machine, one question at a time: the thread waits for the answer.
 * Both sides count questions and answers in shared memory, so that either can wait without an event loop.
 */
import type { MessagePort } from "node:worker_threads";

export type WasiRequest =
	| { readonly op: "write"; readonly stream: "stdout" | "stderr"; readonly bytes: Uint8Array }
	| { readonly op: "read" }
	| { readonly op: "sleep"; readonly ms: number }
	| { readonly op: "now" }
	| { readonly op: "random"; readonly count: number }
	| { readonly op: "stat"; readonly path: string }
	| { readonly op: "load"; readonly path: string }
	| { readonly op: "store"; readonly path: string; readonly bytes: Uint8Array }
	| { readonly op: "list"; readonly path: string }
	| { readonly op: "mkdir" | "remove"; readonly path: string }
	/** It has ended; nobody answers. */
	| { readonly op: "exit"; readonly code: number }
	/** It did what it may not: divided by zero, left its memory, or took too much of it. */
	| { readonly op: "trap"; readonly message: string; readonly isMemory: boolean };

export interface FileFacts {
	readonly isDirectory: boolean;
	readonly sizeBytes: number;
	/** Unix ms. */
	readonly mtimeMs: number;
}

/** What went wrong with a file, in errno's words; absent: nothing. */
export interface WasiReply {
	readonly error?: string;
	readonly bytes?: Uint8Array | undefined;
	readonly ms?: number;
	readonly facts?: FileFacts;
	readonly names?: readonly { readonly name: string; readonly isDirectory: boolean }[];
}

export interface WasiStart {
	readonly port: MessagePort;
	/** Two counters: of questions, of answers. */
	readonly counters: Int32Array;
	readonly module: Uint8Array;
	readonly args: readonly string[];
	/** `NAME=value` */
	readonly env: readonly string[];
	readonly memoryLimitBytes: number;
}
