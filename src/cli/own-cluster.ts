/**
 * A cluster of the user's own that lessons are held on (`kubesim learn --on NAME`): this process is its server meanwhile, on the port and with the
 * certificates that it has, so that everybody who knows it finds it. Its time may be hurried; it never goes back.
 */
import { appendFileSync } from "node:fs";
import { WallClock } from "../apimachinery/clock/wall-clock.ts";
import type { OwnCluster } from "../tutorials/index.ts";
import { type ClusterConfig, ClusterDirectory } from "./cluster-directory.ts";
import { commandOn } from "./cluster-name.ts";
import { CliError } from "./errors.ts";
import { startServer } from "./server.ts";
import { createServerLog } from "./server-log.ts";

/** Throws a CliError if there is none of this name, or none that lessons can be held on. */
export function ownClusterNamed(name: string): OwnCluster {
	const directory = ClusterDirectory.existing(name);
	const config = configOf(directory);
	return {
		name,
		spec: {
			nodes: config.nodes,
			storeMembers: config.members ?? 1,
			...(config.controllers === undefined ? {} : { controllers: config.controllers }),
			...(config.featureGates === undefined ? {} : { featureGates: config.featureGates }),
		},
		startedWith: (flags) => `Once: ${commandOn(name, "start")} ${flags}, and ${commandOn(name, "stop")}.`,
		open: async (options) => {
			// From one lesson to the next somebody may have started it.
			const present = configOf(directory);
			directory.create();
			const log = createServerLog(new WallClock(), (line) => appendFileSync(directory.logFile, line, { mode: 0o600 }));
			let clock: ReturnType<typeof options.clockAt> | undefined;
			const server = await startServer(directory, present, {
				...options,
				log,
				clockAt: (startMs) => {
					clock = options.clockAt(startMs);
					return clock;
				},
			});
			if (clock === undefined) throw new Error("a cluster was opened without its clock");
			await server.whenReady().catch(async (error: unknown) => {
				await server.stop();
				throw error;
			});
			return { cluster: server.cluster, clock, url: server.url, port: server.port, close: () => server.stop() };
		},
	};
}

function configOf(directory: ClusterDirectory): ClusterConfig {
	const { name } = directory;
	const config = directory.config();
	if (config === undefined) throw new CliError(`there is no cluster ${name}`, { hint: `${commandOn(name, "start")} makes one.` });
	if (directory.runningServer() !== undefined) {
		throw new CliError(`cluster ${name} is running, and a lesson runs it itself`, {
			hint: `Stop it first: ${commandOn(name, "stop")}. After the lesson ${commandOn(name, "start")} brings it back.`,
		});
	}
	const onItsOwn = "Without --on a lesson gets a cluster of its own.";
	if (config.store !== undefined)
		throw new CliError(`cluster ${name} keeps its data in an etcd, which knows no other time than the machine's`, { hint: onItsOwn });
	if (config.audit !== undefined)
		throw new CliError(`cluster ${name} has an audit policy, and a lesson needs one of its own`, { hint: onItsOwn });
	return config;
}
