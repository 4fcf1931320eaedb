/**
 * Says what is going on while it goes on, on stderr: a line that rewrites itself in a terminal, plain lines elsewhere.
 * Keeps quiet about what is over in a moment.
 */
import type { Clock, Timer } from "../apimachinery/clock/clock.ts";

/** Work that takes longer than this is shown. */
const quietMs = 200;

export class Progress {
	readonly #stream: NodeJS.WriteStream;
	readonly #timer: Timer;
	#text = "";
	#isQuiet = true;
	#isOver = false;

	constructor(clock: Clock, stream: NodeJS.WriteStream = process.stderr) {
		this.#stream = stream;
		this.#timer = clock.setTimeout(() => {
			this.#isQuiet = false;
			this.#write();
		}, quietMs);
	}

	show(text: string): void {
		this.#text = text;
		if (!this.#isQuiet) this.#write();
	}

	/** Takes the last line away, before the result is printed. */
	clear(): void {
		this.#isOver = true;
		this.#timer.cancel();
		if (this.#stream.isTTY && !this.#isQuiet) this.#stream.write("\r\x1b[K");
	}

	#write(): void {
		if (this.#text === "" || this.#isOver) return;
		this.#stream.write(this.#stream.isTTY ? `\r\x1b[K${this.#text} …` : `${this.#text}\n`);
	}
}
