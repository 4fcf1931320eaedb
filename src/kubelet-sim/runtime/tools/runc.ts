/**
 * `runc`: list and state of the containers that containerd's shims have started with it, under their root.
 * Source: https://github.com/opencontainers/runc (list.go, state.go)
 */
import { type ProcessContext, type Program, writeText } from "../../../host/index.ts";
import type { ContainerRuntime } from "../cri.ts";
import { ociVersion } from "../oci-spec.ts";
import { taskDirectory } from "../task-directories.ts";
import { type ContainerdContainer, containerdContainers } from "./containerd-view.ts";
import { formatTable, nanoTime } from "./table.ts";
import { flag, logLine, type OptionSpec, parseCall, ToolError, valued } from "./tool.ts";

const globalOptions: readonly OptionSpec[] = [valued("root"), flag("debug"), flag("systemd-cgroup"), flag("version", "v")];
const containerdRoot = "/run/containerd/runc/k8s.io";

/** @param containers of the machine, whether or not containerd runs */
export function runc(containers: () => ContainerRuntime | undefined): Program {
	return async (context) => {
		try {
			return await run(context, containers);
		} catch (error) {
			if (!(error instanceof ToolError)) throw error;
			await writeText(context.stderr, logLine(context, "error", error.message));
			return 1;
		}
	};
}

async function run(context: ProcessContext, containers: () => ContainerRuntime | undefined): Promise<number> {
	const call = parseCall(context, context.argv.slice(1), globalOptions);
	if ("unknown" in call) throw new ToolError(`flag provided but not defined: ${call.unknown}`);
	if (call.has("version")) {
		await call.print(`runc version 1.3.0\nspec: ${ociVersion}\ngo: go1.24.5\nlibseccomp: 2.6.0\n`);
		return 0;
	}
	const [verb, ...args] = call.operands;
	const own = parseCall(context, args, [flag("quiet", "q"), valued("format", "f")]);
	if ("unknown" in own) throw new ToolError(`flag provided but not defined: ${own.unknown}`);
	const runtime = call.value("root")?.replace(/\/$/, "") === containerdRoot ? containers() : undefined;
	// Of other shims' containers runc knows nothing; what has ended has been deleted.
	const found =
		runtime === undefined
			? []
			: containerdContainers(runtime).filter(({ isRunning, runtime: type }) => isRunning && type === "io.containerd.runc.v2");
	if (verb === "list") {
		if (own.has("quiet")) await own.print(found.map(({ id }) => `${id}\n`).join(""));
		else if (own.value("format") === "json") await own.print(`${JSON.stringify(found.map(stateOf))}\n`);
		else await own.print(tableText(found));
		return 0;
	}
	if (verb === "state") {
		const [id = ""] = own.operands;
		const container = found.find((each) => each.id === id);
		if (container === undefined) throw new ToolError("container does not exist");
		await own.print(JSON.stringify(stateOf(container), undefined, 2));
		return 0;
	}
	if (verb === undefined || verb === "help") {
		await own.print(
			'NAME:\n   runc - Open Container Initiative runtime\n\nUSAGE:\n   runc [global options] command [command options]\n\nCOMMANDS:\n   list   list containers started by runc with the given root\n   state  output the state of a container\n\nGLOBAL OPTIONS:\n   --root value   root directory for storage of container state (default: "/run/runc")\n   --version, -v  print the version\n',
		);
		return 0;
	}
	throw new ToolError(`kubesim's runc shows containers and does not change them: no command ${JSON.stringify(verb)}`);
}

function stateOf({ id, pid, createdMs }: ContainerdContainer) {
	return {
		ociVersion,
		id,
		pid,
		status: "running",
		bundle: `${taskDirectory}/${id}`,
		rootfs: `${taskDirectory}/${id}/rootfs`,
		created: nanoTime(createdMs),
		owner: "",
	};
}

function tableText(containers: readonly ContainerdContainer[]): string {
	const rows = containers.map((container) => {
		const { id, pid, status, bundle, created } = stateOf(container);
		return [id, String(pid), status, bundle, created, "root"];
	});
	return formatTable([["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"], ...rows], { minWidth: 12, padding: 3 });
}
