/** What makes any terminal one of the lesson's: a file to be read by a shell, with what commands in the lesson find in their environment. */
import { writeFileSync } from "node:fs";
import { delimiter } from "node:path";
import { shellWord } from "../../apimachinery/shell-word.ts";

export interface SecondTerminal {
	/** The environment of the lesson's commands, and what it was made from. */
	readonly env: NodeJS.ProcessEnv;
	readonly base: NodeJS.ProcessEnv;
	readonly workDirectory: string;
}

/** For sh, bash, zsh and fish. */
export function writeSecondTerminal(file: string, { env, base, workDirectory }: SecondTerminal): void {
	const lines = Object.entries(env).flatMap(([name, value = ""]) => {
		if (value === base[name]) return [];
		// What the other terminal finds on its PATH stays there.
		const end = `${delimiter}${base.PATH}`;
		if (name === "PATH" && value.endsWith(end)) return [`export PATH=${shellWord(value.slice(0, -end.length))}${delimiter}"$PATH"`];
		return [`export ${name}=${shellWord(value)}`];
	});
	writeFileSync(file, [...lines, `cd ${shellWord(workDirectory)}`, ""].join("\n"));
}
