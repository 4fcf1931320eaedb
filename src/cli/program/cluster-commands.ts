/** Commands on a cluster as a whole. */
import { type Command, Option } from "commander";
import { integerBetween } from "../option-values.ts";
import { examples, nameOption, outputOption } from "./common.ts";

export function addLifeCycle(program: Command): void {
	program
		.command("stop")
		.description("stop a cluster; its data are kept")
		.addOption(nameOption())
		.addHelpText("after", examples("kubesim stop", "kubesim stop --name exam"))
		.action(async (options) => (await import("../commands/stop.ts")).stop(options));
	program
		.command("delete")
		.description("stop a cluster and delete its data and its context")
		.addOption(nameOption())
		.addHelpText("after", examples("kubesim delete", "kubesim delete --name exam"))
		.action(async (options) => (await import("../commands/delete.ts")).deleteCluster(options));
}

export function addInspection(program: Command): void {
	program
		.command("status")
		.description("tell how a cluster is; exit code 0 if it runs, 1 if it runs but is not ready, 3 if it is stopped")
		.addOption(nameOption())
		.addOption(outputOption())
		.addHelpText("after", examples("kubesim status", "kubesim status --name exam --output json"))
		.action(async (options) => (await import("../commands/status.ts")).status(options));
	program
		.command("list")
		.description("list all clusters")
		.addOption(outputOption())
		.addHelpText("after", examples("kubesim list", "kubesim list --output json"))
		.action(async (options) => (await import("../commands/list.ts")).list(options));
	program
		.command("logs")
		.description("print what a cluster's server says")
		.addOption(nameOption())
		.option("-f, --follow", "go on printing what is added")
		.option("--tail <n>", "only the last n lines", integerBetween(0, Number.MAX_SAFE_INTEGER))
		.addHelpText("after", examples("kubesim logs --tail 20", "kubesim logs --follow --name exam"))
		.action(async (options) => (await import("../commands/logs.ts")).logs(options));
	program
		.command("audit")
		.description("print a cluster's audit log (see kubesim start --audit-policy-file)")
		.addOption(nameOption())
		.option("-f, --follow", "go on printing what is added")
		.option("--tail <n>", "only the last n events", integerBetween(0, Number.MAX_SAFE_INTEGER))
		.addHelpText("after", examples("kubesim audit --tail 20", "kubesim audit -f | jq -r '[.user.username,.verb,.requestURI]|@tsv'"))
		.action(async (options) => (await import("../commands/audit.ts")).audit(options));
	program
		.command("kubeconfig")
		.description("print a kubeconfig of one cluster alone")
		.addOption(nameOption())
		.addHelpText("after", examples("kubesim kubeconfig > kubesim.yaml", "kubesim kubeconfig --name exam | base64"))
		.action(async (options) => (await import("../commands/kubeconfig.ts")).kubeconfig(options));
}

export function addKubectl(program: Command): void {
	program
		.command("kubectl")
		.description("run kubectl against one cluster, whatever the current context is")
		.argument("[args...]", "kubectl's own arguments; -- before them is allowed")
		.addOption(nameOption())
		.passThroughOptions()
		.addHelpText("after", examples("kubesim kubectl -- get pods -A", "kubesim kubectl --name exam -- describe node node-1"))
		.action(async (args, options) => (await import("../commands/kubectl.ts")).kubectl(args, options));
}

export function addCerts(program: Command): void {
	const certs = program
		.command("certs")
		.description("look at the control plane's certificates and renew them, as kubeadm certs does")
		.exitOverride()
		.addHelpText("after", examples("kubesim certs check-expiration", "kubesim certs renew all"));
	const pkiDirOption = () => new Option("--pki-dir <dir>", "where they are (default: where the cluster has them)");
	certs
		.command("check-expiration")
		.description("tell when they end")
		.addOption(nameOption())
		.addOption(pkiDirOption())
		.addOption(outputOption())
		.action(async (options) => (await import("../commands/certs.ts")).checkExpiration(options));
	certs
		.command("renew <certificate>")
		.description("replace one, or all, by one that is like it and ends in a year")
		.addOption(nameOption())
		.addOption(pkiDirOption())
		.action(async (certificate, options) => (await import("../commands/certs.ts")).renew(certificate, options));
}
