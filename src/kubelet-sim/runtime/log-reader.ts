/** Reads a container's log as a program on its node does from the files: the lines that are there, and those that come, by stream. */
import type { ContainerLog } from "../container/container-log.ts";
import { formatNanoTime, type LogLine } from "../container/log-line.ts";
import { LogPlace } from "../container/log-reader.ts";

export interface LogReading {
	/** Until the container has ended. */
	readonly isFollowing: boolean;
	readonly hasTimes: boolean;
	readonly tailLines: number | undefined;
	readonly limitBytes: number | undefined;
	/** Unix ms. */
	readonly sinceMs: number | undefined;
	readonly signal: AbortSignal;
	write(bytes: Uint8Array, stream: LogLine["stream"]): Promise<void> | void;
}

export async function logReader(log: ContainerLog, reading: LogReading): Promise<void> {
	const { isFollowing, sinceMs = 0, signal } = reading;
	const place = new LogPlace(log, reading.tailLines);
	const endLine = isFollowing ? Number.POSITIVE_INFINITY : log.file.lineCount;
	let leftBytes = reading.limitBytes ?? Number.POSITIVE_INFINITY;
	let wake: () => void = () => undefined;
	const unwatch = isFollowing ? log.watch(() => wake()) : () => undefined;
	const onAbort = () => wake();
	signal.addEventListener("abort", onAbort, { once: true });
	let isNewLine = true;
	try {
		while (leftBytes > 0 && !signal.aborted) {
			const hasEnded = log.ended;
			const lines = place.next(endLine);
			for (const line of lines) {
				const time = reading.hasTimes && isNewLine ? `${formatNanoTime(line.timeMs)} ` : "";
				isNewLine = !line.partial;
				if (line.timeMs < sinceMs || leftBytes <= 0) continue;
				const bytes = Buffer.from(`${time}${line.text}${line.partial ? "" : "\n"}`, "latin1").subarray(0, leftBytes);
				leftBytes -= bytes.length;
				await reading.write(bytes, line.stream);
			}
			if (lines.length > 0) continue;
			if (!isFollowing || hasEnded) return;
			if (!place.isAtEnd || log.ended) continue;
			await new Promise<void>((resolve) => {
				wake = resolve;
				if (signal.aborted) resolve();
			});
		}
	} finally {
		unwatch();
		signal.removeEventListener("abort", onAbort);
	}
}
