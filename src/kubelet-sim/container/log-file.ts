/**
 * One file of a container's log, in memory. The newest lines are kept as they came, which costs least for containers that print
 * little and the same; once they are many they become the file's bytes.
 *
 *   [ packed ][ packed ] … recent lines
 *   firstLine            recentLine      lineCount
 */
import { fileBytesOf, type LogLine, packLines, unpackLines } from "./log-line.ts";

const maxRecentLines = 128;
const maxRecentBytes = 32 * 1024;

/** Lines that came at once: what they have in common is kept once, as most of what a container prints comes when it starts. */
interface Burst extends Pick<LogLine, "timeMs" | "stream" | "partial"> {
	readonly texts: string[];
}

interface Packed {
	/** Number of its first line in the file, from 0. */
	readonly firstLine: number;
	readonly bytes: Buffer;
}

export class LogFile {
	/** In order, without gaps, up to `#recentLine`. */
	#packed: Packed[] | undefined;
	/** In order. */
	#recent: Burst[] = [];
	#recentCount = 0;
	/** Number of the first of the recent lines. */
	#recentLine = 0;
	#recentBytes = 0;
	/** Bytes of lines as they are in memory. */
	packedBytes = 0;
	/** Unix ms of the newest line; NaN without one. */
	timeMs = Number.NaN;
	/** No line will come: the log goes on in another file. */
	isClosed = false;

	get sizeBytes(): number {
		return this.packedBytes + this.#recentBytes;
	}

	/** The number that the next line will have. */
	get lineCount(): number {
		return this.#recentLine + this.#recentCount;
	}

	/** @returns bytes that were packed for it: mostly 0 */
	add(line: LogLine): number {
		const { timeMs, stream, partial, text } = line;
		const last = this.#recent.at(-1);
		if (last !== undefined && last.timeMs === timeMs && last.stream === stream && last.partial === partial) last.texts.push(text);
		else this.#recent = this.#recent.concat({ timeMs, stream, partial, texts: [text] });
		this.#recentCount++;
		this.#recentBytes += fileBytesOf(line);
		this.timeMs = timeMs;
		return this.#recentCount >= maxRecentLines || this.#recentBytes >= maxRecentBytes ? this.#pack() : 0;
	}

	close(): number {
		this.isClosed = true;
		return this.#recentCount === 0 ? 0 : this.#pack();
	}

	/** Some of the lines from number `from` on, none at the end; and the number of the first, which is higher if `from` has been dropped. */
	read(from: number): { readonly firstLine: number; readonly lines: readonly LogLine[] } {
		const packed =
			from < this.#recentLine ? (this.#packed?.findLast(({ firstLine }) => firstLine <= from) ?? this.#packed?.[0]) : undefined;
		if (packed !== undefined) {
			const firstLine = Math.max(from, packed.firstLine);
			return { firstLine, lines: unpackLines(packed.bytes).slice(firstLine - packed.firstLine) };
		}
		const firstLine = Math.max(from, this.#recentLine);
		return { firstLine, lines: this.#recentLines().slice(firstLine - this.#recentLine) };
	}

	#recentLines(): readonly LogLine[] {
		return this.#recent.flatMap(({ texts, ...line }) => texts.map((text) => ({ ...line, text })));
	}

	/** As they are on the disk. */
	bytes(): Buffer {
		return Buffer.concat([...(this.#packed ?? []).map(({ bytes }) => bytes), packLines(this.#recentLines())]);
	}

	/** Forgets the oldest lines until what is packed takes no more than so much. */
	trim(limitBytes: number): void {
		while (this.packedBytes > limitBytes) this.packedBytes -= this.#packed?.shift()?.bytes.length ?? this.packedBytes;
	}

	#pack(): number {
		const bytes = packLines(this.#recentLines());
		this.#packed ??= [];
		this.#packed.push({ firstLine: this.#recentLine, bytes });
		this.packedBytes += bytes.length;
		this.#recentLine += this.#recentCount;
		this.#recent = [];
		this.#recentCount = 0;
		this.#recentBytes = 0;
		return bytes.length;
	}
}
