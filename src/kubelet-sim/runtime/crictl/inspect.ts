/** `inspect`, `inspectp`, `inspecti`: everything that the runtime says of a container, a sandbox, an image. */
import type { JsonObject } from "../../../apimachinery/json.ts";
import { formatImageReference } from "../../images/reference.ts";
import type { ContainerRuntime, PodSandbox, RuntimeContainer } from "../cri.ts";
import { sandboxImage } from "../image-view.ts";
import { humanSize, nanoTime } from "../tools/table.ts";
import { flag, type Subcommand, type ToolCall, ToolError, valued } from "../tools/tool.ts";
import { containerFilters, doing } from "./containers.ts";
import { imageJson } from "./images.ts";
import { ago, containerFilter, findContainers, labelLines, note, printStatus, zeroTime } from "./output.ts";
import { findSandboxes, goTime, podFilters } from "./pods.ts";
import { type CrictlServices, helpExit } from "./services.ts";

const outputs = [valued("output", "o"), valued("template"), flag("quiet", "q")];
const snapshotter = "overlayfs";

const inspect: Subcommand<CrictlServices> = {
	name: "inspect",
	usage: "Display the status of one or more containers",
	args: "CONTAINER-ID [CONTAINER-ID...]",
	options: [...outputs, ...containerFilters],
	run: async (call, { runtime }) => {
		const ids = call.operands.length > 0 ? call.operands : findContainers(runtime, containerFilter(call)).map(({ id }) => id);
		return showAll(call, ids, "get the status of containers: get container status", (id) => containerStatus(call, runtime, id));
	},
};

const inspectPod: Subcommand<CrictlServices> = {
	name: "inspectp",
	usage: "Display the status of one or more pods",
	args: "POD-ID [POD-ID...]",
	options: [...outputs, ...podFilters],
	run: async (call, { runtime }) => {
		const ids = call.operands.length > 0 ? call.operands : findSandboxes(call, runtime).map(({ id }) => id);
		return showAll(call, ids, "get the status of pod sandboxes: get pod sandbox status", (id) => sandboxStatus(call, runtime, id));
	},
};

interface Shown {
	readonly json: JsonObject;
	readonly table: string;
}

async function showAll(call: ToolCall, ids: readonly string[], what: string, show: (id: string) => Shown): Promise<number> {
	if (ids.length === 0) {
		await note(call, "error", "No IDs provided or nothing found per filter");
		return helpExit;
	}
	const shown: Shown[] = [];
	for (const id of ids) shown.push(await doing(what, () => show(id)));
	const format = call.value("output") ?? "json";
	if (format === "table") await call.print(shown.map(({ table }) => table).join(""));
	else
		await printStatus(
			call,
			shown.map(({ json }) => json),
			format,
		);
	return 0;
}

function containerStatus(call: ToolCall, runtime: ContainerRuntime, id: string): Shown {
	const container = runtime.container(id);
	const status = containerStatusJson(runtime, container);
	return {
		json: call.has("quiet") ? { status } : { status, info: containerInfo(runtime, container) },
		table: containerTable(call, container),
	};
}

function containerStatusJson(runtime: ContainerRuntime, container: RuntimeContainer): JsonObject {
	const { id, name, attempt, state, createdMs, startedMs, exit, image, imageId, imageRef, labels, annotations, logPath } = container;
	const { mounts, resources, user, stopSignal } = runtime.details(id);
	return {
		id,
		metadata: { name, attempt },
		state,
		createdAt: nanoTime(createdMs),
		startedAt: state === "CONTAINER_CREATED" ? zeroTime : nanoTime(startedMs),
		finishedAt: exit === undefined ? zeroTime : nanoTime(exit.finishedMs),
		exitCode: exit?.exitCode ?? 0,
		image: { image, annotations: {}, runtimeHandler: "", userSpecifiedImage: "" },
		imageRef,
		reason: exit?.reason ?? "",
		message: exit?.message ?? "",
		labels: { ...labels },
		annotations: { ...annotations },
		mounts: mounts.map((mount) => ({
			...mount,
			gidMappings: [],
			image: null,
			imageSubPath: "",
			recursiveReadOnly: false,
			selinuxRelabel: false,
			uidMappings: [],
		})),
		logPath,
		resources: { linux: resourcesJson(resources), windows: null },
		imageId,
		user: { linux: { uid: String(user.uid), gid: String(user.gid), supplementalGroups: user.supplementalGroups.map(String) } },
		stopSignal,
	};
}

function resourcesJson({
	cpuPeriod,
	cpuQuota,
	cpuShares,
	memoryLimitInBytes,
	oomScoreAdj,
}: ReturnType<ContainerRuntime["details"]>["resources"]) {
	return {
		cpuPeriod: String(cpuPeriod),
		cpuQuota: String(cpuQuota),
		cpuShares: String(cpuShares),
		cpusetCpus: "",
		cpusetMems: "",
		hugepageLimits: [],
		memoryLimitInBytes: String(memoryLimitInBytes),
		memorySwapLimitInBytes: String(memoryLimitInBytes),
		oomScoreAdj: String(oomScoreAdj),
		unified: { "memory.oom.group": "1", "memory.swap.max": "0" },
	};
}

