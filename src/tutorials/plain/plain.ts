/**
 * A lesson as linear text: what is said once stays said, nothing moves. For screen readers, logs, CI and terminals that can do no more.
 * Lines that begin with a colon are for the lesson, others are for the shell.
 */
import { createInterface, type Interface } from "node:readline";
import type { TaskStep } from "../engine/lesson.ts";
import { LessonSession, type SessionOptions } from "../engine/session.ts";
import { SessionError } from "../engine/session-error.ts";
import type { SessionState } from "../engine/session-state.ts";
import type { Language, Text } from "../engine/text.ts";
import { wantsTerminal } from "../engine/wants-terminal.ts";
import { markdown } from "../text/markdown.ts";
import { clockText, stepText, type Word, wordsIn } from "./words.ts";

export interface PlainOptions extends SessionOptions {
	readonly language: Language;
	readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
	/** `columns`: how wide it is; default 80. */
	readonly output: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
	/** How the lesson is gone on with: `kubesim learn 3.3.1`. */
	readonly resumeCommand: string;
}

/** Resolves when the lesson is over, or the learner has left it. */
export async function runPlain(options: PlainOptions): Promise<void> {
	const run = new PlainRun(options);
	await run.go();
}

/** Of a terminal that does not say, and of what is no terminal. */
const usualColumns = 80;

class PlainRun {
	readonly #options: PlainOptions;
	readonly #say: (text: string) => void;
	readonly #word: (word: Word) => string;
	/** Whether Ctrl-C ended the command that ran last. */
	#isInterrupted = false;
	/** Whether the learner was told that the cluster's clock is another one than kubectl's. */
	#knowsOfClock = false;

	constructor(options: PlainOptions) {
		this.#options = options;
		this.#say = (text) => options.output.write(text);
		this.#word = wordsIn(options.language);
	}

