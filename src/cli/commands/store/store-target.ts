/** Which store a command is for, and how it is reached: by the server of the cluster, if that runs. */
import { ClusterDirectory } from "../../cluster-directory.ts";
import { commandOn } from "../../cluster-name.ts";
import { callServer } from "../../control/control-client.ts";
import { controlSocketIn } from "../../control/control-socket.ts";
import { CliError } from "../../errors.ts";

/** Asks the cluster's server. Rejects with a `CliError`, also if it does not run. */
export function askStore<T>(name: string, method: string, params: Readonly<Record<string, unknown>> = {}): Promise<T> {
	const directory = ClusterDirectory.existing(name);
	if (directory.runningServer() === undefined)
		throw new CliError(`cluster ${name} does not run`, { hint: `Start it: ${commandOn(name, "start")}` });
	return callServer<T>(controlSocketIn(directory.path), method, params);
}
