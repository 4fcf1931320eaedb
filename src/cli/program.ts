/**
 * The commands of `kubesim`, their options and help. Each command's code is loaded when it runs.
 */
import { Command } from "commander";
import { addCerts, addInspection, addKubectl, addLifeCycle } from "./program/cluster-commands.ts";
import { examples } from "./program/common.ts";
import { addControllers, addScheduler } from "./program/component-commands.ts";
import { addLearn, addStandIn } from "./program/learn-commands.ts";
import { addImages, addNodes, addPods } from "./program/node-commands.ts";
import { addStart } from "./program/start.ts";
import { addSnapshot, addStore } from "./program/store-commands.ts";
import { version } from "./version.ts";

/** Throws commander's errors instead of ending the process. */
export function createProgram(): Command {
	const program = new Command("kubesim")
		.description("A whole Kubernetes cluster in one Node process. A real kubectl works against it.")
		.version(version, "-v, --version", "print kubesim's version")
		.enablePositionalOptions()
		.exitOverride()
		.showHelpAfterError("(--help shows how)")
		.addHelpText("after", examples("kubesim start", "kubectl get nodes", "kubesim stop"));
	addStart(program);
	addLifeCycle(program);
	addInspection(program);
	addControllers(program);
	addNodes(program);
	addPods(program);
	addScheduler(program);
	addImages(program);
	addStore(program);
	addSnapshot(program);
	addCerts(program);
	addKubectl(program);
	addLearn(program);
	addStandIn(program);
	return program;
}
