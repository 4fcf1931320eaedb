/**
 * `nerdctl`, as far as one looks at a cluster's containers with it: ps, images, inspect, logs, version. Of its other namespaces a node has nothing.
 * Source: https://github.com/containerd/nerdctl/blob/main/docs/command-reference.md
 */

import type { JsonObject } from "../../../apimachinery/json.ts";
import { type ProcessContext, type Program, writeText } from "../../../host/index.ts";
import { type ContainerRuntime, CriError } from "../cri.ts";
import { logReader } from "../log-reader.ts";
import { type ContainerdContainer, containerdContainers, kubernetesNamespace } from "./containerd-view.ts";
import { executeTemplate, TemplateError } from "./go-template.ts";
import { formatTable, humanDuration, humanSize, nanoTime } from "./table.ts";
import { flag, logLine, type OptionSpec, parseCall, type ToolCall, ToolError, valued } from "./tool.ts";

const globalOptions: readonly OptionSpec[] = [valued("namespace", "n"), valued("address", "a"), flag("version", "v"), flag("debug")];
const ownOptions: readonly OptionSpec[] = [
	valued("namespace"),
	flag("all", "a"),
	flag("quiet", "q"),
	flag("no-trunc"),
	valued("format"),
	flag("follow", "f"),
	valued("tail"),
	flag("timestamps", "t"),
	valued("last", "n"),
	valued("mode"),
	valued("filter"),
];
const layout = { minWidth: 4, padding: 4 };

export function nerdctl(runtime: () => ContainerRuntime | undefined): Program {
	return async (context) => {
		try {
			return await run(context, runtime);
		} catch (error) {
			if (!(error instanceof ToolError || error instanceof CriError)) throw error;
			await writeText(context.stderr, logLine(context, "fatal", error.message));
			return 1;
		}
	};
}

async function run(context: ProcessContext, runtime: () => ContainerRuntime | undefined): Promise<number> {
	const call = parseCall(context, context.argv.slice(1), globalOptions);
	if ("unknown" in call) throw new ToolError(`unknown flag: ${call.unknown}`);
	if (call.has("version")) {
		await call.print("nerdctl version 2.1.3\n");
		return 0;
	}
	const [name, ...rest] = call.operands;
	const words = name === "container" || name === "image" ? rest : [name ?? "", ...rest];
	const command = commands[name === "image" && words[0] === "ls" ? "images" : (words[0] ?? "")];
	if (name === undefined || command === undefined) {
		if (name === undefined || name === "help") await call.print(help);
		else throw new ToolError(`unknown subcommand ${JSON.stringify(name)} for "nerdctl"`);
		return 0;
	}
	const own = parseCall(context, words.slice(1), ownOptions);
	if ("unknown" in own) throw new ToolError(`unknown flag: ${own.unknown}`);
	const found = runtime();
	if (found === undefined)
		throw new ToolError('cannot access containerd socket "/run/containerd/containerd.sock": no such file or directory');
	const namespace = own.value("namespace") ?? call.value("namespace") ?? context.env.get("CONTAINERD_NAMESPACE") ?? "default";
	return command(own, found, namespace);
}

const help = `nerdctl is a command line interface for containerd

Usage: nerdctl [flags]

Management commands:
  container  Manage containers
  image      Manage images

Commands:
  images     List images
  inspect    Return low-level information on objects.
  logs       Fetch the logs of a container.
  ps         List containers
  version    Show the nerdctl version information

Flags:
  -n, --namespace string   containerd namespace, such as "moby" for Docker, "k8s.io" for Kubernetes
  -v, --version            version for nerdctl
`;

type Command = (call: ToolCall, runtime: ContainerRuntime, namespace: string) => Promise<number>;

const shortIdLength = 12;
const maxCommandLength = 20;

function nameOf({ labels, isSandbox }: ContainerdContainer): string {
	const pod = `k8s://${labels["io.kubernetes.pod.namespace"]}/${labels["io.kubernetes.pod.name"]}`;
	return isSandbox ? pod : `${pod}/${labels["io.kubernetes.container.name"]}`;
}

function statusOf({ isRunning, exitCode, finishedMs, isSandbox }: ContainerdContainer, nowMs: number): string {
	if (isRunning) return "Up";
	return isSandbox || finishedMs === 0 ? "Created" : `Exited (${exitCode}) ${humanDuration(nowMs - finishedMs)} ago`;
}

const ps: Command = async (call, runtime, namespace) => {
	const all = namespace === kubernetesNamespace ? containerdContainers(runtime) : [];
	const last = Number(call.value("last") ?? 0);
	const shown =
		last > 0
			? all.toSorted((a, b) => b.createdMs - a.createdMs).slice(0, last)
			: all.filter(({ isRunning }) => isRunning || call.has("all"));
	const cut = (id: string) => (call.has("no-trunc") ? id : id.slice(0, shortIdLength));
	const described = shown.map((container) => {
		const words = container.args.join(" ");
		const command = call.has("no-trunc") || words.length <= maxCommandLength ? words : `${words.slice(0, maxCommandLength - 1)}…`;
		return {
			ID: cut(container.id),
			Image: container.image,
			Command: JSON.stringify(command),
			Created: `${humanDuration(call.nowMs - container.createdMs)} ago`,
			Status: statusOf(container, call.nowMs),
			Ports: "",
			Names: nameOf(container),
			Runtime: container.runtime,
		};
	});
	const format = call.value("format");
	if (call.has("quiet")) await call.print(described.map(({ ID }) => `${ID}\n`).join(""));
	else if (format !== undefined && format !== "table") await call.print(described.map((each) => `${templated(format, each)}\n`).join(""));
	else {
		const rows = described.map(({ ID, Image, Command, Created, Status, Ports, Names }) => [
			ID,
			Image,
			Command,
			Created,
			Status,
			Ports,
			Names,
		]);
		await call.print(formatTable([["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"], ...rows], layout));
	}
	return 0;
};

