/** `kubesim learn` and what belongs to it. */
import { type Command, Option } from "commander";
import { standInCommand } from "../stand-in-command.ts";
import { examples, outputOption } from "./common.ts";

export function addStandIn(program: Command): void {
	program
		.command(standInCommand, { hidden: true })
		.argument("[args...]")
		.passThroughOptions()
		.action(async (args) => (await import("../commands/kubectl-stand-in.ts")).kubectlStandIn(args));
}

export function addLearn(program: Command): void {
	const commands = async () => await import("../commands/learn.ts");
	const fromOption = () => new Option("--from <dir>", "a course of your own: a folder of lessons (docs/writing-lessons.md)");
	const onOption = () => new Option("--on <name>", "on a cluster of yours, which does not run; what lessons do to it stays");
	const langOption = () => new Option("--lang <language>", "Chinese or English (default: as LANG says)").choices(["zh", "en"]);
	const learn = program
		.command("learn")
		.description("learn Kubernetes by lessons, each on a cluster of its own")
		.exitOverride()
		.enablePositionalOptions()
		.addHelpText(
			"after",
			examples("kubesim learn list", "kubesim learn 3.3.1 --lang en", "kubesim learn 3.3.1 --on exam", "kubesim learn verify 3.3.1"),
		)
		.argument("[section]", "which lesson (default: the list of them; as linear text the first one that is not finished)")
		.addOption(langOption())
		.addOption(fromOption())
		.addOption(onOption())
		.option("--plain", "as linear text, for screen readers and logs (without a terminal it always is)")
		.option("--restart", "from its beginning, whatever was done before")
		.action(async (section, options) => (await commands()).learn(section, options));
	learn
		.command("list")
		.description("list the lessons")
		.addOption(langOption())
		.addOption(fromOption())
		.addOption(onOption())
		.action(async (options) => (await commands()).learnList(options));
	learn
		.command("status")
		.description("tell how far you are")
		.addOption(fromOption())
		.addOption(onOption())
		.addOption(outputOption())
		.action(async (options) => (await commands()).learnStatus(options));
	learn
		.command("reset [section]")
		.description("forget what is kept of a lesson, or of all")
		.addOption(fromOption())
		.addOption(onOption())
		.action(async (section, options) => (await commands()).learnReset(section, options));
	learn
		.command("new <section>")
		.description("make a lesson to begin with, in a course of your own (docs/writing-lessons.md)")
		.option("--from <dir>", "the course; made if it is not there", ".")
		.action(async (section, options) => (await commands()).learnNew(section, options));
	learn
		.command("verify [section]")
		.description("go through a lesson, or all, by their solutions, and tell whether each is what it says")
		.addOption(fromOption())
		.action(async (section, options) => (await commands()).learnVerify(section, options));
}
