/**
 * The commands of `kubesim`, their options and help. Each command's code is loaded when it runs.
 */
import { Command } from "commander";
import { addCerts, addInspection, addKubectl, addLifeCycle } from "./program/cluster-commands.ts";
import { examples } from "./program/common.ts";
import { addControllers, addScheduler } from "./program/component-commands.ts";
import { addLearn, addStandIn } from "./program/learn-commands.ts";
import { addImages, addNodes, addPods } from "./program/node-commands.ts";
import { addServe, addStart } from "./program/start.ts";
import { addSnapshot, addStore } from "./program/store-commands.ts";
import { standInCommand } from "./stand-in-command.ts";
import { version } from "./version.ts";

/** In the order of the help: the commands that each of these adds. */
const commands: readonly (readonly [names: readonly string[], add: (program: Command) => void])[] = [
	[["start"], addStart],
	[["serve"], addServe],
	[["stop", "delete"], addLifeCycle],
	[["status", "list", "logs", "audit", "kubeconfig"], addInspection],
	[["controllers"], addControllers],
	[["node"], addNodes],
	[["pod"], addPods],
	[["explain", "simulate", "scheduler"], addScheduler],
	[["image"], addImages],
	[["store"], addStore],
	[["snapshot"], addSnapshot],
	[["certs"], addCerts],
	[["kubectl"], addKubectl],
	[["learn"], addLearn],
	[[standInCommand], addStandIn],
];

/**
 * Throws commander's errors instead of ending the process.
 * @param asked the first word of the command line: a command of that name is made without the others. By any other word all are
 */
export function createProgram(asked?: string): Command {
	const program = new Command("kubesim")
		.description("A whole Kubernetes cluster in one Node process. A real kubectl works against it.")
		.version(version, "-v, --version", "print kubesim's version")
		.enablePositionalOptions()
		.exitOverride()
		.showHelpAfterError("(--help shows how)")
		.addHelpText("after", examples("kubesim start", "kubectl get nodes", "kubesim stop"));
	const needed = commands.filter(([names]) => asked !== undefined && names.includes(asked));
	for (const [, add] of needed.length > 0 ? needed : commands) add(program);
	return program;
}
