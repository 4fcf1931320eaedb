/** A cluster's name, and what follows from it: its context in a kubeconfig and the flag that names it on a command line. */
import { CliError } from "./errors.ts";

export const defaultClusterName = "kubesim";

/** Throws a CliError (exit code 2) for a name that can't be a directory and a kubeconfig context. */
export function checkClusterName(name: string): void {
	if (/^[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?$/.test(name)) return;
	throw new CliError(`"${name}" is not a cluster name`, {
		hint: "A name has at most 53 lower-case letters, digits and '-', and starts and ends with a letter or digit.",
		exitCode: 2,
	});
}

/** `kubesim` for the default cluster, `kubesim-NAME` for another. */
export function contextName(name: string): string {
	return name === defaultClusterName ? name : `kubesim-${name}`;
}

/** A command line on this cluster, to be typed by the user: `kubesim stop --name exam`. */
export function commandOn(name: string, command: string): string {
	return `kubesim ${command}${name === defaultClusterName ? "" : ` --name ${name}`}`;
}
