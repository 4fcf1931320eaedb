/**
 * The terminal between a user and a process: what a pseudo-terminal's line discipline does. The user's side is in raw
 * mode, so echo, erasing and Ctrl-C are made here.
 *
 *   user's keys ──> Tty ──┬─ a line editor is active (a shell at its prompt): keys go to it
 *                         └─ otherwise, cooked: echo, lines on Enter, Ctrl-C interrupts, Ctrl-D ends
 *   process output ──> "\n" becomes "\r\n" ──> user's screen
 */
import type { TerminalSize } from "../../apimachinery/node-connector.ts";
import type { InputStream, OutputStream } from "../stream.ts";
import type { Terminal } from "../terminal.ts";
import { type EditResult, LineEditor } from "./line-editor.ts";

/** What a user may type ahead, characters; more is dropped, as Linux does at 4096. */
const maxTypedAhead = 4096;
/** Characters of a line without its end; more is dropped, as by Linux. */
const maxLineLength = 4095;
/** Bytes beyond which keys are not shown to a user who does not look. */
const maxUnwrittenBytes = 64 * 1024;

export class Tty implements Terminal {
	columns = 80;
	rows = 24;
	/** Called on Ctrl-C and Ctrl-\ while no line is being edited. */
	onSignal: (signal: "INT" | "QUIT") => void = () => undefined;
	/** Told of each line that was given to a shell on this terminal, when it has been carried out. */
	onCommand: (line: string, exitCode: number) => void = () => undefined;
	readonly #output: OutputStream;
	/** Lines that wait for a reader; "" is Ctrl-D, the end for one reader. */
	readonly #lines: string[] = [];
	#wakeReaders: (() => void)[] = [];
	#cookedLine = "";
	#editor: { readonly editor: LineEditor; readonly resolve: (result: EditResult) => void } | undefined;
	/** Keys typed while no line was edited and before the next prompt. */
	#typedAhead = "";
	#readers = 0;
	#hungUp = false;
	/** Of what has been written, what the user's side has not taken. */
	#unwrittenBytes = 0;
	/** Keeps what is written in order. */
	#writing: Promise<void> = Promise.resolve();

	constructor(output: OutputStream) {
		this.#output = output;
	}

	/** stdin of processes on this terminal. */
	readonly input: InputStream = {
		read: async () => {
			this.#readers++;
			this.#replayCooked();
			try {
				while (this.#lines.length === 0 && !this.#hungUp) await new Promise<void>((resolve) => this.#wakeReaders.push(resolve));
			} finally {
				this.#readers--;
			}
			const line = this.#lines.shift() ?? "";
			return line === "" ? undefined : Buffer.from(line);
		},
	};

	/** stdout and stderr of processes on this terminal. */
	readonly output: OutputStream = { write: (chunk) => this.#write(addCarriageReturns(chunk)) };

	resize({ columns, rows }: TerminalSize): void {
		this.columns = columns;
		this.rows = rows;
	}

	/** Lets the user edit one line. @param onReady called when keys begin to go to the line, and Ctrl-C too. */
	async editLine(prompt: string, history: readonly string[], onReady: () => void = () => undefined): Promise<EditResult> {
		await this.#write(Buffer.from(prompt));
		if (this.#hungUp) return { type: "eof" };
		onReady();
		const editing = Promise.withResolvers<EditResult>();
		this.#editor = { editor: new LineEditor(prompt, history), resolve: editing.resolve };
		const keys = this.#typedAhead;
		this.#typedAhead = "";
		this.#feed(keys);
		return editing.promise;
	}

	/** Takes the user's keys until they end. The terminal stays: another user may come, or the caller hangs it up. */
	async pump(keys: AsyncIterable<Uint8Array>): Promise<void> {
		const decoder = new TextDecoder();
		for await (const chunk of keys) this.#feed(decoder.decode(chunk, { stream: true }));
	}

	get unwrittenBytes(): number {
		return this.#unwrittenBytes;
	}

	/** Resolves when all that was written has been taken. */
	flush(): Promise<void> {
		return this.#writing;
	}

	/** The user's side is gone: readers get the end. */
	hangUp(): void {
		this.#hungUp = true;
		this.#wake();
		const editing = this.#editor;
		this.#editor = undefined;
		editing?.resolve({ type: "eof" });
	}

	#feed(keys: string): void {
		for (const char of keys) {
			const editing = this.#editor;
			if (editing === undefined) {
				this.#cookedKey(char);
				continue;
			}
			this.#echo(editing.editor.feed(char));
			if (editing.editor.result === undefined) continue;
			this.#editor = undefined;
			editing.resolve(editing.editor.result);
		}
	}

	#cookedKey(char: string): void {
		if (char === "\x03" || char === "\x1c") {
			this.#echo(char === "\x03" ? "^C\r\n" : "^\\\r\n");
			this.#cookedLine = "";
			this.#typedAhead = "";
			this.onSignal(char === "\x03" ? "INT" : "QUIT");
			return;
		}
		// Nobody reads: the keys wait for whoever comes next, a program or the shell's prompt.
		if (this.#readers === 0) {
			if (this.#typedAhead.length < maxTypedAhead) this.#typedAhead += char;
			return;
		}
		this.#cook(char);
	}

	#replayCooked(): void {
		const keys = this.#typedAhead;
		this.#typedAhead = "";
		for (const char of keys) this.#cook(char);
	}

	#cook(char: string): void {
		if (char === "\r" || char === "\n") {
			this.#echo("\r\n");
			this.#enter(`${this.#cookedLine}\n`);
		} else if (char === "\x04") {
			this.#enter(this.#cookedLine);
		} else if (char === "\x7f" || char === "\b") {
			if (this.#cookedLine === "") return;
			this.#cookedLine = [...this.#cookedLine].slice(0, -1).join("");
			this.#echo("\b \b");
		} else if (char === "\x15") {
			this.#echo("\b \b".repeat([...this.#cookedLine].length));
			this.#cookedLine = "";
		} else if ((char >= " " || char === "\t") && this.#cookedLine.length < maxLineLength) {
			this.#cookedLine += char;
			this.#echo(char);
		}
	}

	#enter(line: string): void {
		this.#cookedLine = "";
		this.#lines.push(line);
		this.#wake();
	}

	#wake(): void {
		const readers = this.#wakeReaders;
		this.#wakeReaders = [];
		for (const wake of readers) wake();
	}

	/** Keys are shown as long as the user's side takes what it is shown. */
	#echo(text: string): void {
		if (this.#unwrittenBytes < maxUnwrittenBytes) void this.#write(Buffer.from(text));
	}

	#write(chunk: Uint8Array): Promise<void> {
		if (chunk.byteLength === 0) return Promise.resolve();
		this.#unwrittenBytes += chunk.byteLength;
		const written = this.#writing.then(() => this.#output.write(chunk));
		// The user's side going away in mid-write is a hang-up, told by the end of its keys.
		this.#writing = written
			.catch(() => undefined)
			.then(() => {
				this.#unwrittenBytes -= chunk.byteLength;
			});
		return this.#writing;
	}
}

function addCarriageReturns(chunk: Uint8Array): Uint8Array {
	if (!chunk.includes(10)) return chunk;
	return Buffer.from(Buffer.from(chunk).toString("latin1").replaceAll("\n", "\r\n"), "latin1");
}
