/** `kubesim stop`: ends a cluster's server and keeps the data; an ephemeral cluster is gone with it. */
import { WallClock } from "../../apimachinery/clock/wall-clock.ts";
import { ClusterDirectory } from "../cluster-directory.ts";
import { commandOn, contextName } from "../cluster-name.ts";
import { CommandLock } from "../command-lock.ts";
import { removeFromKubeconfigs } from "../kubeconfig-file.ts";
import { Progress } from "../progress.ts";
import { stopServer } from "../stop-server.ts";

export async function stop({ name }: { readonly name: string }): Promise<void> {
	const directory = ClusterDirectory.existing(name);
	const isEphemeral = directory.config()?.ephemeral === true;
	const clock = new WallClock();
	const progress = new Progress(clock);
	const lock = await CommandLock.acquire(directory.lockFile, { clock, onWait: () => progress.show("waiting for another kubesim command") });
	let wasRunning: boolean;
	try {
		progress.show(`stopping cluster ${name}`);
		wasRunning = await stopServer(directory, clock);
		if (isEphemeral) {
			await removeFromKubeconfigs(contextName(name), clock);
			directory.remove();
		}
	} finally {
		lock.release();
		progress.clear();
	}
	const start = commandOn(name, "start");
	if (!wasRunning) process.stdout.write(`Cluster ${name} was not running.\n`);
	else if (isEphemeral) process.stdout.write(`Cluster ${name} is stopped; it was ephemeral, its data are gone.\n`);
	else process.stdout.write(`Cluster ${name} is stopped; its data are kept. ${start} brings it back.\n`);
}
