/**
 * Makes a lesson's cluster one that `kubesim` finds by its usual name, in the lesson's own shell and nowhere else: `kubesim node stop node-2`
 * there means the lesson's node.
 *
 *   <lesson>/clusters/kubesim   what a cluster's directory has (cluster-directory.ts), KUBESIM_HOME of the lesson's shell
 *           /bin/kubesim        this program, first on its PATH
 *           /solution/kubectl   what stands in for kubectl, on the PATH of typed solutions only, and only where there is none
 */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { WallClock } from "../apimachinery/clock/wall-clock.ts";
import { shellWord } from "../apimachinery/shell-word.ts";
import { formatTime } from "../apimachinery/time.ts";
import type { Cluster } from "../cluster/index.ts";
import { standaloneKubeconfig } from "../cluster/kubeconfig-entry.ts";
import { ownIdentity } from "../cluster/process-identity.ts";
import type { Beside, Surroundings } from "../tutorials/index.ts";
import { type ClusterConfig, ClusterDirectory } from "./cluster-directory.ts";
import { contextName, defaultClusterName } from "./cluster-name.ts";
import { serveControl } from "./control/control-server.ts";
import { controlSocketIn } from "./control/control-socket.ts";
import { controllerMethods } from "./control/controller-methods.ts";
import { imageMethods } from "./control/image-methods.ts";
import { nodeMethods } from "./control/node-methods.ts";
import { schedulerMethods } from "./control/scheduler-methods.ts";
import { standInCommand } from "./stand-in-command.ts";
import { StoreAccess } from "./store-access.ts";

/** @param command what runs this program: node and the script. */
export function lessonSurroundings(command: readonly string[] = [process.execPath, process.argv[1] ?? ""]): Surroundings {
	return {
		env: (directory, env) => {
			writeCommand(join(directory, "bin"), "kubesim", command);
			return { KUBESIM_HOME: homeIn(directory), PATH: [join(directory, "bin"), env.PATH].join(delimiter) };
		},
		solutionEnv: (directory, env) => {
			writeCommand(join(directory, "solution"), "kubectl", [...command, standInCommand, "--"]);
			return { PATH: [join(directory, "solution"), env.PATH].join(delimiter) };
		},
		open: async (cluster, { directory, url }) => await openBeside(cluster, homeIn(directory), url),
	};
}

const homeIn = (directory: string) => join(directory, "clusters");

async function openBeside(cluster: Cluster, home: string, url: string): Promise<Beside> {
	const directory = new ClusterDirectory(defaultClusterName, home);
	mkdirSync(directory.path, { recursive: true, mode: 0o700 });
	const config: ClusterConfig = { name: defaultClusterName, dataDir: directory.path, nodes: 0, port: 0, speed: 1, ephemeral: false };
	directory.writeConfig(config);
	const entry = { name: contextName(defaultClusterName), server: url, ...cluster.adminCredentials() };
	writeFileSync(directory.kubeconfigFile, standaloneKubeconfig(entry), { mode: 0o600 });
	directory.writeServer({ ...ownIdentity(), url, startedAt: formatTime(new WallClock().now()) });
	const store = new StoreAccess(cluster, directory, config);
	const methods = {
		...store.methods,
		...controllerMethods(cluster),
		...imageMethods(cluster),
		...nodeMethods(cluster),
		...schedulerMethods(cluster),
		/** Opens the etcd API on a port that is free. */
		"store.serve": () => store.open(),
		/** What a node's own administrator did: files on it are not in the store. */
		"node.run": async ({ node, script }: Readonly<Record<string, unknown>>) => {
			const { exitCode, stderr } = await cluster.nodes.run(String(node), String(script));
			if (exitCode !== 0) throw new Error(`the script on ${String(node)} exited with ${exitCode}: ${stderr.trim()}`);
		},
	};
	const control = await serveControl(controlSocketIn(directory.path), methods, (request, streams, signal) =>
		cluster.nodes.exec(request.node, request, streams, signal),
	);
	return {
		methods,
		close: async () => {
			await control.close();
			directory.removeServer();
		},
	};
}

function writeCommand(directory: string, name: string, command: readonly string[]): void {
	mkdirSync(directory, { recursive: true });
	const path = join(directory, name);
	const words = command.map(shellWord).join(" ");
	writeFileSync(path, `#!/bin/sh\nexec ${words} "$@"\n`);
	chmodSync(path, 0o755);
}
