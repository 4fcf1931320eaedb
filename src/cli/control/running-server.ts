/** Asks the server of a cluster that runs. */
import { ClusterDirectory } from "../cluster-directory.ts";
import { commandOn } from "../cluster-name.ts";
import { CliError } from "../errors.ts";
import { callServer } from "./control-client.ts";
import { controlSocketIn } from "./control-socket.ts";

/** Rejects with a `CliError`, also if it does not run. */
export async function askCluster<T>(name: string, method: string, params: Readonly<Record<string, unknown>> = {}): Promise<T> {
	return callServer<T>(controlSocketOf(name), method, params);
}

/** Where the server of a cluster listens for commands. Throws a `CliError` if it does not run. */
export function controlSocketOf(name: string): string {
	const directory = ClusterDirectory.existing(name);
	if (directory.runningServer() === undefined)
		throw new CliError(`cluster ${name} does not run`, { hint: `Start it: ${commandOn(name, "start")}` });
	return controlSocketIn(directory.path);
}
