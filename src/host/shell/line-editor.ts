/**
 * The line a user edits at a prompt: keys in, terminal output out. A pure state machine; the terminal feeds it.
 * Keys: Backspace, Delete, arrows, Home and End, Ctrl-A E B F K U W L D C, Up and Down through the history.
 * A line longer than the window is drawn on one row only.
 */

/** Characters that a line may have; more is not taken. */
const maxLineLength = 4096;
/** Lines the history keeps. */
export const maxHistoryLines = 500;

/** How the editing of a line ended. */
export type EditResult =
	| { readonly type: "line"; readonly text: string }
	/** Ctrl-D on an empty line. */
	| { readonly type: "eof" }
	/** Ctrl-C. */
	| { readonly type: "interrupt" };

export class LineEditor {
	readonly #prompt: string;
	readonly #history: readonly string[];
	/** Characters of the line. */
	#line: string[] = [];
	/** `0 <= cursor <= line.length` */
	#cursor = 0;
	/** Index into the history; `history.length` is the line being typed. */
	#historyAt: number;
	#draft: string[] = [];
	#escape = "";
	#output = "";
	#result: EditResult | undefined;

	constructor(prompt: string, history: readonly string[]) {
		this.#prompt = prompt;
		this.#history = history;
		this.#historyAt = history.length;
	}

	/** Set once the line is done; keys after that are not the editor's. */
	get result(): EditResult | undefined {
		return this.#result;
	}

	/** Takes one character (or control character) and returns what the terminal is to show. */
	feed(char: string): string {
		this.#output = "";
		if (this.#escape !== "" || char === "\x1b") this.#escapeKey(char);
		else this.#key(char);
		return this.#output;
	}

	#key(char: string): void {
		switch (char) {
			case "\r":
			case "\n":
				this.#finish({ type: "line", text: this.#line.join("") }, "\r\n");
				return;
			case "\x03":
				this.#finish({ type: "interrupt" }, "^C\r\n");
				return;
			case "\x04":
				if (this.#line.length === 0) this.#finish({ type: "eof" }, "");
				else this.#delete(this.#cursor, this.#cursor + 1);
				return;
			case "\x7f":
			case "\b":
				this.#delete(this.#cursor - 1, this.#cursor);
				return;
			case "\x01":
				this.#move(0);
				return;
			case "\x05":
				this.#move(this.#line.length);
				return;
			case "\x02":
				this.#move(this.#cursor - 1);
				return;
			case "\x06":
				this.#move(this.#cursor + 1);
				return;
			case "\x0b":
				this.#delete(this.#cursor, this.#line.length);
				return;
			case "\x15":
				this.#delete(0, this.#cursor);
				return;
			case "\x17":
				this.#delete(this.#wordStart(), this.#cursor);
				return;
			case "\x0c":
				this.#output += "\x1b[H\x1b[2J";
				this.#draw();
				return;
			case "\x10":
				this.#recall(this.#historyAt - 1);
				return;
			case "\x0e":
				this.#recall(this.#historyAt + 1);
				return;
			default:
				if (char >= " ") this.#insert(char);
		}
	}

	/** ESC [ … letter, ESC O letter, ESC [ digits ~. */
	#escapeKey(char: string): void {
		this.#escape += char;
		if (this.#escape.length < 3 || /^\[[\d;]+$/.test(this.#escape.slice(1))) {
			if (this.#escape.length === 2 && !"[O".includes(char)) this.#escape = "";
			return;
		}
		const sequence = this.#escape.slice(2);
		this.#escape = "";
		if (sequence === "A") this.#recall(this.#historyAt - 1);
		else if (sequence === "B") this.#recall(this.#historyAt + 1);
		else if (sequence === "C") this.#move(this.#cursor + 1);
		else if (sequence === "D") this.#move(this.#cursor - 1);
		else if (sequence === "H" || sequence === "1~") this.#move(0);
		else if (sequence === "F" || sequence === "4~") this.#move(this.#line.length);
		else if (sequence === "3~") this.#delete(this.#cursor, this.#cursor + 1);
	}

	#insert(char: string): void {
		if (this.#line.length >= maxLineLength) {
			this.#output += "\x07";
			return;
		}
		const atEnd = this.#cursor === this.#line.length;
		this.#line.splice(this.#cursor++, 0, char);
		if (atEnd) this.#output += char;
		else this.#draw();
	}

	#delete(from: number, to: number): void {
		if (from < 0 || from >= this.#line.length || from === to) return;
		const isLastTyped = to === this.#line.length && to === this.#cursor && to - from === 1;
		this.#line.splice(from, to - from);
		this.#cursor = from;
		if (isLastTyped) this.#output += "\b \b";
		else this.#draw();
	}

	#move(to: number): void {
		const cursor = Math.min(Math.max(0, to), this.#line.length);
		const by = cursor - this.#cursor;
		if (by !== 0) this.#output += `\x1b[${Math.abs(by)}${by > 0 ? "C" : "D"}`;
		this.#cursor = cursor;
	}

	#recall(at: number): void {
		if (at < 0 || at > this.#history.length) return;
		if (this.#historyAt === this.#history.length) this.#draft = this.#line;
		this.#historyAt = at;
		this.#line = at === this.#history.length ? this.#draft : [...(this.#history[at] ?? "")];
		this.#cursor = this.#line.length;
		this.#draw();
	}

	#wordStart(): number {
		let at = this.#cursor;
		while (at > 0 && this.#line[at - 1] === " ") at--;
		while (at > 0 && this.#line[at - 1] !== " ") at--;
		return at;
	}

	/** Draws the row anew and puts the cursor where it belongs. */
	#draw(): void {
		const back = this.#line.length - this.#cursor;
		this.#output += `\r${this.#prompt}${this.#line.join("")}\x1b[K${back > 0 ? `\x1b[${back}D` : ""}`;
	}

	#finish(result: EditResult, output: string): void {
		this.#result = result;
		this.#output += output;
	}
}