function containerInfo(runtime: ContainerRuntime, { id, sandboxId, pid }: RuntimeContainer): JsonObject {
	const { config, spec } = runtime.details(id);
	const { type, options } = runtime.handler(runtime.sandbox(sandboxId).runtimeHandler);
	return {
		sandboxID: sandboxId,
		pid,
		removing: false,
		snapshotKey: id,
		snapshotter,
		runtimeType: type,
		runtimeOptions: options,
		config,
		runtimeSpec: spec,
	};
}

function containerTable(
	call: ToolCall,
	{ id, name, attempt, state, createdMs, startedMs, exit, labels, annotations }: RuntimeContainer,
): string {
	return [
		`ID: ${id}\nName: ${name}\n`,
		attempt === 0 ? "" : `Attempt: ${attempt}\n`,
		`State: ${state}\nCreated: ${ago(call, createdMs)}\n`,
		state === "CONTAINER_CREATED" ? "" : `Started: ${ago(call, startedMs)}\n`,
		exit === undefined ? "" : `Finished: ${ago(call, exit.finishedMs)}\nExit Code: ${exit.exitCode}\n`,
		labelLines("Labels", labels),
		labelLines("Annotations", annotations),
	].join("");
}

function sandboxStatus(call: ToolCall, runtime: ContainerRuntime, id: string): Shown {
	const sandbox = runtime.sandbox(id);
	const { name, uid, namespace, attempt, state, createdMs, ip, labels, annotations, runtimeHandler } = sandbox;
	const { namespaces } = runtime.sandboxDetails(sandbox.id);
	const status: JsonObject = {
		id: sandbox.id,
		metadata: { name, uid, namespace, attempt },
		state,
		createdAt: nanoTime(createdMs),
		network: { ip, additionalIps: [] },
		linux: { namespaces: { options: { ...namespaces, targetId: "", usernsOptions: null } } },
		labels: { ...labels },
		annotations: { ...annotations },
		runtimeHandler,
		containersStatuses: [],
		timestamp: "0",
	};
	return { json: call.has("quiet") ? { status } : { status, info: sandboxInfo(runtime, sandbox) }, table: sandboxTable(sandbox) };
}

function sandboxInfo(runtime: ContainerRuntime, { id, state, runtimeHandler, ip, pid }: PodSandbox): JsonObject {
	const { config, spec } = runtime.sandboxDetails(id);
	const { type, options } = runtime.handler(runtimeHandler);
	const isReady = state === "SANDBOX_READY";
	const network = ip === "" ? {} : { cniResult: { Interfaces: { eth0: { IPConfigs: [{ IP: ip, Gateway: gatewayOf(ip) }] } } } };
	return {
		pid,
		processStatus: isReady ? "running" : "deleted",
		netNamespaceClosed: !isReady,
		image: formatImageReference(sandboxImage),
		snapshotKey: id,
		snapshotter,
		runtimeHandler,
		runtimeType: type,
		runtimeOptions: options,
		config,
		runtimeSpec: spec,
		...network,
	};
}

/** The first address of the node's range. */
function gatewayOf(ip: string): string {
	return ip.replace(/\.\d+$/, ".1");
}

function sandboxTable({ id, name, uid, namespace, attempt, state, createdMs, ip, labels, annotations }: PodSandbox): string {
	return [
		`ID: ${id}\nName: ${name}\nUID: ${uid}\nNamespace: ${namespace}\nAttempt: ${attempt}\n`,
		`Status: ${state}\nCreated: ${goTime(createdMs)}\nIP Addresses: ${ip}\n`,
		labelLines("Labels", labels),
		labelLines("Annotations", annotations),
	].join("");
}

const inspectImage: Subcommand<CrictlServices> = {
	name: "inspecti",
	usage: "Return the status of one or more images",
	args: "IMAGE-ID [IMAGE-ID...]",
	options: outputs,
	run: async (call, { runtime }) => {
		if (call.operands.length === 0) return helpExit;
		return showAll(call, call.operands, "get the status of images", (name) => {
			const image = runtime.image(name);
			if (image === undefined) throw new ToolError(`no such image ${JSON.stringify(name)} present`);
			const { id, repoTags, repoDigests, sizeBytes } = image;
			const status = imageJson(image);
			return {
				json: call.has("quiet") ? { status } : { status, info: { chainID: id, imageSpec: runtime.imageSpec(id) } },
				table: [
					`ID: ${id}\n`,
					...repoTags.map((tag) => `Tag: ${tag}\n`),
					...repoDigests.map((digest) => `Digest: ${digest}\n`),
					`Size: ${humanSize(sizeBytes, 3)}\n`,
				].join(""),
			};
		});
	},
};

export const inspectCommands: readonly Subcommand<CrictlServices>[] = [inspect, inspectPod, inspectImage];
