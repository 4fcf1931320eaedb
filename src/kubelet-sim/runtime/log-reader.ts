/** Reads a container's log as a program on its node does from the file: the lines that are there, and those that come. */
import type { LogBuffer, LogLine } from "../container/log-buffer.ts";

export interface LogReading {
	/** Until the container has ended. */
	readonly isFollowing: boolean;
	readonly hasTimes: boolean;
	readonly tailLines: number | undefined;
	readonly limitBytes: number | undefined;
	/** Unix ms. */
	readonly sinceMs: number | undefined;
	readonly signal: AbortSignal;
	write(line: string, stream: LogLine["stream"]): Promise<void> | void;
}

export async function logReader(log: LogBuffer, reading: LogReading): Promise<void> {
	const { isFollowing, tailLines, sinceMs = 0, signal } = reading;
	const waiting: LogLine[] = [...(tailLines === undefined ? log.lines() : tailLines === 0 ? [] : log.lines().slice(-tailLines))];
	let hasEnded = !isFollowing;
	let wake: () => void = () => undefined;
	const end = () => {
		hasEnded = true;
		wake();
	};
	const add = (line: LogLine) => {
		waiting.push(line);
		wake();
	};
	const stop = isFollowing ? log.follow({ onLine: add, onEnd: end }) : () => undefined;
	signal.addEventListener("abort", end, { once: true });
	if (signal.aborted) end();
	let leftBytes = reading.limitBytes ?? Number.POSITIVE_INFINITY;
	try {
		for (;;) {
			for (const line of waiting.splice(0)) {
				if (line.timeMs < sinceMs || leftBytes <= 0) continue;
				const text = formatted(line, reading.hasTimes).slice(0, leftBytes);
				leftBytes -= text.length;
				await reading.write(text, line.stream);
			}
			if (waiting.length > 0) continue;
			if (hasEnded || leftBytes <= 0) return;
			await new Promise<void>((resolve) => {
				wake = resolve;
			});
		}
	} finally {
		stop();
		signal.removeEventListener("abort", end);
	}
}

function formatted({ timeMs, text }: LogLine, hasTimes: boolean): string {
	return hasTimes ? `${new Date(timeMs).toISOString().replace("Z", "000000Z")} ${text}\n` : `${text}\n`;
}
