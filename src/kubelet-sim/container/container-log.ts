/**
 * The log of one container instance, in files as the kubelet keeps them: lines go to the newest, which is put aside when it is full;
 * what was put aside before is compressed, and the oldest goes.
 *
 *   0.log.20260101-000000.gz   0.log.20260101-001000   0.log
 *
 * Who reads begins in the newest file, as `kubectl logs` does, and follows into the next one. The kubelet looks every ten seconds whether a
 * file is full; here it is put aside at once, so that a program that prints without end cannot fill the memory.
 * Source: pkg/kubelet/logs/container_log_manager.go; https://kubernetes.io/docs/concepts/cluster-administration/logging/#log-rotation
 */
import { gzipSync } from "node:zlib";
import { LogFile } from "./log-file.ts";
import type { LogLine } from "./log-line.ts";

export interface LogPolicy {
	/** A file with as much is put aside; Infinity: never. */
	readonly maxSizeBytes: number;
	/** With the one that is written, at least 2. */
	readonly maxFiles: number;
}

export const defaultLogPolicy: LogPolicy = { maxSizeBytes: 10 * 1024 * 1024, maxFiles: 5 };

/** A file of a log, as a directory shows it. */
export interface StoredLog {
	/** What follows `0.log`: "", `.20260101-000000` or `.20260101-000000.gz`. */
	readonly suffix: string;
	readonly sizeBytes: number;
	/** Unix ms. */
	readonly modifiedMs: number;
	bytes(): Uint8Array;
}

export class ContainerLog {
	readonly #policy: LogPolicy;
	readonly #onGrow: (bytes: number) => void;
	#file = new LogFile();
	/** Put aside, the oldest first: all but the last are compressed. */
	#rotated: StoredLog[] | undefined;
	/** In the name of the one that was put aside last, Unix seconds. */
	#rotatedSeconds = 0;
	#waiting: Set<() => void> | undefined;
	#ended = false;

	/** @param onGrow told when it takes more memory, in bytes */
	constructor(policy: LogPolicy = defaultLogPolicy, onGrow: (bytes: number) => void = () => undefined) {
		this.#policy = policy;
		this.#onGrow = onGrow;
	}

	get ended(): boolean {
		return this.#ended;
	}

	/** The file that is written. */
	get file(): LogFile {
		return this.#file;
	}

	/** Of all files, on the disk. */
	get sizeBytes(): number {
		return this.#rotatedBytes + this.#file.sizeBytes;
	}

	/** What `trim` can make less of. */
	get heldBytes(): number {
		return this.#rotatedBytes + this.#file.packedBytes;
	}

	/** The oldest first. */
	files(): readonly StoredLog[] {
		return [...(this.#rotated ?? []), stored("", this.#file)];
	}

	add(line: LogLine): void {
		let grownBytes = this.#file.add(line);
		if (this.#file.sizeBytes >= this.#policy.maxSizeBytes) grownBytes += this.#rotate(line.timeMs);
		if (grownBytes > 0) this.#onGrow(grownBytes);
		this.#wake();
	}

	/** No line will follow. */
	end(): void {
		this.#ended = true;
		this.#wake();
		this.#waiting = undefined;
	}

	/** @param onChange called after each line and at the end. @returns a function that ends that */
	watch(onChange: () => void): () => void {
		this.#waiting ??= new Set();
		this.#waiting.add(onChange);
		return () => this.#waiting?.delete(onChange);
	}

	/** Forgets the oldest until it holds no more than so much, whatever the policy says. */
	trim(limitBytes: number): void {
		while (this.heldBytes > limitBytes && (this.#rotated?.length ?? 0) > 0) this.#rotated?.shift();
		this.#file.trim(limitBytes);
	}

	get #rotatedBytes(): number {
		return (this.#rotated ?? []).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
	}

	#wake(): void {
		if (this.#waiting !== undefined) for (const onChange of this.#waiting) onChange();
	}

	/** @returns bytes that the file takes more than before */
	#rotate(nowMs: number): number {
		const grownBytes = this.#file.close();
		const rotated = this.#rotated ?? [];
		// Beside them there will be the one that is put aside now, and the new one.
		const kept = rotated.slice(Math.max(0, rotated.length - (this.#policy.maxFiles - 2)));
		const last = kept.pop();
		if (last !== undefined) kept.push(compressed(last));
		// Names are made of seconds, and a program can fill several files in one.
		this.#rotatedSeconds = Math.max(Math.floor(nowMs / 1000), this.#rotatedSeconds + 1);
		kept.push(stored(`.${stamp(this.#rotatedSeconds)}`, this.#file));
		this.#rotated = kept;
		this.#file = new LogFile();
		return grownBytes;
	}
}

function stored(suffix: string, file: LogFile): StoredLog {
	return { suffix, sizeBytes: file.sizeBytes, modifiedMs: file.timeMs, bytes: () => file.bytes() };
}

function compressed({ suffix, modifiedMs, bytes }: StoredLog): StoredLog {
	const content = gzipSync(bytes(), { level: 1 });
	return { suffix: `${suffix}.gz`, sizeBytes: content.length, modifiedMs, bytes: () => content };
}

/** `20260101-000000`. */
function stamp(seconds: number): string {
	const text = new Date(seconds * 1000).toISOString();
	return `${text.slice(0, 10).replaceAll("-", "")}-${text.slice(11, 19).replaceAll(":", "")}`;
}
