/** Files that flags of a start name. */
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { CliError, messageOf } from "./errors.ts";

/** Throws a CliError for one that can't be read. */
export function readFlagFile(file: string, flag: string): string {
	try {
		return readFileSync(file, "utf8");
	} catch (error) {
		throw new CliError(`can't read ${file}: ${messageOf(error)}`, { hint: `${flag} names a file.`, cause: error });
	}
}

/** Throws a CliError, also for one that is no YAML. */
export function readFlagYaml(file: string, flag: string): unknown {
	const text = readFlagFile(file, flag);
	try {
		return parse(text);
	} catch (error) {
		throw new CliError(`${file} is no YAML: ${messageOf(error)}`, { hint: `${flag} names a file in YAML or JSON.`, cause: error });
	}
}
