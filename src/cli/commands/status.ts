/** `kubesim status`: exit code 0 when it runs, 1 when it runs and is not ready, 3 when it is stopped (as `systemctl status` has it). */
import { ClusterDirectory } from "../cluster-directory.ts";
import { type ClusterStatus, statusOf } from "../cluster-status.ts";

const exitCodes: Readonly<Record<ClusterStatus["state"], number>> = { running: 0, "not ready": 1, stopped: 3 };

export async function status(options: { readonly name: string; readonly output?: "json" }): Promise<void> {
	const found = await statusOf(ClusterDirectory.existing(options.name));
	process.exitCode = exitCodes[found.state];
	process.stdout.write(options.output === "json" ? `${JSON.stringify(found)}\n` : describe(found));
}

function describe(found: ClusterStatus): string {
	const rows: readonly [string, string | undefined][] = [
		["name", found.name],
		["state", found.state],
		["server", found.server],
		["nodes", String(found.nodes)],
		["pid", found.pid?.toString()],
		["since", found.startedAt],
		["memory", found.memoryBytes === undefined ? undefined : `${Math.round(found.memoryBytes / 2 ** 20)} MiB`],
		["context", found.context],
		["directory", found.directory],
		["data", found.dataDir === found.directory ? undefined : found.dataDir],
	];
	return rows.map(([key, value]) => (value === undefined ? "" : `${key.padEnd(10)} ${value}\n`)).join("");
}
