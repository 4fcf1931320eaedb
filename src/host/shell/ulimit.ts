/** `ulimit`: the shell's own limits, which its children inherit. Source: bash(1), ulimit of busybox ash */
import type { Process } from "../process.ts";
import { limitText, parseLimit, rlimitKinds } from "../rlimits.ts";
import { ShellError, type ShellFlavor } from "./state.ts";

/** In bash's order: by letter, capitals first. */
const byLetter = [...rlimitKinds].sort((a, b) => (a.flag < b.flag ? -1 : 1));

/** What it prints. Throws ShellError. */
export function ulimit(args: readonly string[], process: Process, flavor: ShellFlavor): string {
	let side: "soft" | "hard" | "both" = "both";
	let letters = "";
	let value: string | undefined;
	for (const argument of args) {
		if (!/^-[a-zA-Z]+$/.test(argument)) {
			value = argument;
			continue;
		}
		for (const letter of argument.slice(1)) {
			if (letter === "S" || letter === "H") side = letter === "S" ? "soft" : "hard";
			else letters += letter;
		}
	}
	const shown = side === "hard" ? "hard" : "soft";
	const amount = (limit: number, factor: number) => limitText(limit === Number.POSITIVE_INFINITY ? limit : Math.floor(limit / factor));
	if (letters.includes("a")) {
		return byLetter
			.map(({ name, flag, ulimitText, ulimitUnit, ulimitFactor }) => {
				const text = amount(process.rlimit(name)[shown], ulimitFactor);
				return flavor === "bash"
					? `${ulimitText.padEnd(20)} ${`(${ulimitUnit}-${flag}) `.padStart(20)}${text}\n`
					: `-${flag}: ${ulimitText.padEnd(32)}${text}\n`;
			})
			.join("");
	}
	const letter = letters === "" ? "f" : letters.charAt(0);
	const kind = rlimitKinds.find(({ flag }) => flag === letter);
	if (kind === undefined) throw new ShellError(`ulimit: -${letter}: invalid option`, 2);
	const before = process.rlimit(kind.name);
	if (value === undefined) return `${amount(before[shown], kind.ulimitFactor)}\n`;
	const wanted = value === "hard" ? before.hard : value === "soft" ? before.soft : parseLimit(value, kind.ulimitFactor);
	if (wanted === undefined) throw new ShellError(`ulimit: ${value}: invalid number`, 1);
	const mayRaise = process.credentials.uid === 0;
	if (wanted > before.hard && !mayRaise)
		throw new ShellError(`ulimit: ${kind.ulimitText}: cannot modify limit: Operation not permitted`, 1);
	const soft = side === "hard" ? Math.min(before.soft, wanted) : wanted;
	const hard = side === "soft" ? Math.max(before.hard, wanted) : wanted;
	process.setRlimit(kind.name, { soft, hard });
	return "";
}
