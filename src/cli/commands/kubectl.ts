/** `kubesim kubectl -- ARGS`: the kubectl on the PATH, pointed at one cluster whatever the current context is. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { ClusterDirectory } from "../cluster-directory.ts";
import { CliError, systemErrorCode } from "../errors.ts";

/** Exits with kubectl's own exit code. */
export async function kubectl(args: readonly string[], options: { readonly name: string }): Promise<void> {
	const directory = new ClusterDirectory(options.name);
	if (!existsSync(directory.kubeconfigFile)) {
		throw new CliError(`there is no cluster ${options.name}`, { hint: "kubesim start makes one." });
	}
	const child = spawn("kubectl", args, { stdio: "inherit", env: { ...process.env, KUBECONFIG: directory.kubeconfigFile } });
	process.exitCode = await new Promise<number>((resolve, reject) => {
		child.on("error", (error) => {
			if (systemErrorCode(error) !== "ENOENT") reject(error);
			else
				reject(
					new CliError("there is no kubectl on the PATH", { hint: "Install it: https://kubernetes.io/docs/tasks/tools/", cause: error }),
				);
		});
		child.on("exit", (code) => resolve(code ?? 1));
	});
}
