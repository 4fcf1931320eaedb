/**
 * Asks kubectl how a line goes on, as its completion scripts do: cobra's hidden command `__completeNoDesc`
 * (https://github.com/spf13/cobra/blob/main/site/content/completions/_index.md). It asks the cluster for names, under an agent of its own, so that
 * no check takes what Tab asked for what the learner did.
 */
import { spawn } from "node:child_process";
import type { AuditEvent } from "../../cluster/index.ts";
import { findProgram } from "./shell.ts";

/** kubectl calls itself in requests by the name that it was started by. */
const agent = "kubesim-complete";

/** cobra's ShellCompDirective: bits of the number that ends an answer. */
export const directives = { error: 1, noSpace: 2, noFiles: 4, extensions: 8, directories: 16 } as const;

/** Of an answer; names of a cluster's objects can be many. */
const maxAnswerLength = 1_000_000;

export interface KubectlAnswer {
	/** What the last word may be; with `directives.extensions` how names of files may end. */
	readonly candidates: readonly string[];
	/** A sum of `directives`. */
	readonly directive: number;
}

export interface CompletionPlace {
	readonly env: NodeJS.ProcessEnv;
	/** Where commands run. */
	readonly directory: string;
	/** Ends what asks. */
	readonly signal: AbortSignal;
}

/** @param words after `kubectl`; the last one is the one to go on with, "" if none of it is typed. Undefined if there is no answer. */
export function askKubectl(words: readonly string[], { env, directory, signal }: CompletionPlace): Promise<KubectlAnswer | undefined> {
	const program = findProgram("kubectl", env);
	return new Promise((resolve) => {
		if (program === undefined || signal.aborted) return resolve(undefined);
		const child = spawn(program, ["__completeNoDesc", ...words], {
			argv0: agent,
			cwd: directory,
			// Advice is not for this command line.
			env: { ...env, COBRA_ACTIVE_HELP: "0" },
			signal,
			killSignal: "SIGKILL",
			stdio: ["ignore", "pipe", "ignore"],
		});
		let said = "";
		child.stdout.setEncoding("utf8").on("data", (text: string) => {
			said = (said + text).slice(0, maxAnswerLength);
		});
		child.on("error", () => resolve(undefined));
		child.once("close", () => resolve(parseAnswer(said)));
		// What a wrapper started may hold the pipe open.
		signal.addEventListener("abort", () => resolve(undefined), { once: true });
	});
}

/** Whether it was Tab that asked. */
export function isOfCompletion({ userAgent = "" }: AuditEvent): boolean {
	return userAgent.startsWith(`${agent}/`);
}

/** A candidate a line, and at the end `:DIRECTIVE`. */
function parseAnswer(said: string): KubectlAnswer | undefined {
	const lines = said.trimEnd().split("\n");
	const end = /^:(\d+)$/.exec(lines.at(-1) ?? "");
	if (end === null) return undefined;
	const directive = Number(end[1]);
	return (directive & directives.error) === 0 ? { candidates: lines.slice(0, -1).filter((line) => line !== ""), directive } : undefined;
}
