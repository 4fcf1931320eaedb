/**
 * `kubesim`: the commands, their options and help. Each command's code is loaded when it runs.
 */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { defaultClusterName } from "./cluster-directory.ts";
import { CliError, formatCliError } from "./errors.ts";
import { version } from "./version.ts";

/** Exit codes: 0 done, 1 failed, 2 called wrongly. */
export async function main(argv: readonly string[]): Promise<void> {
	try {
		await createProgram().parseAsync(argv);
	} catch (error) {
		if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
		else {
			process.stderr.write(formatCliError(error));
			process.exitCode = error instanceof CliError ? error.exitCode : 1;
		}
	}
	// The server in the background keeps no handle of ours open, but its IPC channel may still be closing.
	if (process.exitCode !== undefined && process.exitCode !== 0) process.exit();
}

const nameOption = () => new Option("--name <name>", "which cluster").default(defaultClusterName);
const outputOption = () => new Option("-o, --output <format>", "print JSON").choices(["json"]);

function examples(...lines: readonly string[]): string {
	return `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}\n`;
}

function integerBetween(min: number, max: number) {
	return (text: string): number => {
		const value = Number(text);
		if (!/^\d+$/.test(text) || value < min || value > max) throw new InvalidArgumentError(`must be a whole number from ${min} to ${max}.`);
		return value;
	};
}

function positiveNumber(text: string): number {
	const value = Number(text);
	if (!(value > 0) || !Number.isFinite(value)) throw new InvalidArgumentError("must be a number greater than 0.");
	return value;
}

function createProgram(): Command {
	const program = new Command("kubesim")
		.description("A whole Kubernetes cluster in one Node process. A real kubectl works against it.")
		.version(version, "-v, --version", "print kubesim's version")
		.exitOverride()
		.showHelpAfterError("(--help shows how)")
		.addHelpText("after", examples("kubesim start", "kubectl get nodes", "kubesim stop"));
	addStart(program);
	addLifeCycle(program);
	addInspection(program);
	return program;
}

function addStart(program: Command): void {
	program
		.command("start")
		.description("start a cluster in the background and make it kubectl's current context; data of an earlier start are kept")
		.addOption(nameOption())
		.option("--nodes <n>", "how many simulated nodes (default: 3, or as before)", integerBetween(0, 10_000))
		.option("--port <port>", "TCP port of the API on 127.0.0.1 (default: 6443 if it is free, or as before)", integerBetween(0, 65_535))
		.option("--data-dir <dir>", "where the cluster's data go")
		.option("--ephemeral", "keep everything in memory and forget it at the end")
		.option("--foreground", "stay in this terminal; Ctrl-C stops the cluster")
		.option("--speed <factor>", "cluster time passes this many times as fast as real time (default: 1)", positiveNumber)
		.addOption(outputOption())
		.addHelpText(
			"after",
			examples("kubesim start", "kubesim start --name exam --nodes 5", "kubesim start --ephemeral --foreground --speed 60"),
		)
		.action(async (options) => (await import("./commands/start.ts")).start(options));
	program
		.command("serve", { hidden: true })
		.addOption(nameOption())
		.action(async (options) => (await import("./commands/serve.ts")).serve(options));
}

function addLifeCycle(program: Command): void {
	program
		.command("stop")
		.description("stop a cluster; its data are kept")
		.addOption(nameOption())
		.addHelpText("after", examples("kubesim stop", "kubesim stop --name exam"))
		.action(async (options) => (await import("./commands/stop.ts")).stop(options));
	program
		.command("delete")
		.description("stop a cluster and delete its data and its context")
		.addOption(nameOption())
		.addHelpText("after", examples("kubesim delete", "kubesim delete --name exam"))
		.action(async (options) => (await import("./commands/stop.ts")).deleteCluster(options));
}

function addInspection(program: Command): void {
	program
		.command("status")
		.description("tell how a cluster is; exit code 3 if it is stopped")
		.addOption(nameOption())
		.addOption(outputOption())
		.addHelpText("after", examples("kubesim status", "kubesim status --output json"))
		.action(async (options) => (await import("./commands/inspect.ts")).status(options));
	program
		.command("list")
		.description("list all clusters")
		.addOption(outputOption())
		.addHelpText("after", examples("kubesim list", "kubesim list --output json"))
		.action(async (options) => (await import("./commands/inspect.ts")).list(options));
	program
		.command("logs")
		.description("print what a cluster's server says")
		.addOption(nameOption())
		.option("-f, --follow", "go on printing what is added")
		.option("--tail <n>", "only the last n lines", integerBetween(0, Number.MAX_SAFE_INTEGER))
		.addHelpText("after", examples("kubesim logs --tail 20", "kubesim logs -f"))
		.action(async (options) => (await import("./commands/inspect.ts")).logs(options));
	program
		.command("kubeconfig")
		.description("print a kubeconfig of one cluster alone")
		.addOption(nameOption())
		.addHelpText("after", examples("kubesim kubeconfig > exam.yaml"))
		.action(async (options) => (await import("./commands/inspect.ts")).kubeconfig(options));
	program
		.command("kubectl")
		.description("run kubectl against one cluster, whatever the current context is")
		.argument("[args...]", "kubectl's own arguments, after --")
		.addOption(nameOption())
		.addHelpText("after", examples("kubesim kubectl -- get pods -A", "kubesim kubectl --name exam -- describe node node-1"))
		.action(async (args, options) => (await import("./commands/kubectl.ts")).kubectl(args, options));
}
