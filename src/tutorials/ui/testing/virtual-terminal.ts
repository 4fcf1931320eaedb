/** A terminal without a window, for tests: what a program writes is laid out by xterm's own emulator, and keys are typed. */
import { PassThrough, Writable } from "node:stream";
import xterm from "@xterm/headless";

export class VirtualTerminal {
	readonly input: NodeJS.ReadStream;
	readonly output: NodeJS.WriteStream;
	readonly #keys = new PassThrough();
	readonly #terminal: xterm.Terminal;

	constructor(columns = 80, rows = 24) {
		const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true, convertEol: true });
		this.#terminal = terminal;
		const output = new Writable({
			write: (chunk: Buffer, _encoding, done) => terminal.write(chunk, done),
		});
		this.output = Object.assign(output, { columns, rows, isTTY: true }) as unknown as NodeJS.WriteStream;
		this.input = Object.assign(this.#keys, {
			isTTY: true,
			setRawMode: () => this.input,
			ref: () => this.input,
			unref: () => this.input,
		}) as unknown as NodeJS.ReadStream;
	}

	press(keys: string): void {
		this.#keys.write(keys);
	}

	/** The window is closed. */
	hangUp(): void {
		this.#keys.end();
	}

	resize(columns: number, rows: number): void {
		this.#terminal.resize(columns, rows);
		Object.assign(this.output, { columns, rows });
		this.output.emit("resize");
	}

	/** Rows, without blanks at their ends; as many as the window has. */
	rows(): readonly string[] {
		const { active } = this.#terminal.buffer;
		return Array.from({ length: this.#terminal.rows }, (_, row) => active.getLine(active.viewportY + row)?.translateToString(true) ?? "");
	}

	get isAlternate(): boolean {
		return this.#terminal.buffer.active.type === "alternate";
	}
}
