/** `kubesim serve` (hidden): the server that `kubesim start` puts in the background. Reports to its parent over IPC. */
import { type ClusterConfig, ClusterDirectory } from "../cluster-directory.ts";
import { CliError } from "../errors.ts";
import { runServer } from "../server.ts";
import type { ServerMessage } from "../server-messages.ts";

export async function serve(options: { readonly name: string }): Promise<void> {
	const directory = new ClusterDirectory(options.name);
	const config = process.env.KUBESIM_SERVE === undefined ? directory.config() : (JSON.parse(process.env.KUBESIM_SERVE) as ClusterConfig);
	if (config === undefined) throw new CliError(`there is no cluster ${options.name}`, { hint: "kubesim start makes one." });
	const report = (message: ServerMessage) => {
		if (process.connected) process.send?.(message);
	};
	try {
		const server = await runServer(directory, config, report);
		for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void server.stop());
		await server.ended;
	} catch (error) {
		const [message, hint] =
			error instanceof CliError ? [error.message, error.hint] : [describe(error), `The server's log: ${directory.logFile}`];
		report({ type: "failed", message, hint });
		throw error;
	}
}

function describe(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}
