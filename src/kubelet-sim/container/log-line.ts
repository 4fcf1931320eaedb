/**
 * Lines of a container's log, and their form in a file, which is the runtime interface's:
 *
 *   2026-01-01T00:00:00.000000000Z stdout F text
 *
 * Source: https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md
 */

export interface LogLine {
	/** Unix ms. */
	readonly timeMs: number;
	/** Its bytes, a character (U+0000 to U+00FF) each, without the newline. */
	readonly text: string;
	readonly stream: "stdout" | "stderr";
	/** What follows belongs to the same line: it was too long, or the program ended without a newline. */
	readonly partial: boolean;
}

const timeLength = "2026-01-01T00:00:00.000000000Z".length;
const streamAt = timeLength + 1;
const tagAt = streamAt + "stdout ".length;
const textAt = tagAt + "F ".length;

/** Bytes that the line takes in a file. */
export function fileBytesOf({ text }: LogLine): number {
	return textAt + text.length + 1;
}

/** `2026-01-01T00:00:00.123000000Z`. */
export function formatNanoTime(timeMs: number): string {
	return new Date(timeMs).toISOString().replace("Z", "000000Z");
}

/** The bytes of a file with these lines. */
export function packLines(lines: readonly LogLine[]): Buffer {
	let lastMs = Number.NaN;
	let time = "";
	const texts = lines.map(({ timeMs, text, stream, partial }) => {
		if (timeMs !== lastMs) time = formatNanoTime(timeMs);
		lastMs = timeMs;
		return `${time} ${stream} ${partial ? "P" : "F"} ${text}\n`;
	});
	return Buffer.from(texts.join(""), "latin1");
}

/** The lines of such bytes, which `packLines` made. */
export function unpackLines(bytes: Buffer): LogLine[] {
	const texts = bytes.toString("latin1").split("\n");
	texts.pop();
	let lastTime = "";
	let timeMs = 0;
	return texts.map((text) => {
		const time = text.slice(0, timeLength);
		if (time !== lastTime) timeMs = Date.parse(time);
		lastTime = time;
		const stream = text.slice(streamAt, tagAt - 1) === "stderr" ? "stderr" : "stdout";
		return { timeMs, stream, partial: text[tagAt] === "P", text: text.slice(textAt) };
	});
}
