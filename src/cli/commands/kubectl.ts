/** `kubesim kubectl ARGS`: the kubectl on the PATH, pointed at one cluster whatever the current context is. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { ClusterDirectory } from "../cluster-directory.ts";
import { commandOn } from "../cluster-name.ts";
import { CliError, systemErrorCode } from "../errors.ts";

/** Exits with kubectl's own exit code; 128 + N if signal N ended it, as a shell tells it. */
export async function kubectl(args: readonly string[], { name }: { readonly name: string }): Promise<void> {
	const directory = ClusterDirectory.existing(name);
	if (directory.runningServer() === undefined)
		throw new CliError(`cluster ${name} is stopped`, { hint: `Start it: ${commandOn(name, "start")}` });
	const child = spawn("kubectl", args, { stdio: "inherit", env: { ...process.env, KUBECONFIG: directory.kubeconfigFile } });
	// Ctrl-C reaches kubectl from the terminal itself, and what it means is kubectl's business (an editor may be open).
	process.on("SIGINT", () => undefined);
	for (const signal of ["SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
	const { promise, resolve, reject } = Promise.withResolvers<number>();
	child.on("exit", (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? "SIGTERM"]));
	child.on("error", (error) => {
		const isMissing = systemErrorCode(error) === "ENOENT";
		const hint = "Install it: https://kubernetes.io/docs/tasks/tools/";
		reject(isMissing ? new CliError("there is no kubectl on the PATH", { hint, cause: error }) : error);
	});
	process.exitCode = await promise;
}
