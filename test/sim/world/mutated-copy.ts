/** A copy of the sources with one defect, to see whether a simulation notices it. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Mutation {
	readonly name: string;
	/** Below the folder that all mutations of a simulation are in. */
	readonly file: string;
	/** There is exactly one such place. */
	readonly from: string;
	readonly to: string;
}

export interface MutatedRun {
	readonly root: string;
	readonly mutation: Mutation;
	/** Where `mutation.file` lies. */
	readonly below: string;
	/** What is needed to run. */
	readonly paths: readonly string[];
	/** Programs with their arguments, that end well if they notice nothing. */
	readonly runs: readonly (readonly string[])[];
}

/** What the runs say, one line each that noticed something. Throws if one failed otherwise. */
export function runOnMutated({ root, mutation, below, paths, runs }: MutatedRun): readonly string[] {
	const directory = mkdtempSync(join(tmpdir(), "sim-mutation-"));
	try {
		for (const path of paths) cpSync(join(root, path), join(directory, path), { recursive: true });
		const file = join(directory, below, mutation.file);
		writeFileSync(file, mutated(readFileSync(file, "utf8"), mutation));
		return runs.flatMap(([program = "", ...args]) => {
			const { status, stderr } = spawnSync(process.execPath, [join(directory, program), ...args], { encoding: "utf8" });
			if (status !== 0 && !/^(seed|scenario) /.test(stderr)) throw new Error(stderr);
			return status === 0 ? [] : [(stderr.split("\n")[0] ?? "").slice(0, 150)];
		});
	} finally {
		rmSync(directory, { recursive: true, force: true });
	}
}

/** The source with the defect. Throws if there is not exactly one place for it. */
export function mutated(source: string, { name, file, from, to }: Mutation): string {
	const [before, after, ...more] = source.split(from);
	if (before === undefined || after === undefined || more.length > 0) throw new Error(`${name}: not exactly one place in ${file}`);
	return `${before}${to}${after}`;
}
