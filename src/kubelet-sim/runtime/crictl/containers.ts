/** Subcommands about containers: ps, stop, rm; and those that make containers, which here the kubelet alone does. */
import type { JsonObject } from "../../../apimachinery/json.ts";
import { type ContainerRuntime, CriError, type RuntimeContainer } from "../cri.ts";
import { formatTable } from "../tools/table.ts";
import { flag, type Subcommand, type ToolCall, ToolError, valued } from "../tools/tool.ts";
import { ago, containerFilter, findContainers, labelLines, listLayout, nanoseconds, note, printList, shortId } from "./output.ts";
import { type CrictlServices, helpExit } from "./services.ts";

const stateNames = { CONTAINER_CREATED: "Created", CONTAINER_RUNNING: "Running", CONTAINER_EXITED: "Exited" } as const;

export const containerFilters = [
	valued("id"),
	valued("name"),
	valued("pod", "p"),
	valued("image"),
	valued("state", "s"),
	valued("label"),
	flag("all", "a"),
	flag("latest", "l"),
	valued("last", "n"),
	valued("namespace"),
];

const ps: Subcommand<CrictlServices> = {
	name: "ps",
	usage: "List containers",
	options: [
		...containerFilters,
		flag("verbose", "v"),
		flag("quiet", "q"),
		valued("output", "o"),
		flag("no-trunc"),
		flag("resolve-image-path", "r"),
	],
	run: async (call, { runtime }) => {
		if (call.operands.length > 0) return helpExit;
		const found = within("listing containers: list containers", () => findContainers(runtime, containerFilter(call)));
		const format = call.value("output") ?? "table";
		await printList(call, format, { containers: found.map(containerJson) }, () =>
			call.has("quiet")
				? found.map(({ id }) => `${id}\n`).join("")
				: call.has("verbose")
					? found.map((container) => verboseText(call, container)).join("")
					: tableText(call, runtime, found),
		);
		return 0;
	},
};

/** Go wraps errors in what was being done. */
function within<T>(doing: string, act: () => T): T {
	try {
		return act();
	} catch (error) {
		if (error instanceof ToolError) throw new ToolError(`${doing}: ${error.message}`);
		throw error;
	}
}

function tableText(call: ToolCall, runtime: ContainerRuntime, containers: readonly RuntimeContainer[]): string {
	const isLong = call.has("no-trunc");
	const cut = (id: string) => (isLong ? id : shortId(id));
	const rows = containers.map((container) => [
		cut(container.id),
		call.has("resolve-image-path") ? (runtime.image(container.imageId)?.repoTags[0] ?? cut(container.imageId)) : cut(container.imageId),
		ago(call, container.createdMs),
		stateNames[container.state],
		container.name,
		String(container.attempt),
		cut(container.sandboxId),
		container.labels["io.kubernetes.pod.name"] ?? "unknown",
		container.labels["io.kubernetes.pod.namespace"] ?? "unknown",
	]);
	const head = ["CONTAINER", "IMAGE", "CREATED", "STATE", "NAME", "ATTEMPT", "POD ID", "POD", "NAMESPACE"];
	return formatTable([head, ...rows], listLayout);
}

function verboseText(call: ToolCall, container: RuntimeContainer): string {
	const { id, sandboxId, labels, annotations, name, attempt, state, imageId, createdMs } = container;
	return [
		`ID: ${id}\nPodID: ${sandboxId}\nNamespace: ${labels["io.kubernetes.pod.namespace"] ?? "unknown"}\n`,
		`Name: ${name}\nAttempt: ${attempt}\nState: ${stateNames[state]}\nImage: ${imageId}\nCreated: ${ago(call, createdMs)}\n`,
		labelLines("Labels", labels),
		labelLines("Annotations", annotations),
		"\n",
	].join("");
}

function containerJson(container: RuntimeContainer): JsonObject {
	const { id, sandboxId, name, attempt, imageId, image, state, createdMs, labels, annotations } = container;
	return {
		id,
		podSandboxId: sandboxId,
		metadata: { name, attempt },
		image: { image: imageId, annotations: {}, userSpecifiedImage: image, runtimeHandler: "" },
		imageRef: imageId,
		state,
		createdAt: nanoseconds(createdMs),
		labels: { ...labels },
		annotations: { ...annotations },
		imageId,
	};
}