function templated(template: string, value: JsonObject): string {
	if (template === "json") return JSON.stringify(value);
	try {
		return executeTemplate(template, value);
	} catch (error) {
		if (!(error instanceof TemplateError)) throw error;
		throw new ToolError(`template: :1: ${error.message}`);
	}
}

const images: Command = async (call, runtime, namespace) => {
	const found = namespace === kubernetesNamespace ? runtime.images() : [];
	const cut = (id: string) => (call.has("no-trunc") ? id : id.replace("sha256:", "").slice(0, shortIdLength));
	const entries = found.flatMap(({ repoTags, repoDigests, sizeBytes, sinceMs }) =>
		(repoTags.length === 0 ? repoDigests.map((each) => `${each.split("@")[0]}:<none>`) : repoTags).map((tag) => {
			const colon = tag.lastIndexOf(":");
			const digest = (repoDigests[0] ?? "").split("@")[1] ?? "";
			const repository = tag.slice(0, colon).replace(/^docker\.io\/(library\/)?/, "");
			return {
				repository,
				tag: tag.slice(colon + 1),
				id: cut(digest),
				created: `${humanDuration(call.nowMs - sinceMs)} ago`,
				size: humanSize(sizeBytes, 4),
			};
		}),
	);
	if (call.has("quiet")) await call.print(entries.map(({ id }) => `${id}\n`).join(""));
	else {
		const rows = entries.map(({ repository, tag, id, created, size }) => [repository, tag, id, created, "linux/amd64", size, size]);
		await call.print(formatTable([["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "PLATFORM", "SIZE", "BLOB SIZE"], ...rows], layout));
	}
	return 0;
};

/** By id, which may be cut short, or by the name that ps shows. Throws `ToolError`. */
function find(runtime: ContainerRuntime, namespace: string, name: string): ContainerdContainer {
	const all = namespace === kubernetesNamespace ? containerdContainers(runtime) : [];
	const found = all.filter((container) => container.id.startsWith(name) || nameOf(container) === name);
	const [only] = found;
	if (only === undefined || name === "") throw new ToolError(`1 errors:\nno such object ${name}`);
	if (found.length > 1) throw new ToolError(`1 errors:\nmultiple IDs found with provided prefix: ${name}`);
	return only;
}

const inspect: Command = async (call, runtime, namespace) => {
	if (call.operands.length === 0) throw new ToolError("requires at least 1 arg(s), only received 0");
	const all = call.operands.map((name): JsonObject => {
		const container = find(runtime, namespace, name);
		const { id, image, args, createdMs, isRunning, pid, exitCode, finishedMs, labels, runtime: type } = container;
		const [path = "", ...rest] = args;
		const started = nanoTime(createdMs);
		return {
			Id: id,
			Created: started,
			Path: path,
			Args: rest,
			State: {
				Status: isRunning ? "running" : "exited",
				Running: isRunning,
				Paused: false,
				Restarting: false,
				Pid: pid,
				ExitCode: exitCode,
				Error: "",
				StartedAt: started,
				FinishedAt: finishedMs === 0 ? "" : nanoTime(finishedMs),
			},
			Image: image,
			Name: nameOf(container),
			RestartCount: 0,
			Driver: "overlayfs",
			Platform: "linux",
			Config: { Hostname: labels["io.kubernetes.pod.name"] ?? "", Labels: { ...labels } },
			HostConfig: { Runtime: type },
			...(container.isSandbox || call.value("mode") !== "native" ? {} : { Spec: runtime.details(id).spec }),
		};
	});
	const format = call.value("format");
	await call.print(
		format === undefined ? `${JSON.stringify(all, undefined, 4)}\n` : all.map((each) => `${templated(format, each)}\n`).join(""),
	);
	return 0;
};

const logs: Command = async (call, runtime, namespace) => {
	const { id } = find(runtime, namespace, call.operands[0] ?? "");
	const { context } = call;
	const tail = call.value("tail");
	await logReader(runtime.log(id), {
		isFollowing: call.has("follow"),
		hasTimes: call.has("timestamps"),
		tailLines: tail === undefined || tail === "all" ? undefined : Number(tail),
		limitBytes: undefined,
		sinceMs: undefined,
		signal: context.process.ended,
		write: (line, stream) => (stream === "stderr" ? context.stderr : context.stdout).write(line),
	});
	return 0;
};

const version: Command = async (call, runtime) => {
	await call.print(
		`Client:\n Version:\tv2.1.3\n OS/Arch:\tlinux/amd64\n\nServer:\n containerd:\n  Version:\tv${runtime.version}\n runc:\n  Version:\t1.3.0\n`,
	);
	return 0;
};

const commands: Readonly<Record<string, Command>> = { ps, ls: ps, images, inspect, logs, version };
