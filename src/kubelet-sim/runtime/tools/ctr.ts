/**
 * `ctr`, containerd's own client: namespaces, containers, tasks, images, as far as one looks at a node's with it.
 * Source: https://github.com/containerd/containerd/tree/main/cmd/ctr
 */
import { type ProcessContext, type Program, writeText } from "../../../host/index.ts";
import { formatImageReference, parseImageReference } from "../../images/reference.ts";
import { containerdVersion } from "../containerd-config.ts";
import { type ContainerRuntime, CriError } from "../cri.ts";
import { type ContainerdContainer, containerdContainers, kubernetesNamespace } from "./containerd-view.ts";
import { binarySize, formatTable, nanoTime } from "./table.ts";
import { flag, type OptionSpec, parseCall, type ToolCall, ToolError, valued } from "./tool.ts";

const globalOptions: readonly OptionSpec[] = [
	valued("namespace", "n"),
	valued("address", "a"),
	flag("debug"),
	valued("timeout"),
	flag("version", "v"),
];
const listOptions = [flag("quiet", "q")];
const layout = { minWidth: 4, padding: 4, endsWithTab: true };

export function ctr(runtime: () => ContainerRuntime | undefined): Program {
	return async (context) => {
		try {
			return await run(context, runtime);
		} catch (error) {
			if (!(error instanceof ToolError || error instanceof CriError)) throw error;
			await writeText(context.stderr, `ctr: ${error.message}\n`);
			return 1;
		}
	};
}

async function run(context: ProcessContext, runtime: () => ContainerRuntime | undefined): Promise<number> {
	const call = parseCall(context, context.argv.slice(1), globalOptions);
	if ("unknown" in call) throw new ToolError(`flag provided but not defined: ${call.unknown}`);
	if (call.has("version")) {
		await call.print(`ctr github.com/containerd/containerd/v2 ${containerdVersion}\n`);
		return 0;
	}
	const [group = "help", verb = "", ...args] = call.operands;
	const kind = groups[group];
	if (kind === undefined || (kind !== "version" && verbs[`${kind} ${verb}`] === undefined)) {
		await call.print(help);
		return group === "help" ? 0 : 1;
	}
	const found = runtime();
	const socket = call.value("address") ?? "/run/containerd/containerd.sock";
	if (found === undefined || socket !== "/run/containerd/containerd.sock")
		throw new ToolError(`cannot access socket ${socket}: no such file or directory`);
	if (kind === "version") {
		await call.print(`Client:\n  Version:  ${containerdVersion}\n\nServer:\n  Version:  ${containerdVersion}\n`);
		return 0;
	}
	const own = parseCall(context, args, [
		...listOptions,
		flag("spec"),
		valued("signal", "s"),
		flag("all"),
		flag("tty", "t"),
		valued("exec-id"),
		valued("platform"),
		flag("plain-http"),
		valued("user", "u"),
		flag("force", "f"),
	]);
	if ("unknown" in own) throw new ToolError(`flag provided but not defined: ${own.unknown}`);
	const namespace = call.value("namespace") ?? context.env.get("CONTAINERD_NAMESPACE") ?? "default";
	await verbs[`${kind} ${verb}`]?.(own, found, namespace);
	return 0;
}

const groups: Readonly<Record<string, string>> = {
	namespaces: "ns",
	namespace: "ns",
	ns: "ns",
	containers: "c",
	container: "c",
	c: "c",
	tasks: "t",
	task: "t",
	t: "t",
	images: "i",
	image: "i",
	i: "i",
	version: "version",
};

const help = `NAME:
   ctr - containerd CLI

USAGE:
   ctr [global options] command [command options]

COMMANDS:
   containers, c, container   Manage containers: list, info
   images, image, i           Manage images: list, pull, remove
   namespaces, namespace, ns  Manage namespaces: list
   tasks, t, task             Manage tasks: list, kill
   version                    Print the client and server versions

GLOBAL OPTIONS:
   --address value, -a value    Address for containerd's GRPC server
   --namespace value, -n value  Namespace to use with commands
`;

type Verb = (call: ToolCall, runtime: ContainerRuntime, namespace: string) => Promise<void>;

/** The runtime's things are all in one namespace. */
function containersIn(runtime: ContainerRuntime, namespace: string): readonly ContainerdContainer[] {
	return namespace === kubernetesNamespace ? containerdContainers(runtime) : [];
}

async function list(
	call: ToolCall,
	names: readonly string[],
	head: readonly string[],
	rows: readonly (readonly string[])[],
	padding = 4,
): Promise<void> {
	const minWidth = padding === 4 ? 4 : 1;
	await call.print(
		call.has("quiet") ? names.map((name) => `${name}\n`).join("") : formatTable([head, ...rows], { ...layout, minWidth, padding }),
	);
}

const listNamespaces: Verb = (call, runtime) => {
	const names = runtime.sandboxes().length > 0 || runtime.images().length > 0 ? [kubernetesNamespace] : [];
	return list(
		call,
		names,
		["NAME", "LABELS"],
		names.map((name) => [name, ""]),
		1,
	);
};

const listContainers: Verb = (call, runtime, namespace) => {
	const found = containersIn(runtime, namespace);
	return list(
		call,
		found.map(({ id }) => id),
		["CONTAINER", "IMAGE", "RUNTIME"],
		found.map(({ id, image, runtime: name }) => [id, image, name]),
	);
};

