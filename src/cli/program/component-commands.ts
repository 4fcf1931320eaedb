/** Commands on what runs in the control plane. */
import type { Command } from "commander";
import { integerBetween } from "../option-values.ts";
import { examples, nameOption, outputOption } from "./common.ts";

export function addControllers(program: Command): void {
	const controllers = program
		.command("controllers")
		.description("look at a cluster's controllers and their queues, stop and start them, and make the controller manager fail over")
		.exitOverride()
		.addHelpText("after", examples("kubesim controllers list", "kubesim controllers stop deployment", "kubesim controllers replicas 3"));
	const commands = async () => await import("../commands/controllers.ts");
	const command = (nameAndArguments: string, description: string) =>
		controllers.command(nameAndArguments).description(description).addOption(nameOption());

	command("list", "tell how each controller and its queues are")
		.addOption(outputOption())
		.action(async (options) => (await commands()).controllersList(options));
	command("stop <controller>", "stop a controller; what it would do is left undone until it is started").action(
		async (controller, options) => (await commands()).controllersStop(controller, options),
	);
	command("start <controller>", "start a controller that was stopped; it catches up").action(async (controller, options) =>
		(await commands()).controllersStart(controller, options),
	);
	command("restart <controller>", "stop a controller and start it: it forgets its queue and what it had seen").action(
		async (controller, options) => (await commands()).controllersRestart(controller, options),
	);
	command("replicas [n]", "list the replicas of the controller manager, or make it have so many; of several one leads, by a Lease")
		.addOption(outputOption())
		.action(async (count, options) =>
			(await commands()).controllersReplicas(count === undefined ? undefined : integerBetween(1, 10)(count), options),
		);
	command("kill <replica>", "kill a replica: if it led, another leads when its Lease has run out").action(async (replica, options) =>
		(await commands()).controllersKill(replica, options),
	);
}

export function addScheduler(program: Command): void {
	program
		.command("explain")
		.description("tell why something is as it is")
		.exitOverride()
		.command("pod <pod>")
		.description("tell why a pod is on its node, or on none: every verdict and score of the scheduler's attempts")
		.addOption(nameOption())
		.option("-n, --namespace <namespace>", "where the pod is", "default")
		.addOption(outputOption())
		.addHelpText("after", examples("kubesim explain pod web-0", "kubesim explain pod web-0 -n shop --output json"))
		.action(async (pod, options) => (await import("../commands/explain.ts")).explainPod(pod, options));
	program
		.command("simulate")
		.description("tell where the pods of a workload would go, without touching the cluster")
		.addOption(nameOption())
		.requiredOption(
			"-f, --filename <file>",
			"manifests of pods and workloads, and of nodes to imagine; may be given several times",
			several,
		)
		.option("--nodes <n|file>", "imagine so many nodes more, like the first that there is; or those of a manifest")
		.option("--snapshot <file>", "on the cluster in a snapshot (kubesim snapshot save, etcdctl snapshot save) instead of one that runs")
		.option("--data-dir <dir>", "on the cluster whose data are there, and that is stopped; nothing in there changes")
		.addOption(outputOption())
		.addHelpText(
			"after",
			examples(
				"kubesim simulate -f deployment.yaml",
				"kubesim simulate -f pods.yaml --nodes 10 --output json",
				"kubesim simulate -f pods.yaml --snapshot backup.db",
			),
		)
		.action(async (options) => (await import("../commands/simulate.ts")).simulate(options));
	program
		.command("scheduler")
		.description("change how a cluster's scheduler decides")
		.exitOverride()
		.command("configure <file>")
		.description("go on by a KubeSchedulerConfiguration, until the cluster stops; pods that wait are looked at anew")
		.addOption(nameOption())
		.addHelpText("after", examples("kubesim scheduler configure packing.yaml"))
		.action(async (file, options) => (await import("../commands/simulate.ts")).configureScheduler(file, options));
}

function several(value: string, before: readonly string[] = []): readonly string[] {
	return [...before, value];
}
