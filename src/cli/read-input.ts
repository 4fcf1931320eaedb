/** What a file argument of a command leads to. */
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { CliError, messageOf } from "./errors.ts";

/** @param file "-": standard input. Rejects with a CliError. */
export async function readInput(file: string): Promise<string> {
	try {
		return file === "-" ? await text(process.stdin) : readFileSync(file, "utf8");
	} catch (error) {
		throw new CliError(`can't read ${file}: ${messageOf(error)}`, { cause: error });
	}
}
