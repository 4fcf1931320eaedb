/** `kubesim audit`: what is recorded of requests. */
import { existsSync } from "node:fs";
import { ClusterDirectory } from "../cluster-directory.ts";
import { commandOn } from "../cluster-name.ts";
import { CliError } from "../errors.ts";
import { printFile } from "./logs.ts";

/** Prints the audit log; with `follow`, what is added to it, until the user has seen enough. */
export function audit(options: { readonly name: string; readonly follow?: boolean; readonly tail?: number }): void {
	const path = ClusterDirectory.existing(options.name).config()?.audit?.logPath;
	if (path === undefined || path === "-") {
		throw new CliError(`cluster ${options.name} writes no audit log`, {
			hint: `${commandOn(options.name, "start")} --audit-policy-file POLICY --audit-log-path FILE`,
		});
	}
	if (!existsSync(path)) throw new CliError(`there is nothing at ${path} yet`, { hint: commandOn(options.name, "start") });
	printFile(path, options);
}