const stop: Subcommand<CrictlServices> = {
	name: "stop",
	usage: "Stop one or more running containers",
	args: "CONTAINER-ID [CONTAINER-ID...]",
	options: [valued("timeout", "t"), flag("all", "a")],
	run: async (call, { runtime }) => {
		const { operands } = call;
		if (call.has("all") && operands.length > 0) throw new ToolError("cannot specify CONTAINER-ID(s) when using --all");
		const ids = call.has("all") ? findContainers(runtime, { ...containerFilter(call), all: false }).map(({ id }) => id) : operands;
		if (ids.length === 0) {
			if (!call.has("all")) throw new ToolError("you must specify at least one CONTAINER-ID or use --all");
			await call.print("No running containers found.\n");
		}
		for (const id of ids) {
			await doing(`stopping the container ${JSON.stringify(id)}`, () =>
				runtime.stopContainer(id, Number(call.value("timeout") ?? 0) * 1000),
			);
			await call.print(`${id}\n`);
		}
		return 0;
	},
};

export async function doing<T>(what: string, act: () => Promise<T> | T): Promise<T> {
	try {
		return await act();
	} catch (error) {
		if (error instanceof CriError || error instanceof ToolError) throw new ToolError(`${what}: ${error.message}`);
		throw error;
	}
}

const remove: Subcommand<CrictlServices> = {
	name: "rm",
	usage: "Remove one or more containers",
	args: "CONTAINER-ID [CONTAINER-ID...]",
	options: [flag("force", "f"), flag("keep-logs", "k"), flag("all", "a")],
	run: async (call, { runtime }) => {
		const ids = call.has("all") ? runtime.containers().map(({ id }) => id) : call.operands;
		if (ids.length === 0) {
			if (!call.has("all")) return helpExit;
			await note(call, "info", "No containers to remove");
		}
		const errors: string[] = [];
		for (const id of ids) {
			try {
				await removeOne(call, runtime, id);
			} catch (error) {
				if (!(error instanceof CriError || error instanceof ToolError)) throw error;
				errors.push(error.message);
			}
		}
		if (errors.length > 0) throw new ToolError(errors.join("\n"));
		return 0;
	},
};

async function removeOne(call: ToolCall, runtime: ContainerRuntime, id: string): Promise<void> {
	const { state } = await doing(`getting container status ${JSON.stringify(id)}`, () => runtime.container(id));
	if (state === "CONTAINER_RUNNING") {
		if (!call.has("force")) throw new ToolError(`container ${JSON.stringify(id)} is running, please stop it first`);
		await runtime.stopContainer(id, 0);
		await call.print(`${id}\n`);
	}
	await runtime.removeContainer(id);
	await call.print(`${id}\n`);
}

/** What only a kubelet makes here. */
function missing(name: string, usage: string, args: string, doingWhat: string): Subcommand<CrictlServices> {
	return {
		name,
		usage,
		args,
		run: () => {
			throw new ToolError(
				`${doingWhat}: rpc error: code = Unimplemented desc = this simulated runtime makes pods and containers for its kubelet alone`,
			);
		},
	};
}

export const containerCommands: readonly Subcommand<CrictlServices>[] = [
	ps,
	stop,
	remove,
	missing("runp", "Run a new pod", "pod-config.[json|yaml]", "run pod sandbox"),
	missing("create", "Create a new container", "POD container-config.[json|yaml] pod-config.[json|yaml]", "creating container"),
	missing("start", "Start one or more created containers", "CONTAINER-ID [CONTAINER-ID...]", "starting the container"),
	missing("run", "Run a new container inside a sandbox", "container-config.[json|yaml] pod-config.[json|yaml]", "running container"),
	missing("update", "Update one or more running containers", "CONTAINER-ID [CONTAINER-ID...]", "updating container resources"),
	missing("checkpoint", "Checkpoint one or more running containers", "CONTAINER-ID [CONTAINER-ID...]", "checkpointing the container"),
	missing("attach", "Attach to a running container", "CONTAINER-ID", "attaching to the container"),
	missing("port-forward", "Forward local port to a pod", "POD-ID [LOCAL_PORT:]REMOTE_PORT", "port forward"),
];
