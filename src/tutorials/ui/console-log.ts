/**
 * What commands said, as lines of a screen: bounded, without the control sequences that would move somebody else's cursor.
 */
const maxLines = 1_000;
const maxLineLength = 4_000;
// Colours and cursor movements (ECMA-48), titles (OSC), and what else begins with ESC.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const controlSequence = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const controlCharacter = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;

export interface ConsoleLine {
	readonly text: string;
	readonly isCommand: boolean;
}

export class ConsoleLog {
	#lines: readonly ConsoleLine[] = [];
	/** Whether the last line goes on. */
	#isOpen = false;

	get lines(): readonly ConsoleLine[] {
		// What ends with a line feed has begun a line in which nothing is said yet.
		const isBegun = this.#isOpen && this.#lines.at(-1)?.text === "";
		return isBegun ? this.#lines.slice(0, -1) : this.#lines;
	}

	/** A command of several lines goes on after `> `, as a shell's does. */
	command(text: string): void {
		this.#lines = this.lines;
		this.#isOpen = false;
		const [first = "", ...rest] = text.trimEnd().replaceAll("\t", "        ").split("\n");
		this.#add({ text: first, isCommand: true });
		for (const line of rest) this.#add({ text: `> ${line}`, isCommand: false });
	}

	output(text: string): void {
		const clean = text.replace(controlSequence, "").replaceAll("\r\n", "\n").replaceAll("\t", "        ");
		const [first = "", ...rest] = clean.split("\n");
		this.#append(first);
		for (const line of rest) {
			this.#isOpen = false;
			this.#append(line);
		}
	}

	clear(): void {
		this.#lines = [];
		this.#isOpen = false;
	}

	#append(text: string): void {
		// A carriage return begins the line anew, as progress bars do.
		const said = text.includes("\r") ? (text.split("\r").at(-1) ?? "") : text;
		const visible = said.replace(controlCharacter, "");
		const last = this.#lines.at(-1);
		if (this.#isOpen && last !== undefined) {
			const joined = text.includes("\r") ? visible : `${last.text}${visible}`;
			this.#lines = [...this.#lines.slice(0, -1), { ...last, text: joined.slice(0, maxLineLength) }];
		} else {
			this.#isOpen = true;
			this.#add({ text: visible.slice(0, maxLineLength), isCommand: false });
		}
	}

	#add(line: ConsoleLine): void {
		this.#lines = [...this.#lines.slice(-(maxLines - 1)), line];
	}
}
