/** `kubesim start` and all that it can be told. */
import { type Command, Option } from "commander";
import {
	addonList,
	endpointList,
	featureGates,
	goDuration,
	integerBetween,
	keyAndValue,
	nameList,
	oneOf,
	positiveNumber,
	trueOrFalse,
} from "../option-values.ts";
import { examples, nameOption, outputOption } from "./common.ts";

export function addStart(program: Command): void {
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
		.option(
			"--members <n>",
			"how many members the store has when it is made: 1, 3 or 5 (default: 1, or as before; then kubesim store add)",
			oneOf(1, 3, 5),
		)
		.option(
			"--etcd-port <port>",
			"TCP port of the store's etcd API on 127.0.0.1, 0 for none (default: as before, or 2379, or the next that is free)",
			integerBetween(0, 65_535),
		)
		.option("--ephemeral", "keep everything in memory and forget it at the end")
		.option("--foreground", "stay in this terminal; Ctrl-C stops the cluster")
		.option("--speed <factor>", "cluster time passes this many times as fast as real time (default: 1, or as before)", positiveNumber)
		.addOption(
			new Option(
				"--kubelet-certificates <which>",
				"nodes join by a bootstrap token and renew client certificates of their own; or those of servers, too (default: none, or as before)",
			).choices(["none", "client", "serving"]),
		)
		.option("--token-auth-file <file>", 'CSV of static tokens: token,user,uid[,"group1,group2"]; "" for none')
		.option("--authentication-config <file>", 'an AuthenticationConfiguration: providers of tokens, and who may be anonymous; "" for none')
		.option("--anonymous-auth <bool>", "whether who says nothing of himself is system:anonymous (default: true)", trueOrFalse)
		.option("--oidc-issuer-url <url>", "an OpenID Connect provider whose ID tokens are good here; https")
		.option("--oidc-client-id <id>", "whom its tokens must be for")
		.option("--oidc-ca-file <file>", "PEM: who signs the provider's certificate (default: the authorities that Node knows)")
		.option("--oidc-username-claim <claim>", "which claim is the user's name (default: sub)")
		.option("--oidc-username-prefix <prefix>", 'what goes before it; "-" is nothing (default: the issuer and #)')
		.option("--oidc-groups-claim <claim>", "which claim is the user's groups")
		.option("--oidc-groups-prefix <prefix>", "what goes before each of them")
		.option("--oidc-required-claim <key=value>", "what a token must say; may be given several times", keyAndValue)
		.option("--oidc-signing-algs <names>", "signature algorithms, separated by commas (default: RS256)", nameList)
		.option("--enable-admission-plugins <names>", "admission plugins to turn on besides the usual ones, separated by commas", nameList)
		.option("--disable-admission-plugins <names>", "admission plugins to turn off, separated by commas", nameList)
		.option(
			"--controllers <names>",
			"which controllers run, by kube-controller-manager's names: * for all, -NAME for all but one (default: *, or as before)",
			nameList,
		)
		.option(
			"--scheduler-config <file>",
			'a KubeSchedulerConfiguration: profiles and their plugins; "" for kube-scheduler\'s own (default: as before)',
		)
		.option(
			"--feature-gates <pairs>",
			"NAME=true or NAME=false, separated by commas: GenericWorkload, GangScheduling (default: both off, or as before)",
			featureGates,
		)
		.option("--addons <names>", 'what runs beside the control plane: coredns; "" for nothing (default: nothing, or as before)', addonList)
		.option(
			"--load-balancer-pool <ranges>",
			"addresses for Services of type LoadBalancer: FIRST-LAST or networks, separated by commas; none: nobody makes load balancers (default: 172.18.255.200-172.18.255.250, or as before)",
		)
		.option(
			"--node-ports <bool>",
			"whether Services' node ports are open at 127.0.0.1 of this machine, too (default: false, or as before)",
			trueOrFalse,
		)
		.option("--admission-control-config-file <file>", "an AdmissionConfiguration, for ImagePolicyWebhook (default: none, or as before)")
		.option("--authorization-mode <modes>", "who decides what users may do, in this order (default: Node,RBAC, or as before)", nameList)
		.option("--authorization-config <file>", "the same as an AuthorizationConfiguration, which may name several webhooks")
		.option("--authorization-policy-file <file>", "for the mode ABAC: a policy a line, as JSON")
		.option("--authorization-webhook-config-file <file>", "a kubeconfig: where the mode Webhook asks")
		.option("--authorization-webhook-version <version>", "of the SubjectAccessReviews that it is sent: v1 or v1beta1 (default: v1beta1)")
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
		.option("--encryption-provider-config <file>", "which objects are encrypted in the store, and with which keys (default: none)")
		.option(
			"--encryption-provider-config-automatic-reload <bool>",
			"whether changes of that file are followed (default: false, or as before)",
			trueOrFalse,
		)
		.option("--audit-policy-file <file>", "what is recorded of requests: a Policy of audit.k8s.io/v1 (default: nothing)")
		.option("--audit-log-path <file>", "where audit events are written, one a line (kubesim audit shows them)")
		.option("--audit-log-maxsize <megabytes>", "above which the log is put aside (default: 100)", integerBetween(1, 1_000_000))
		.option("--audit-log-maxbackup <n>", "how many logs put aside are kept (default: all)", integerBetween(0, 1_000_000))
		.option("--audit-log-maxage <days>", "how long logs put aside are kept (default: for ever)", integerBetween(0, 1_000_000))
		.option("--audit-log-truncate-enabled", "write large events without what was sent and answered")
		.option("--audit-log-truncate-max-event-size <bytes>", "from which size on (default: 102400)", integerBetween(1, 1_000_000_000))
		.option("--audit-webhook-config-file <file>", "a kubeconfig that names the server audit events are sent to")
		.option("--audit-webhook-truncate-enabled", "send large events without what was sent and answered")
		.option("--audit-webhook-truncate-max-event-size <bytes>", "from which size on (default: 102400)", integerBetween(1, 1_000_000_000))
		.option("--audit-webhook-batch-max-size <n>", "events in one request to that server (default: 400)", integerBetween(1, 1_000_000))
		.option("--audit-webhook-batch-max-wait <duration>", "how long an event waits for others, e.g. 1s (default: 30s)", goDuration)
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
		.action(async (options) => (await import("../commands/start.ts")).start(options));
}

export function addServe(program: Command): void {
	program
		.command("serve", { hidden: true })
		.addOption(nameOption())
		.action(async (options) => (await import("../commands/serve.ts")).serve(options));
}
