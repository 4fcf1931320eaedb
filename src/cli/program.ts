/**
 * The commands of `kubesim`, their options and help. Each command's code is loaded when it runs.
 */
import { Command, Option } from "commander";
import { defaultClusterName } from "./cluster-name.ts";
import { endpointList, integerBetween, positiveNumber } from "./option-values.ts";
import { version } from "./version.ts";

const nameOption = () => new Option("--name <name>", "which cluster").default(defaultClusterName);
const outputOption = () => new Option("-o, --output <format>", "print JSON").choices(["json"]);

function examples(...lines: readonly string[]): string {
	return `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}`;
}

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
	addKubectl(program);
	return program;
}

function addStart(program: Command): void {
	program
		.command("start")
		.description("start a cluster in the background and make it kubectl's current context; data of an earlier start are kept")
		.addOption(nameOption())
		.option("--nodes <n>", "how many simulated nodes (default: 3, or as before)", integerBetween(0, 10_000))
		.option(
			"--port <port>",
			"TCP port of the API on 127.0.0.1 (default: as before, or 6443, or any that is free)",
			integerBetween(0, 65_535),
		)
		.option("--data-dir <dir>", "where the cluster's data go (default: a directory of its own in ~/.local/share/kubesim)")
		.option("--ephemeral", "keep everything in memory and forget it at the end")
		.option("--foreground", "stay in this terminal; Ctrl-C stops the cluster")
		.option("--speed <factor>", "cluster time passes this many times as fast as real time (default: 1, or as before)", positiveNumber)
		.addOption(
			new Option("--store <engine>", "where objects are: kubesim's own store, or an etcd (default: local, or as before)").choices([
				"local",
				"etcd",
			]),
		)
		.option("--etcd-endpoints <urls>", "members of the etcd cluster, separated by commas; one is used until it fails", endpointList)
		.option("--etcd-cafile <file>", "PEM: who signs etcd's certificates (default: the authorities that Node knows)")
		.option("--etcd-certfile <file>", "PEM: the certificate to show to etcd")
		.option("--etcd-keyfile <file>", "PEM: its key")
		.option("--etcd-username <name>", "etcd's user, with a role for all keys; the password comes from KUBESIM_ETCD_PASSWORD")
		.option("--etcd-password <password>", "the password, where the environment is not a better place for it; it is not kept")
		.option("--pki-dir <dir>", "where the cluster's certificates are; servers on one etcd share it (default: in the data directory)")
		.addOption(outputOption())
		.addHelpText(
			"after",
			examples(
				"kubesim start",
				"kubesim start --name exam --nodes 5",
				"kubesim start --ephemeral --foreground --speed 60",
				"kubesim start --name a --store etcd --etcd-endpoints http://127.0.0.1:2379 --pki-dir ./pki",
			),
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
		.action(async (options) => (await import("./commands/delete.ts")).deleteCluster(options));
}

function addInspection(program: Command): void {
	program
		.command("status")
		.description("tell how a cluster is; exit code 0 if it runs, 1 if it runs but is not ready, 3 if it is stopped")
		.addOption(nameOption())
		.addOption(outputOption())
		.addHelpText("after", examples("kubesim status", "kubesim status --name exam --output json"))
		.action(async (options) => (await import("./commands/status.ts")).status(options));
	program
		.command("list")
		.description("list all clusters")
		.addOption(outputOption())
		.addHelpText("after", examples("kubesim list", "kubesim list --output json"))
		.action(async (options) => (await import("./commands/list.ts")).list(options));
	program
		.command("logs")
		.description("print what a cluster's server says")
		.addOption(nameOption())
		.option("-f, --follow", "go on printing what is added")
		.option("--tail <n>", "only the last n lines", integerBetween(0, Number.MAX_SAFE_INTEGER))
		.addHelpText("after", examples("kubesim logs --tail 20", "kubesim logs --follow --name exam"))
		.action(async (options) => (await import("./commands/logs.ts")).logs(options));
	program
		.command("kubeconfig")
		.description("print a kubeconfig of one cluster alone")
		.addOption(nameOption())
		.addHelpText("after", examples("kubesim kubeconfig > kubesim.yaml", "kubesim kubeconfig --name exam | base64"))
		.action(async (options) => (await import("./commands/kubeconfig.ts")).kubeconfig(options));
}

function addKubectl(program: Command): void {
	program
		.command("kubectl")
		.description("run kubectl against one cluster, whatever the current context is")
		.argument("[args...]", "kubectl's own arguments; -- before them is allowed")
		.addOption(nameOption())
		.passThroughOptions()
		.addHelpText("after", examples("kubesim kubectl -- get pods -A", "kubesim kubectl --name exam -- describe node node-1"))
		.action(async (args, options) => (await import("./commands/kubectl.ts")).kubectl(args, options));
}