	async go(): Promise<void> {
		const { lesson, input, output, language, resumeCommand } = this.#options;
		this.#say(`${lesson.section} ${lesson.title[language]} (${lesson.minutes} ${this.#word("minutes")})\n${this.#word("starting")}\n`);
		const session = await LessonSession.open(this.#options);
		const lines = createInterface({ input, output, terminal: input.isTTY === true && output.isTTY === true });
		const reader = new LineReader(lines);
		lines.on("SIGINT", () => {
			if (session.state.running === undefined) reader.end();
			else {
				this.#isInterrupted = true;
				session.interrupt();
			}
		});
		const onHangUp = () => {
			session.interrupt();
			reader.end();
		};
		process.once("SIGTERM", onHangUp).once("SIGHUP", onHangUp);
		session.subscribe((event) => {
			if (event.type === "output") this.#say(event.text);
			if (event.type === "typing") this.#say(`$ ${event.command}\n`);
		});
		try {
			this.#introduce(session.state);
			while (session.state.phase !== "finished" && (await this.#step(session, reader)));
			this.#say(session.state.phase === "finished" ? `\n${this.#word("lessonDone")}\n` : `\n${this.#word("kept")} ${resumeCommand}\n`);
		} finally {
			process.off("SIGTERM", onHangUp).off("SIGHUP", onHangUp);
			lines.close();
			await session.close();
		}
	}

	#introduce({ hasKubectl, secondTerminal }: SessionState): void {
		if (!hasKubectl) this.#say(`${this.#word("noKubectl")}\n`);
		this.#say(`${this.#word("secondTerminal")} ${secondTerminal}\n`);
	}

	/** Resolves to whether the lesson goes on. */
	async #step(session: LessonSession, reader: LineReader): Promise<boolean> {
		this.#showStep(session.state);
		const { step } = session.state;
		while (session.state.phase === "open" && session.state.step === step) {
			const line = await Promise.race([reader.next(`${session.state.lesson.section}> `), whenOver(session)]);
			if (line === "over") break;
			if (line === undefined) return false;
			if (line.trim() === ":quit") return false;
			try {
				await this.#take(session, line.trim());
			} catch (error) {
				if (!(error instanceof SessionError)) throw error;
				this.#say(`${this.#text(error.text)}\n`);
			}
		}
		if (session.state.phase === "done") {
			this.#showEnd(session.state);
			await session.next();
		}
		return true;
	}

	async #take(session: LessonSession, line: string): Promise<void> {
		const { step } = session.state;
		switch (line) {
			case ":hint": {
				session.hint();
				const { hints, hintsLeft } = session.state;
				const last = hints.at(-1);
				this.#say(last === undefined ? `${this.#word("noHints")}\n` : `${this.#word("hint")}: ${this.#text(last)}\n`);
				if (last !== undefined && hintsLeft === 0) this.#say(`${this.#word("noHints")}\n`);
				return;
			}
			case ":check":
				return this.#showChecks(session.state);
			case ":show":
				return await session.showMe();
			case ":skip":
				return await session.skip();
			case ":reset":
				await session.reset();
				this.#say(`${this.#word("resetDone")}\n`);
				return;
			default:
		}
		if (line.startsWith(":")) return this.#say(`${this.#word("unknownCommand")} ${line}\n`);
		if (step.kind === "read" && line === "") return await session.next();
		if (step.kind === "predict" && /^\d+$/.test(line)) return session.answer(Number(line) - 1);
		if (step.kind === "order" && /^\d+([\s,]+\d+)*$/.test(line)) {
			if (!session.order(line.split(/[\s,]+/).map((each) => Number(each) - 1)))
				this.#say(`${session.state.lastOrder?.inPlace ?? 0} ${this.#word("inPlace")}\n`);
			return;
		}
		if (line === "") return;
		this.#isInterrupted = false;
		const record = await session.run(line, { hasTerminal: this.#options.input.isTTY === true && wantsTerminal(line) });
		if (record.exitCode !== 0 && !this.#isInterrupted) this.#say(`(${this.#word("exited")} ${record.exitCode})\n`);
		this.#tellOfClock(session.state);
		if (session.state.isKubeconfigBroken) this.#say(`${this.#word("kubeconfigBroken")}\n`);
		// The checks of what a command did are looked at before the next one is asked for.
		if (session.state.phase === "open" && session.state.checks.length > 0) await session.look();
	}

	/** Once is enough. */
	#tellOfClock({ clockAheadMs }: SessionState): void {
		if (clockAheadMs === 0 || this.#knowsOfClock) return;
		this.#knowsOfClock = true;
		this.#say(`${clockText(clockAheadMs, this.#options.language)}\n`);
	}

	#showStep({ step, stepIndex, lesson, shuffled }: SessionState): void {
		const head = `${stepText(stepIndex + 1, lesson.steps.length, this.#options.language)} · ${this.#word(step.kind)}`;
		this.#say(`\n== ${head}: ${this.#text(step.title)} ==\n\n${this.#laidOut(step.text)}\n\n`);
		switch (step.kind) {
			case "read":
				this.#say(`${this.#word("pressEnter")}\n`);
				break;
			case "predict":
				for (const [index, { text }] of step.options.entries()) this.#say(`  ${index + 1}. ${this.#text(text)}\n`);
				this.#say(`${this.#word("chooseOne")}\n`);
				break;
			case "order":
				for (const [index, place] of shuffled.entries()) {
					const item = step.items[place];
					if (item !== undefined) this.#say(`  ${index + 1}. ${this.#text(item)}\n`);
				}
				this.#say(`${this.#word("putInOrder")}\n`);
				break;
			default:
				this.#say(`${this.#word("typeCommands")}\n`);
		}
	}

	#showChecks({ checks }: SessionState): void {
		for (const { isMet, expected, saw } of checks) {
			this.#say(`${isMet ? "[x]" : "[ ]"} ${this.#word("expected")}: ${this.#text(expected)}\n`);
			if (!isMet) this.#say(`    ${this.#word("saw")}: ${this.#text(saw)}\n`);
		}
	}

	#showEnd({ step, chosen, outcomes }: SessionState): void {
		if (step.kind === "predict") {
			const right = step.options.find(({ isRight }) => isRight);
			const own = chosen === undefined ? undefined : step.options[chosen];
			if (own !== undefined) this.#say(`${this.#word(own.isRight ? "right" : "notRight")} ${this.#text(own.why)}\n`);
			if (own !== right && right !== undefined)
				this.#say(`${this.#word("rightOneIs")} ${this.#text(right.text)}\n${this.#text(right.why)}\n`);
			return;
		}
		if (step.kind === "read") return;
		this.#say(`[x] ${this.#word(outcomes[step.id] ?? "done")}\n`);
		const why = step.kind === "order" ? step.why : (step as TaskStep).why;
		if (why !== undefined) this.#say(`\n${this.#laidOut(why)}\n`);
	}

	#text(text: Text): string {
		return text[this.#options.language];
	}

	/** Laid out for the terminal, with its marks as they are written. */
	#laidOut(text: Text): string {
		const { columns = usualColumns } = this.#options.output;
		return markdown(this.#text(text), columns, "written")
			.map((line) => line.map((span) => span.text).join(""))
			.join("\n");
	}
}

/** The step may be over while nothing is typed: by what a second terminal did, or by itself. */
async function whenOver(session: LessonSession): Promise<"over"> {
	await session.until(({ phase }) => phase !== "open" && phase !== "preparing");
	return "over";
}

/** Lines as they are asked for; those that came early wait. */
class LineReader {
	readonly #lines: Interface;
	readonly #waiting: string[] = [];
	#isEnded = false;
	#wake: () => void = () => undefined;
	#asked: Promise<string | undefined> | undefined;

	constructor(lines: Interface) {
		this.#lines = lines;
		lines.on("line", (line) => {
			this.#waiting.push(line);
			this.#wake();
		});
		lines.on("close", () => this.end());
	}

	/** Undefined: there are no more. A line that nobody waited for in the end is the next one's. */
	next(prompt: string): Promise<string | undefined> {
		if (this.#lines.terminal && !this.#isEnded) {
			this.#lines.setPrompt(prompt);
			this.#lines.prompt(true);
		}
		this.#asked ??= this.#take().finally(() => {
			this.#asked = undefined;
		});
		return this.#asked;
	}

	end(): void {
		this.#isEnded = true;
		this.#wake();
	}

	async #take(): Promise<string | undefined> {
		while (this.#waiting.length === 0) {
			if (this.#isEnded) return undefined;
			await new Promise<void>((resolve) => {
				this.#wake = resolve;
			});
		}
		return this.#waiting.shift();
	}
}
