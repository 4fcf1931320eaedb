/** Commands on nodes, and what runs there. */
import { type Command, Option } from "commander";
import { integerBetween, nameList } from "../option-values.ts";
import { examples, nameOption, outputOption } from "./common.ts";

export function addNodes(program: Command): void {
	const node = program
		.command("node")
		.description("add simulated nodes to a cluster, take them away, and do to them what happens to machines")
		.exitOverride()
		.addHelpText(
			"after",
			examples(
				"kubesim node add --count 100 --template gpu-node.yaml --zones a,b,c",
				"kubesim node remove node-4",
				"kubesim node list",
				"kubesim node shell node-1",
				"kubesim node shell node-1 -- systemctl status kubelet",
				"kubesim node stop node-2",
				"kubesim node start node-2",
				"kubesim node reboot node-3 --graceful",
			),
		);
	const commands = async () => await import("../commands/node.ts");
	const command = (nameAndArguments: string, description: string) =>
		node.command(nameAndArguments).description(description).addOption(nameOption());

	command("add", "add nodes, each with a kubelet of its own; they are there again after a restart of the server")
		.option("--count <n>", "how many", integerBetween(1, 10_000), 1)
		.option("--template <file>", "a Node: labels, annotations, taints, capacity and name, with {n} for the node's number")
		.option("--zones <names>", "put them into these zones in turn, separated by commas", nameList)
		.action(async (options) => (await commands()).nodeAdd(options));
	command("remove [nodes...]", "take nodes away, with their kubelets; those of kubesim start --nodes come back with its next start")
		.option("-l, --selector <labels>", "those with such labels, instead of names")
		.action(async (names, options) => (await commands()).nodeRemove(names, options));
	command("list", "show the nodes")
		.addOption(outputOption())
		.action(async (options) => (await commands()).nodeList(options));
	command("shell <node> [command...]", "a shell on a node, or one command there, with its exit code").action(
		async (nodeName, words, options) => (await import("../commands/node-shell.ts")).nodeShell(nodeName, words, options),
	);
	const graceful = () => new Option("--graceful", "tell its kubelet, which ends pods before: as long as it is set up for, or 30 s at most");
	command("stop <node>", "turn a node off: it answers no more, and after a while the cluster gives it up")
		.addOption(graceful())
		.action(async (nodeName, options) => (await commands()).nodeStop(nodeName, options));
	command("start <node>", "turn a node on that is off: its pods' containers start anew").action(async (nodeName, options) =>
		(await commands()).nodeStart(nodeName, options),
	);
	command("reboot <node>", "turn a node off and on again")
		.addOption(graceful())
		.action(async (nodeName, options) => (await commands()).nodeReboot(nodeName, options));
	command("isolate <node>", "cut a node off from the API: its kubelet falls silent, and what runs on it goes on").action(
		async (nodeName, options) => (await commands()).nodeIsolate(nodeName, options),
	);
	command("pressure <memory|disk|pid> <node>", "make a node short of something, beside what its pods take").action(
		async (resource, nodeName, options) => (await commands()).nodePressure(resource, nodeName, options),
	);
	command(
		"fail <disk|network|selinux> <node>",
		"break a node's disk (no writes) or network (nothing passes), or have SELinux deny new pods",
	)
		.option("--partial <how>", "of a disk: read-only, or full; of a network: only api, or only pods")
		.action(async (part, nodeName, options) => (await commands()).nodeFail(part, nodeName, options));
	command("heal <node>", "undo isolate, pressure and fail").action(async (nodeName, options) =>
		(await commands()).nodeHeal(nodeName, options),
	);
}

export function addPods(program: Command): void {
	const pod = program.command("pod").description("do to pods what happens to processes").exitOverride();
	pod
		.command("kill <pod>")
		.description("send a signal to the main process of a container, as kill on its node does")
		.addOption(nameOption())
		.option("-n, --namespace <namespace>", "the pod's namespace", "default")
		.option("-c, --container <container>", "which container (default: the pod's first)")
		.option("--signal <signal>", "which signal: TERM, INT, HUP …", "KILL")
		.addHelpText("after", examples("kubesim pod kill web", "kubesim pod kill web -c sidecar --signal TERM"))
		.action(async (name, options) => (await import("../commands/node.ts")).podKill(name, options));
}

export function addImages(program: Command): void {
	const images = program
		.command("image")
		.description("look at the images that a cluster's nodes can pull, and describe more of them")
		.exitOverride()
		.addHelpText("after", examples("kubesim image load shop.yaml", "kubesim image list", "kubesim image list --node node-1"));
	const commands = async () => await import("../commands/image.ts");
	images
		.command("load <files...>")
		.description("let registries have the images that YAML files describe, and be as they say (docs/images.md); - is standard input")
		.addOption(nameOption())
		.action(async (files, options) => (await commands()).imageLoad(files, options));
	images
		.command("list")
		.description("list the images that registries have: any other name can be pulled, too, and waits")
		.addOption(nameOption())
		.option("--node <node>", "those that this node has pulled")
		.addOption(outputOption())
		.action(async (options) => (await commands()).imageList(options));
}
