/** A terminal without a window, for tests: what a program writes is laid out by xterm's own emulator, and keys are typed. */
import { PassThrough, Writable } from "node:stream";
import { isDeepStrictEqual } from "node:util";
import xterm from "@xterm/headless";

export class VirtualTerminal {
	readonly input: NodeJS.ReadStream;
	readonly output: NodeJS.WriteStream;
	/** All that was written so far. */
	writtenBytes = 0;
	/** Called when something written is on the screen: for what is there too shortly to be found by looking now and then. */
	onWritten: (() => void) | undefined;
	readonly #keys = new PassThrough();
	readonly #terminal: xterm.Terminal;

	constructor(columns = 80, rows = 24) {
		const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true, convertEol: true });
		this.#terminal = terminal;
		const output = new Writable({
			write: (chunk: Buffer, _encoding, done) => {
				this.writtenBytes += chunk.length;
				terminal.write(chunk, () => {
					done();
					this.onWritten?.();
				});
			},
		});
		this.output = Object.assign(output, { columns, rows, isTTY: true, getColorDepth: () => 8 }) as unknown as NodeJS.WriteStream;
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
		return Array.from(
			{ length: this.#terminal.rows },
			(_, row) =>
				active
					.getLine(active.viewportY + row)
					?.translateToString(true)
					.trimEnd() ?? "",
		);
	}

	/** What each row shows, piece by piece: cells that look the same and follow each other. */
	runs(): readonly (readonly Run[])[] {
		const { active } = this.#terminal.buffer;
		return Array.from({ length: this.#terminal.rows }, (_, row) => runsOf(active.getLine(active.viewportY + row)));
	}

	get isAlternate(): boolean {
		return this.#terminal.buffer.active.type === "alternate";
	}
}

/** Cells of a row that look the same. */
export interface Run {
	readonly text: string;
	/** Of xterm's 256; undefined: the terminal's own. Both sorts of true colour and any background are "other". */
	readonly color: number | "other" | undefined;
	readonly isFaint: boolean;
	readonly isInverse: boolean;
}

function runsOf(line: xterm.IBufferLine | undefined): Run[] {
	const runs: { text: string; look: Omit<Run, "text"> }[] = [];
	for (let column = 0; column < (line?.length ?? 0); column++) {
		const cell = line?.getCell(column);
		if (cell === undefined || cell.getWidth() === 0) continue;
		const look = { color: colorOf(cell), isFaint: cell.isDim() !== 0, isInverse: cell.isInverse() !== 0 };
		const text = cell.getChars() || " ";
		const last = runs.at(-1);
		if (last !== undefined && isDeepStrictEqual(last.look, look)) last.text += text;
		else runs.push({ text, look });
	}
	return runs.map(({ text, look }) => ({ text, ...look }));
}

function colorOf(cell: xterm.IBufferCell): Run["color"] {
	if (!cell.isBgDefault() || cell.isFgRGB()) return "other";
	return cell.isFgDefault() ? undefined : cell.getFgColor();
}
