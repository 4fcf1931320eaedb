/**
 * The commands of `kubesim`, their options and help. Each command's code is loaded when it runs.
 */
import { Command, Option } from "commander";
import { defaultClusterName } from "./cluster-name.ts";
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
} from "./option-values.ts";
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
		.command("audit")
		.description("print a cluster's audit log (see kubesim start --audit-policy-file)")
		.addOption(nameOption())
		.option("-f, --follow", "go on printing what is added")
		.option("--tail <n>", "only the last n events", integerBetween(0, Number.MAX_SAFE_INTEGER))
		.addHelpText("after", examples("kubesim audit --tail 20", "kubesim audit -f | jq -r '[.user.username,.verb,.requestURI]|@tsv'"))
		.action(async (options) => (await import("./commands/audit.ts")).audit(options));
	program
		.command("kubeconfig")
		.description("print a kubeconfig of one cluster alone")
		.addOption(nameOption())
		.addHelpText("after", examples("kubesim kubeconfig > kubesim.yaml", "kubesim kubeconfig --name exam | base64"))
		.action(async (options) => (await import("./commands/kubeconfig.ts")).kubeconfig(options));
}

function addControllers(program: Command): void {
	const controllers = program
		.command("controllers")
		.description("look at a cluster's controllers and their queues, stop and start them, and make the controller manager fail over")
		.exitOverride()
		.addHelpText("after", examples("kubesim controllers list", "kubesim controllers stop deployment", "kubesim controllers replicas 3"));
	const commands = async () => await import("./commands/controllers.ts");
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

function addNodes(program: Command): void {
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
	const commands = async () => await import("./commands/node.ts");
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
		async (nodeName, words, options) => (await import("./commands/node-shell.ts")).nodeShell(nodeName, words, options),
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

function addImages(program: Command): void {
	const images = program
		.command("image")
		.description("look at the images that a cluster's nodes can pull, and describe more of them")
		.exitOverride()
		.addHelpText("after", examples("kubesim image load shop.yaml", "kubesim image list", "kubesim image list --node node-1"));
	const commands = async () => await import("./commands/image.ts");
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

function addPods(program: Command): void {
	const pod = program.command("pod").description("do to pods what happens to processes").exitOverride();
	pod
		.command("kill <pod>")
		.description("send a signal to the main process of a container, as kill on its node does")
		.addOption(nameOption())
		.option("-n, --namespace <namespace>", "the pod's namespace", "default")
		.option("-c, --container <container>", "which container (default: the pod's first)")
		.option("--signal <signal>", "which signal: TERM, INT, HUP …", "KILL")
		.addHelpText("after", examples("kubesim pod kill web", "kubesim pod kill web -c sidecar --signal TERM"))
		.action(async (name, options) => (await import("./commands/node.ts")).podKill(name, options));
}

function addScheduler(program: Command): void {
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
		.action(async (pod, options) => (await import("./commands/explain.ts")).explainPod(pod, options));
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
		.action(async (options) => (await import("./commands/simulate.ts")).simulate(options));
	program
		.command("scheduler")
		.description("change how a cluster's scheduler decides")
		.exitOverride()
		.command("configure <file>")
		.description("go on by a KubeSchedulerConfiguration, until the cluster stops; pods that wait are looked at anew")
		.addOption(nameOption())
		.addHelpText("after", examples("kubesim scheduler configure packing.yaml"))
		.action(async (file, options) => (await import("./commands/simulate.ts")).configureScheduler(file, options));
}

function several(value: string, before: readonly string[] = []): readonly string[] {
	return [...before, value];
}

function addStore(program: Command): void {
	const store = program
		.command("store")
		.description("look at a cluster's store, change it and break it; or run a member of a store as a process of its own")
		.exitOverride()
		.addHelpText("after", examples("kubesim store status", 'eval "$(kubesim store env)"; etcdctl get /registry --prefix --keys-only'));
	const inspect = async () => await import("./commands/store/inspect.ts");
	const change = async () => await import("./commands/store/change.ts");
	const command = (nameAndArguments: string, description: string) =>
		store.command(nameAndArguments).description(description).addOption(nameOption());

	command("status", "tell how each member is")
		.addOption(outputOption())
		.action(async (options) => (await inspect()).storeStatus(options));
	command("members", "list the members of the group")
		.addOption(outputOption())
		.action(async (options) => (await inspect()).storeMembers(options));
	command("env", "print what etcdctl needs, as lines for a shell to evaluate")
		.addOption(outputOption())
		.action(async (options) => (await inspect()).storeEnv(options));
	command("add", "add a member").action(async (options) => (await change()).storeAdd(options));
	command("remove <member>", "remove a member for good").action(async (member, options) => (await change()).storeRemove(member, options));
	command("move-leader <member>", "make a member lead").action(async (member, options) =>
		(await change()).storeMoveLeader(member, options),
	);
	command("compact [revision]", "drop history before a revision (default: the newest)").action(async (revision, options) =>
		(await change()).storeCompact(revision === undefined ? undefined : integerBetween(1, Number.MAX_SAFE_INTEGER)(revision), options),
	);
	command("defrag", "give room that nothing uses back to the file system").action(async (options) => (await change()).storeDefrag(options));
	command("stop <member>", "stop a member").action(async (member, options) => (await change()).storeStop(member, options));
	command("start <member>", "start a member that was stopped").action(async (member, options) =>
		(await change()).storeStart(member, options),
	);
	command("isolate <member>", "cut a member off from the others").action(async (member, options) =>
		(await change()).storeIsolate(member, options),
	);
	command("link <from> <to>", "cut, delay or thin out the link between two members")
		.option("--cut", "nothing gets through")
		.option("--delay <ms>", "everything takes so many milliseconds more", integerBetween(1, 60_000))
		.option("--drop <percent>", "so many of 100 messages are lost", integerBetween(1, 100))
		.option("--one-way", "only from the first to the second")
		.action(async (from, to, options) => (await change()).storeLink(from, to, options));
	command("heal [member]", "make all links well again, or those of one member").action(async (member, options) =>
		(await change()).storeHeal(member, options),
	);
	addSnapshotCommands(store.command("snapshot").description("save, restore or look at a snapshot").exitOverride());
	addServeMember(store);
}

/** The same under `kubesim store` as etcdctl's users look for it, and by itself. */
function addSnapshot(program: Command): void {
	addSnapshotCommands(program.command("snapshot").description("save a cluster's objects in one file, and bring them back").exitOverride());
}

function addSnapshotCommands(snapshot: Command): void {
	const commands = async () => await import("./commands/snapshot.ts");
	snapshot
		.command("save <file>")
		.description("save a cluster's objects in one file with a checksum")
		.addOption(nameOption())
		.action(async (file, options) => (await commands()).snapshotSave(file, options));
	snapshot
		.command("restore <file>")
		.description("replace the objects of a stopped cluster by those of a file")
		.addOption(nameOption())
		.option("--members <n>", "how many members the store is to have (default: as before)", oneOf(1, 3, 5))
		.action(async (file, options) => (await commands()).snapshotRestore(file, options));
	snapshot
		.command("status <file>")
		.description("tell what is in a file, as etcdctl snapshot status does")
		.addOption(outputOption())
		.action(async (file, options) => (await commands()).snapshotStatus(file, options));
}

/** Options are etcd's. */
function addServeMember(store: Command): void {
	store
		.command("serve")
		.description("run one member of a store as a process of its own; options are etcd's")
		.option("--name <name>", "the member's name", "default")
		.option("--data-dir <dir>", "where its data go (default: NAME.etcd)")
		.option("--initial-cluster <members>", "name=URL,name=URL …: all founding members (default: this one alone)")
		.addOption(
			new Option("--initial-cluster-state <state>", "new, or existing to join a group it was added to")
				.choices(["new", "existing"])
				.default("new"),
		)
		.option("--initial-cluster-token <token>", "keeps groups apart", "etcd-cluster")
		.option("--listen-peer-urls <url>", "where it listens for the other members", "http://localhost:2380")
		.option("--initial-advertise-peer-urls <urls>", "where the others reach it (default: as --listen-peer-urls)")
		.option("--listen-client-urls <url>", "where it listens for clients", "http://localhost:2379")
		.option("--cert-file <file>", "PEM: what it shows clients")
		.option("--key-file <file>", "PEM: its key")
		.option("--trusted-ca-file <file>", "PEM: who signs clients' certificates")
		.option("--peer-cert-file <file>", "PEM: what it shows other members")
		.option("--peer-key-file <file>", "PEM: its key")
		.option("--peer-trusted-ca-file <file>", "PEM: who signs members' certificates")
		.option("--pki <dir>", "certificates as kubeadm has them, made there if they are missing; instead of the six above")
		.option("--quota-backend-bytes <bytes>", "above which nothing more is stored", integerBetween(1, Number.MAX_SAFE_INTEGER))
		.addHelpText(
			"after",
			examples(
				"kubesim store serve --name a --pki ./pki --listen-peer-urls https://127.0.0.1:2380 --listen-client-urls https://127.0.0.1:2379 \\",
				"    --initial-cluster a=https://127.0.0.1:2380,b=https://127.0.0.1:2480,c=https://127.0.0.1:2580",
			),
		)
		.action(async (options) => (await import("./commands/store/serve-member.ts")).serveStoreMember(options));
}

function addCerts(program: Command): void {
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
		.action(async (options) => (await import("./commands/certs.ts")).checkExpiration(options));
	certs
		.command("renew <certificate>")
		.description("replace one, or all, by one that is like it and ends in a year")
		.addOption(nameOption())
		.addOption(pkiDirOption())
		.action(async (certificate, options) => (await import("./commands/certs.ts")).renew(certificate, options));
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

function addLearn(program: Command): void {
	const commands = async () => await import("./commands/learn.ts");
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
