/**
 * The audit log: one JSON event a line, in a file that is put aside when it is large enough.
 *
 *   audit.log ─▶ audit-2026-01-02T03-04-05.678.log, of which the newest are kept
 *
 * Source: k8s.io/apiserver/plugin/pkg/audit/log; the names of files put aside are those of natefinch/lumberjack.
 */
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import type { Logger } from "../../apimachinery/log.ts";
import type { AuditEvent, AuditSink } from "./audit-event.ts";

const megabyte = 1024 * 1024;
const dayMs = 24 * 3600 * 1000;
/** What waits to be written; a disk that is slower than this loses events, and it is said. */
const maxWaitingBytes = 64 * megabyte;

export interface LogFileOptions {
	readonly path: string;
	/** Megabytes; 0 or absent: 100, as lumberjack. */
	readonly maxSizeMegabytes?: number;
	/** How many files put aside are kept; 0 or absent: all. */
	readonly maxBackups?: number;
	/** Days; 0 or absent: for ever. */
	readonly maxAgeDays?: number;
	readonly log: Logger;
	/** Unix ms. */
	readonly now: () => number;
}

export class AuditLogFile implements AuditSink {
	readonly #options: LogFileOptions;
	#file: FileHandle | undefined;
	#sizeBytes = 0;
	#waiting: string[] = [];
	#waitingBytes = 0;
	#dropped = 0;
	/** The write that is under way. */
	#writing: Promise<void> | undefined;

	constructor(options: LogFileOptions) {
		this.#options = options;
	}

	/** Opens the file, so that a path that cannot be written is known at once. Rejects with the system's error. */
	async open(): Promise<void> {
		const { path } = this.#options;
		await mkdir(dirname(path), { recursive: true });
		this.#file = await open(path, "a", 0o600);
		this.#sizeBytes = (await stat(path)).size;
	}

	record(event: AuditEvent): void {
		const line = `${JSON.stringify(event)}\n`;
		if (this.#waitingBytes > maxWaitingBytes) {
			this.#dropped++;
			return;
		}
		this.#waiting.push(line);
		this.#waitingBytes += line.length;
		this.#writing ??= this.#writeAll();
	}

	async close(): Promise<void> {
		while (this.#writing !== undefined) await this.#writing;
		await this.#file?.close();
		this.#file = undefined;
	}

	async #writeAll(): Promise<void> {
		try {
			// What is recorded in one turn is written at once.
			await Promise.resolve();
			while (this.#waiting.length > 0) {
				const lines = this.#waiting;
				this.#waiting = [];
				this.#waitingBytes = 0;
				await this.#write(lines);
			}
		} catch (error) {
			this.#options.log.error("audit events are lost: the audit log cannot be written", { error: String(error) });
		} finally {
			if (this.#dropped > 0) this.#options.log.error("audit events are lost: too many at a time", { count: this.#dropped });
			this.#dropped = 0;
			this.#writing = undefined;
		}
	}

	async #write(lines: readonly string[]): Promise<void> {
		const limit = (this.#options.maxSizeMegabytes || 100) * megabyte;
		let chunk: Buffer[] = [];
		let chunkBytes = 0;
		const flush = async () => {
			if (chunkBytes > 0) await this.#file?.appendFile(Buffer.concat(chunk));
			this.#sizeBytes += chunkBytes;
			chunk = [];
			chunkBytes = 0;
		};
		for (const line of lines) {
			const bytes = Buffer.from(line);
			if (this.#sizeBytes + chunkBytes > 0 && this.#sizeBytes + chunkBytes + bytes.length > limit) {
				await flush();
				await this.#rotate();
			}
			chunk.push(bytes);
			chunkBytes += bytes.length;
		}
		await flush();
	}

	async #rotate(): Promise<void> {
		const { path, now } = this.#options;
		await this.#file?.close();
		const extension = extname(path);
		const stamp = new Date(now()).toISOString().replace("Z", "").replaceAll(":", "-");
		const aside = (suffix: string) => join(dirname(path), `${basename(path, extension)}-${stamp}${suffix}${extension}`);
		let target = aside("");
		for (let count = 1; await exists(target); count++) target = aside(`-${count}`);
		await rename(path, target);
		await this.open();
		await this.#prune();
	}

	async #prune(): Promise<void> {
		const { path, maxBackups = 0, maxAgeDays = 0, now } = this.#options;
		if (maxBackups === 0 && maxAgeDays === 0) return;
		const extension = extname(path);
		const prefix = `${basename(path, extension)}-`;
		const isBackup = (name: string) =>
			name.startsWith(prefix) && name.endsWith(extension) && /^\d{4}-\d\d-\d\dT/.test(name.slice(prefix.length));
		// Without the extension, which would come before a counter.
		const bare = (name: string) => name.slice(0, name.length - extension.length);
		const backups = (await readdir(dirname(path))).filter(isBackup);
		const newestFirst = backups.sort((a, b) => (bare(a) < bare(b) ? 1 : -1));
		for (const [index, name] of newestFirst.entries()) {
			const stamp = name.slice(prefix.length, prefix.length + "2026-01-02T03-04-05.678".length);
			const madeMs = Date.parse(`${stamp.replace(/T(\d\d)-(\d\d)-/, "T$1:$2:")}Z`);
			const isOld = maxAgeDays > 0 && now() - madeMs > maxAgeDays * dayMs;
			if (isOld || (maxBackups > 0 && index >= maxBackups)) await rm(join(dirname(path), name), { force: true });
		}
	}
}

async function exists(path: string): Promise<boolean> {
	return stat(path).then(
		() => true,
		() => false,
	);
}

/** The log on standard output: `--audit-log-path=-`. */
export function standardOutputLog(write: (line: string) => void): AuditSink {
	return { record: (event) => write(`${JSON.stringify(event)}\n`), close: () => Promise.resolve() };
}
