/**
 * A WebAssembly module as the main process of a container of a Wasm runtime (containerd's runwasi shims): it is run for real, in a thread of
 * its own, and sees the simulated container: arguments, environment, files, streams, and the cluster's clock and chance.
 *
 * In real time the thread works beside everything else. In virtual time the clock stands still while the module computes, and the step is
 * over when it asks for something: a run is the same each time, and only its sleeps take time. What it computes counts for nothing in the
 * usage of the processor.
 */
import { MessageChannel, receiveMessageOnPort, Worker } from "node:worker_threads";
import { sleep } from "../../../apimachinery/clock/clock.ts";
import { VirtualClock } from "../../../apimachinery/clock/virtual-clock.ts";
import { FsError, type ProcessContext, type Program, writeText } from "../../../host/index.ts";
import type { WasiReply, WasiRequest, WasiStart } from "./wasi-protocol.ts";

/** For how long, in real time, a module may compute without asking for anything. */
const maxBusyMs = 10_000;
/** Of a container without a limit. */
const maxMemoryBytes = 256 * 1024 * 1024;
/** As a shim reports a module that could not go on. */
const trapExitCode = 137;

/** Beside this module; in the bundle, one level above its parts. */
function workerFile(): URL {
	const here = import.meta.url;
	return new URL(here.endsWith(".ts") ? "./wasi-worker.ts" : here.includes("/chunks/") ? "../wasi-worker.js" : "./wasi-worker.js", here);
}

export function wasmProgram(module: Uint8Array): Program {
	return async (context) => {
		const run = new WasmRun(module, context);
		try {
			return await run.finish();
		} finally {
			run.stop();
		}
	};
}

class WasmRun {
	readonly #context: ProcessContext;
	readonly #worker: Worker;
	readonly #port: MessageChannel["port1"];
	readonly #counters = new Int32Array(new SharedArrayBuffer(8));
	/** Requests that have been taken. */
	#taken = 0;
	readonly #isVirtual: boolean;

	constructor(module: Uint8Array, context: ProcessContext) {
		this.#context = context;
		this.#isVirtual = context.machine.clock instanceof VirtualClock;
		const { port1, port2 } = new MessageChannel();
		this.#port = port1;
		const { machine, argv, env } = context;
		const start: WasiStart = {
			port: port2,
			counters: this.#counters,
			module,
			args: argv,
			env: [...env].map(([name, value]) => `${name}=${value}`),
			memoryLimitBytes: Math.min(machine.memoryLimitBytes, maxMemoryBytes),
		};
		this.#worker = new Worker(workerFile(), { workerData: start, transferList: [port2], stdout: true, stderr: true });
		this.#worker.unref();
		port1.unref();
	}

	stop(): void {
		this.#port.close();
		void this.#worker.terminate();
	}

	/** Resolves to the exit code. */
	async finish(): Promise<number> {
		const { process, stderr } = this.#context;
		while (process.exit === undefined) {
			const request = await this.#next();
			if (request === undefined) {
				if (process.exit === undefined)
					await writeText(stderr, `module has computed for ${maxBusyMs / 1000} seconds without a call: it is ended\n`);
				return trapExitCode;
			}
			if (request.op === "exit") return request.code;
			if (request.op === "trap") {
				await writeText(stderr, `Error: failed to run main module: ${request.message}\n`);
				if (request.isMemory) process.killForMemory();
				return trapExitCode;
			}
			this.#answer(await this.#serve(request));
		}
		return trapExitCode;
	}

	#answer(reply: WasiReply): void {
		this.#port.postMessage(reply);
		Atomics.add(this.#counters, 1, 1);
		Atomics.notify(this.#counters, 1);
	}

	/** Undefined: it is too long in coming, or the process has been killed. */
	async #next(): Promise<WasiRequest | undefined> {
		if (this.#isVirtual) {
			if (Atomics.load(this.#counters, 0) === this.#taken) Atomics.wait(this.#counters, 0, this.#taken, maxBusyMs);
		} else {
			const waiting = Atomics.waitAsync(this.#counters, 0, this.#taken, maxBusyMs);
			if (waiting.async) await Promise.race([waiting.value, this.#context.process.exited]);
		}
		const received = receiveMessageOnPort(this.#port) as { readonly message: WasiRequest } | undefined;
		if (received === undefined) return undefined;
		this.#taken++;
		return received.message;
	}

	async #serve(request: Exclude<WasiRequest, { readonly op: "exit" | "trap" }>): Promise<WasiReply> {
		const { machine, stdin, stdout, stderr, process } = this.#context;
		switch (request.op) {
			case "write":
				await (request.stream === "stdout" ? stdout : stderr).write(request.bytes);
				return {};
			case "read":
				return { bytes: await stdin.read() };
			case "sleep":
				await sleep(machine.clock, request.ms, process.ended).catch(() => undefined);
				return {};
			case "now":
				return { ms: machine.clock.now() };
			case "random":
				return { bytes: Uint8Array.from({ length: request.count }, () => machine.random.int(256)) };
			default:
				return this.#serveFile(request);
		}
	}

	#serveFile(request: Extract<WasiRequest, { readonly path: string }>): WasiReply {
		const { files } = this.#context.machine;
		const { op, path } = request;
		try {
			switch (op) {
				case "stat": {
					const { type, sizeBytes, mtimeMs } = files.stat(path);
					return { facts: { isDirectory: type === "directory", sizeBytes, mtimeMs } };
				}
				case "load":
					return { bytes: Uint8Array.from(files.readBytes(path)) };
				case "store":
					files.writeFile(path, request.bytes);
					return {};
				case "list":
					return { names: files.readdir(path).map((name) => ({ name, isDirectory: files.stat(`${path}/${name}`).type === "directory" })) };
				case "mkdir":
					files.mkdir(path);
					return {};
				case "remove":
					files.remove(path);
					return {};
				default:
					return op satisfies never;
			}
		} catch (error) {
			if (error instanceof FsError) return { error: error.code };
			throw error;
		}
	}
}
