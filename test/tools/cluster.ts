/**
 * A cluster in this process that listens on a port of its own, with a real kubectl pointed at it.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WallClock } from "../../src/apimachinery/clock/wall-clock.ts";
import { type Cluster, type ClusterOptions, createCluster } from "../../src/cluster/index.ts";
import { standaloneKubeconfig } from "../../src/cluster/kubeconfig-entry.ts";
import { helmPath, kubectlPath, Tool } from "./kubectl.ts";

export interface TestCluster extends AsyncDisposable {
	readonly cluster: Cluster;
	readonly url: string;
	readonly kubectl: Tool;
	readonly helm: Tool;
	readonly kubeconfig: string;
	/** What tools of a test's own need in their environment. */
	readonly env: NodeJS.ProcessEnv;
	/** A directory of this test's own. */
	readonly directory: string;
	/** Runs kubectl with arguments split at blanks and gives its stdout. */
	run(args: string, input?: string): Promise<string>;
}

/**
 * A clock that is `speed` times as fast as the machine's, for tests whose pods take their usual time. It begins an hour behind: kubectl takes
 * ages by the machine's clock, and prints `<invalid>` for what is from the future.
 * @param beforeMinuteMs how long before a full minute it begins, cluster milliseconds; undefined for anywhere
 */
export function fastClock(speed: number, beforeMinuteMs?: number): WallClock {
	const [minuteMs, hourMs] = [60_000, 3_600_000];
	const hourAgoMs = Date.now() - hourMs;
	const startMs = beforeMinuteMs === undefined ? hourAgoMs : Math.floor(hourAgoMs / minuteMs) * minuteMs - beforeMinuteMs;
	return new WallClock({ speed, startMs });
}

/** Starts it and waits until its nodes are Ready. */
export async function startTestCluster(options: ClusterOptions = {}): Promise<TestCluster> {
	const directory = mkdtempSync(join(tmpdir(), "kubesim-test-"));
	const cluster = await createCluster({ latency: "none", ...options });
	const { url } = await cluster.listen();
	const kubeconfig = join(directory, "kubeconfig");
	writeFileSync(kubeconfig, standaloneKubeconfig({ name: "kubesim", server: url, ...cluster.adminCredentials() }), { mode: 0o600 });
	await cluster.whenNodesReady();
	const env = { KUBECONFIG: kubeconfig, HOME: directory, KUBECACHEDIR: join(directory, "cache") };
	const kubectl = new Tool(kubectlPath(), env);
	return {
		cluster,
		url,
		kubectl,
		helm: new Tool(helmPath(), env),
		kubeconfig,
		env,
		directory,
		run: (args, input) => kubectl.run(args, input),
		async [Symbol.asyncDispose]() {
			await cluster.close();
			rmSync(directory, { recursive: true, force: true });
		},
	};
}
