/**
 * Says what is going on while it goes on, on stderr: a line that rewrites itself in a terminal, plain lines elsewhere.
 */
export class Progress {
	readonly #stream: NodeJS.WriteStream;
	readonly #isTerminal: boolean;
	#isShown = false;

	constructor(stream: NodeJS.WriteStream = process.stderr) {
		this.#stream = stream;
		this.#isTerminal = stream.isTTY === true;
	}

	show(text: string): void {
		if (this.#isTerminal) this.#stream.write(`\r\x1b[K${text} …`);
		else this.#stream.write(`${text}\n`);
		this.#isShown = true;
	}

	/** Takes the last line away, before the result is printed. */
	clear(): void {
		if (this.#isTerminal && this.#isShown) this.#stream.write("\r\x1b[K");
		this.#isShown = false;
	}
}