const containerInfo: Verb = async (call, runtime, namespace) => {
	const [id = ""] = call.operands;
	if (id === "") throw new ToolError("container id must be provided: invalid argument");
	const found = containersIn(runtime, namespace).find((each) => each.id === id);
	if (found === undefined) throw new ToolError(`container ${JSON.stringify(id)} in namespace ${JSON.stringify(namespace)}: not found`);
	const spec = found.isSandbox ? {} : runtime.details(id).spec;
	const created = nanoTime(found.createdMs);
	const info = {
		ID: id,
		Labels: found.labels,
		Image: found.image,
		Runtime: { Name: found.runtime, Options: runtime.handler("").options },
		SnapshotKey: id,
		Snapshotter: "overlayfs",
		CreatedAt: created,
		UpdatedAt: created,
		Extensions: {},
		SandboxID: found.isSandbox ? id : runtime.container(id).sandboxId,
		Spec: spec,
	};
	await call.print(`${JSON.stringify(call.has("spec") ? spec : info, undefined, 4)}\n`);
};

/** The runtime removes the task of what has ended. */
const listTasks: Verb = (call, runtime, namespace) => {
	const found = containersIn(runtime, namespace).filter(({ isRunning }) => isRunning);
	const rows = found.map(({ id, pid }) => [id, String(pid), "RUNNING"]);
	// Only the heading ends with a tab: the last column of tasks is not padded.
	const text = formatTable([["TASK", "PID", "STATUS"], ...rows], { minWidth: 4, padding: 4 }).replace("STATUS\n", "STATUS    \n");
	return call.print(call.has("quiet") ? found.map(({ id }) => `${id}\n`).join("") : text);
};

const killTask: Verb = async (call, runtime, namespace) => {
	const [id = ""] = call.operands;
	if (id === "") throw new ToolError("container id must be provided: invalid argument");
	const found = containersIn(runtime, namespace).find((each) => each.id === id);
	if (found === undefined) throw new ToolError(`container ${JSON.stringify(id)} in namespace ${JSON.stringify(namespace)}: not found`);
	if (!found.isRunning) throw new ToolError(`no running task found: task ${id} not found: not found`);
	if (found.isSandbox) runtime.stopSandbox(id);
	else await runtime.stopContainer(id, 0);
};

const listImages: Verb = (call, runtime, namespace) => {
	const images = namespace === kubernetesNamespace ? runtime.images() : [];
	const entries = images
		.flatMap(({ id, repoTags, repoDigests, sizeBytes, isPinned }) =>
			[...repoTags, ...repoDigests, id].map((ref) => ({ ref, digest: (repoDigests[0] ?? "").split("@")[1] ?? "", sizeBytes, isPinned })),
		)
		.sort((a, b) => (a.ref < b.ref ? -1 : 1));
	return list(
		call,
		entries.map(({ ref }) => ref),
		["REF", "TYPE", "DIGEST", "SIZE", "PLATFORMS", "LABELS"],
		entries.map(({ ref, digest, sizeBytes, isPinned }) => [
			ref,
			"application/vnd.oci.image.index.v1+json",
			digest,
			binarySize(sizeBytes),
			"linux/amd64",
			`io.cri-containerd.image=managed${isPinned ? ",io.cri-containerd.pinned=pinned" : ""}`,
		]),
		1,
	);
};

const pullImage: Verb = async (call, runtime, namespace) => {
	const [name = ""] = call.operands;
	if (name === "") throw new ToolError("please provide an image reference to pull");
	const reference = parseImageReference(name);
	// It wants references in full.
	if ("error" in reference || !name.startsWith(reference.repository))
		throw new ToolError(`failed to resolve reference ${JSON.stringify(name)}: object required`);
	if (namespace !== kubernetesNamespace)
		throw new ToolError(`this simulated containerd has no namespace but ${kubernetesNamespace}: give -n ${kubernetesNamespace}`);
	try {
		await runtime.pull(name, undefined);
	} catch (error) {
		throw new ToolError(
			error instanceof Error
				? error.message.replace(/^rpc error: code = \w+ desc = (?:failed to pull and unpack image "[^"]*": )?/, "")
				: String(error),
		);
	}
	await call.print(`${formatImageReference(reference)}\tsaved\n`);
};

const removeImage: Verb = async (call, runtime, namespace) => {
	for (const name of call.operands) {
		const image = namespace === kubernetesNamespace ? runtime.image(name) : undefined;
		if (image === undefined)
			await writeText(
				call.context.stderr,
				`time="${new Date(call.nowMs).toISOString().replace(/\.\d+Z/, "Z")}" level=warning msg="${name}: image not found"\n`,
			);
		else {
			runtime.removeImage(name);
			await call.print(`${name}\n`);
		}
	}
};

const verbs: Readonly<Record<string, Verb>> = {
	"ns ls": listNamespaces,
	"ns list": listNamespaces,
	"c ls": listContainers,
	"c list": listContainers,
	"c info": containerInfo,
	"t ls": listTasks,
	"t list": listTasks,
	"t kill": killTask,
	"i ls": listImages,
	"i list": listImages,
	"i pull": pullImage,
	"i rm": removeImage,
	"i remove": removeImage,
};
