/** `kubesim serve` (hidden): the server that `kubesim start` puts in the background. Reports to its parent over IPC. */
import { flushCompileCache } from "node:module";
import { WallClock } from "../../apimachinery/clock/wall-clock.ts";
import { configVariable } from "../background-server.ts";
import { type ClusterConfig, ClusterDirectory } from "../cluster-directory.ts";
import { CliError, messageOf } from "../errors.ts";
import { startServer, stopOnSignals } from "../server.ts";
import { createServerLog } from "../server-log.ts";
import type { ServerMessage } from "../server-messages.ts";

export async function serve(options: { readonly name: string }): Promise<void> {
	const directory = new ClusterDirectory(options.name);
	const config = configOf(directory);
	// It has no terminal to lose.
	process.on("SIGHUP", () => undefined);
	const report = (message: ServerMessage) => {
		// The parent may be gone; the cluster is not only for it.
		if (process.connected) process.send?.(message, () => undefined);
	};
	const log = createServerLog(new WallClock(), (line) => process.stdout.write(line));
	try {
		const server = await startServer(directory, config, { log, onProgress: (text) => report({ type: "progress", text }) });
		stopOnSignals(server, ["SIGINT", "SIGTERM"]);
		report({ type: "listening", url: server.url });
		const nodes = await Promise.race([server.whenReady(), server.ended]);
		if (nodes !== undefined) {
			report({ type: "ready", nodes });
			log.info("ready", { nodes });
			// Not only when this server ends: the next start may come before, and a server that is killed keeps nothing.
			flushCompileCache();
		}
		await server.ended;
	} catch (error) {
		const isExpected = error instanceof CliError;
		report({
			type: "failed",
			message: messageOf(error),
			hint: isExpected ? error.hint : `The server's log: ${directory.logFile}`,
			isExpected,
		});
		log.error("could not start", { error: isExpected ? error.message : error instanceof Error ? (error.stack ?? error.message) : error });
		process.exitCode = 1;
	}
	// Whatever still holds the event loop: the cluster is closed, and a server that has ended does not linger.
	if (process.connected) process.disconnect();
	process.exit();
}

function configOf(directory: ClusterDirectory): ClusterConfig {
	const given = process.env[configVariable];
	const config = given === undefined ? directory.config() : (JSON.parse(given) as ClusterConfig);
	if (config !== undefined) return config;
	throw new CliError(`there is no cluster ${directory.name}`, { hint: "kubesim start makes one." });
}
