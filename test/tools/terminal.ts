/** A real terminal: a program runs in tmux, keys are sent and the screen is read. */
import { spawnSync } from "node:child_process";
import { eventually } from "./eventually.ts";

export const hasTmux = spawnSync("tmux", ["-V"]).status === 0;

export class Terminal implements Disposable {
	readonly #socket: string;

	/** @param command one shell line. */
	constructor(command: string, { columns = 80, rows = 24 }: { readonly columns?: number; readonly rows?: number } = {}) {
		this.#socket = `kubesim-${process.pid}-${Math.random().toString(36).slice(2)}`;
		// The screen stays to be read when the program has ended.
		this.#tmux("-f", "/dev/null", "new-session", "-d", "-x", String(columns), "-y", String(rows), `${command}; exec sleep 60`);
	}

	type(text: string): void {
		this.#tmux("send-keys", "-l", text);
	}

	/** Enter, C-c, C-d, Up … in tmux's words. */
	press(...keys: readonly string[]): void {
		this.#tmux("send-keys", ...keys);
	}

	resize(columns: number, rows: number): void {
		this.#tmux("resize-window", "-x", String(columns), "-y", String(rows));
	}

	/** What the screen shows, without blank lines at its end. */
	screen(): string {
		return this.#tmux("capture-pane", "-p").trimEnd();
	}

	/** Whether anything that the screen shows has a colour. */
	get isColoured(): boolean {
		// SGR 30 to 38 and 90 to 97, of which tmux writes what the program wrote.
		// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
		return /\u001b\[(\d+;)*(3[0-8]|9[0-7])[;m]/.test(this.#tmux("capture-pane", "-e", "-p"));
	}

	/** The cursor is shown, the main screen is, and no key or click is told in a way that a program asked for. */
	get isAsItWas(): boolean {
		return (
			this.#tmux("display-message", "-p", "#{cursor_flag}#{alternate_on}#{keypad_flag}#{keypad_cursor_flag}#{mouse_any_flag}").trim() ===
			"10000"
		);
	}

	async shows(pattern: RegExp): Promise<RegExpExecArray> {
		return await eventually(() => pattern.exec(this.screen()) ?? undefined, { what: () => `${pattern} in\n${this.screen()}` });
	}

	[Symbol.dispose](): void {
		this.#tmux("kill-server");
	}

	#tmux(...args: readonly string[]): string {
		return spawnSync("tmux", ["-L", this.#socket, ...args], { encoding: "utf8" }).stdout;
	}
}
