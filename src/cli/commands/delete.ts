/** `kubesim delete`: ends a cluster and removes its data and its context. */
import { existsSync } from "node:fs";
import { WallClock } from "../../apimachinery/clock/wall-clock.ts";
import { ClusterDirectory } from "../cluster-directory.ts";
import { contextName } from "../cluster-name.ts";
import { CommandLock } from "../command-lock.ts";
import { removeFromKubeconfigs } from "../kubeconfig-file.ts";
import { Progress } from "../progress.ts";
import { stopServer } from "../stop-server.ts";

export async function deleteCluster({ name }: { readonly name: string }): Promise<void> {
	const directory = new ClusterDirectory(name);
	// What a first start that crashed left behind is no cluster yet, and can be deleted all the same.
	if (!existsSync(directory.path)) ClusterDirectory.existing(name);
	const clock = new WallClock();
	const progress = new Progress(clock);
	const etcd = directory.config()?.store?.endpoints;
	const lock = await CommandLock.acquire(directory.lockFile, { clock, onWait: () => progress.show("waiting for another kubesim command") });
	try {
		progress.show(`stopping cluster ${name}`);
		await stopServer(directory, clock);
		progress.show(`deleting cluster ${name}`);
		// The context first: should that fail, nothing is lost yet.
		await removeFromKubeconfigs(contextName(name), clock);
		directory.remove();
	} finally {
		lock.release();
		progress.clear();
	}
	const what = etcd === undefined ? `with its data and its context` : `with its context`;
	process.stdout.write(`Cluster ${name} is deleted, ${what} in the kubeconfig.\n`);
	if (etcd !== undefined) process.stdout.write(`Its objects stay in etcd at ${etcd.join(",")}, below /registry/.\n`);
}
