/** `kubesim stop` and `kubesim delete`. */
import { sleep } from "../../apimachinery/clock/clock.ts";
import { WallClock } from "../../apimachinery/clock/wall-clock.ts";
import { ClusterDirectory, contextName } from "../cluster-directory.ts";
import { CliError } from "../errors.ts";
import { removeFromKubeconfig, userKubeconfigPath } from "../kubeconfig-file.ts";

/** How long a server may take to end in order, and then to be gone after a kill. */
const stopLimitMs = 10_000;
const pollMs = 20;

/** Ends the server and waits until it is gone; the data stay. @returns whether one was running. */
export async function stopServer(directory: ClusterDirectory): Promise<boolean> {
	const record = directory.runningServer();
	if (record === undefined) {
		directory.removeServer();
		return false;
	}
	const clock = new WallClock();
	for (const signal of ["SIGTERM", "SIGKILL"] as const) {
		process.kill(record.pid, signal);
		const limitMs = clock.now() + stopLimitMs;
		while (clock.now() < limitMs) {
			if (directory.runningServer() === undefined) {
				directory.removeServer();
				return true;
			}
			await sleep(clock, pollMs);
		}
	}
	throw new CliError(`process ${record.pid} of cluster ${directory.name} does not end`, { hint: `Its log: ${directory.logFile}` });
}

function existing(name: string): ClusterDirectory {
	const directory = new ClusterDirectory(name);
	if (!directory.exists()) throw new CliError(`there is no cluster ${name}`, { hint: "kubesim list shows the ones there are." });
	return directory;
}

export async function stop(options: { readonly name: string }): Promise<void> {
	const directory = existing(options.name);
	const flag = options.name === "kubesim" ? "" : ` --name ${options.name}`;
	const wasRunning = await stopServer(directory);
	process.stdout.write(
		wasRunning
			? `Cluster ${options.name} is stopped; its data are kept. kubesim start${flag} brings it back.\n`
			: `Cluster ${options.name} was not running.\n`,
	);
}

export async function deleteCluster(options: { readonly name: string }): Promise<void> {
	const directory = existing(options.name);
	await stopServer(directory);
	removeFromKubeconfig(userKubeconfigPath(), contextName(options.name));
	directory.remove();
	process.stdout.write(`Cluster ${options.name} is deleted, with its data and its context in the kubeconfig.\n`);
}
