/**
 * `crictl`, the command line of the Container Runtime Interface, on a simulated node. As in the real one, options come before ids.
 * Source: https://github.com/kubernetes-sigs/cri-tools/tree/master/cmd/crictl
 */
import { FsError, type ProcessContext, type Program, writeText } from "../../../host/index.ts";
import { type ContainerRuntime, CriError } from "../cri.ts";
import { flag, logLine, type OptionSpec, parseCall, type Subcommand, ToolError, valued } from "../tools/tool.ts";
import { configCommand } from "./config.ts";
import { containerCommands } from "./containers.ts";
import { type CrictlConfig, readCrictlConfig } from "./crictl-config.ts";
import { execCommand } from "./exec.ts";
import { imageCommands } from "./images.ts";
import { infoCommands } from "./info.ts";
import { inspectCommands } from "./inspect.ts";
import { logsCommand } from "./logs.ts";
import { podCommands } from "./pods.ts";
import { type CrictlServices, helpExit } from "./services.ts";
import { statsCommands } from "./stats.ts";

const crictlVersion = "v1.36.0";
const containerdSocket = "/run/containerd/containerd.sock";
const defaultEndpoints = ["unix:///run/containerd/containerd.sock", "unix:///run/crio/crio.sock", "unix:///var/run/cri-dockerd.sock"];

const globalOptions: readonly OptionSpec[] = [
	valued("config", "c"),
	valued("runtime-endpoint", "r"),
	valued("image-endpoint", "i"),
	valued("timeout", "t"),
	flag("debug", "D"),
	flag("version", "v"),
];

const commands: readonly Subcommand<CrictlServices>[] = [
	configCommand,
	execCommand,
	...imageCommands,
	...infoCommands,
	...inspectCommands,
	logsCommand,
	...podCommands,
	...containerCommands,
	...statsCommands,
].sort((a, b) => (a.name < b.name ? -1 : 1));

/** Subcommands that ask for images, too: both connections are complained of. */
const asksForImages = new Set(["ps", "exec", "inspect"]);
const asksForImagesAlone = new Set(["images", "inspecti", "imagefsinfo", "pull", "rmi"]);

/** @param runtime of the machine; undefined while it does not serve */
export function crictl(runtime: () => ContainerRuntime | undefined): Program {
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
	if ("unknown" in call) return misused(context, call.unknown, helpText());
	if (call.has("version")) {
		await call.print(`crictl version ${crictlVersion}\n`);
		return 0;
	}
	const [name, ...args] = call.operands;
	if (name === undefined || name === "help" || name === "h" || call.has("help")) {
		await call.print(helpText());
		return 0;
	}
	const command = commands.find((each) => each.name === name || each.aliases?.includes(name) === true);
	if (command === undefined) {
		await writeText(context.stderr, `No help topic for '${name}'\n`);
		return 3;
	}
	const own = parseCall(context, args, command.options ?? []);
	if ("unknown" in own) return misused(context, own.unknown, commandHelp(command));
	if (own.has("help")) {
		await own.print(commandHelp(command));
		return 0;
	}
	const configPath = call.value("config") ?? context.env.get("CRI_CONFIG_FILE") ?? "/etc/crictl.yaml";
	const config = readConfig(context, configPath, call.has("config"));
	const endpoint = call.value("runtime-endpoint") ?? context.env.get("CONTAINER_RUNTIME_ENDPOINT") ?? config.runtimeEndpoint;
	const found = command === configCommand ? runtime() : await connect(context, command.name, endpoint, runtime);
	if (found === undefined) return command === configCommand ? command.run(own, { runtime: noRuntime, config, configPath }) : 1;
	const code = await command.run(own, { runtime: found, config, configPath });
	if (code !== helpExit) return code;
	await own.print(commandHelp(command));
	return 0;
}

/** Never asked: `config` works without one. */
const noRuntime = Object.freeze({}) as ContainerRuntime;

function readConfig({ machine }: ProcessContext, path: string, isGiven: boolean): CrictlConfig {
	try {
		return readCrictlConfig(machine.files.readText(path));
	} catch (error) {
		if (!(error instanceof FsError)) throw error;
		if (isGiven) throw new ToolError(`failed to load config file: open ${path}: no such file or directory`);
		return readCrictlConfig("");
	}
}

async function connect(
	context: ProcessContext,
	command: string,
	endpoint: string,
	runtime: () => ContainerRuntime | undefined,
): Promise<ContainerRuntime | undefined> {
	const warn = (what: string) =>
		writeText(
			context.stderr,
			logLine(
				context,
				"warning",
				`${what} connect using default endpoints: [${defaultEndpoints.join(" ")}]. As the default settings are now deprecated, you should set the endpoint instead.`,
			),
		);
	if (endpoint === "") {
		if (!asksForImagesAlone.has(command)) await warn("runtime");
		if (asksForImages.has(command) || asksForImagesAlone.has(command)) await warn("image");
	}
	const kind = asksForImagesAlone.has(command) ? "image" : "runtime";
	const refused = (path: string) =>
		`validate service connection: validate CRI v1 ${kind} API for endpoint ${JSON.stringify(`unix://${path}`)}: rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix ${path}: connect: no such file or directory"`;
	const path = endpoint.replace(/^unix:\/\//, "").replace(/^\/var\/run\//, "/run/");
	const isOurs = endpoint === "" || path === containerdSocket;
	const found = isOurs ? runtime() : undefined;
	if (found !== undefined) return found;
	const tried = endpoint === "" ? defaultEndpoints.map((each) => each.replace("unix://", "")) : [path];
	for (const each of tried.slice(0, -1)) await writeText(context.stderr, logLine(context, "error", refused(each)));
	throw new ToolError(refused(tried.at(-1) ?? ""));
}

async function misused(context: ProcessContext, option: string, help: string): Promise<number> {
	const why = `flag provided but not defined: -${option.replace(/^-+/, "").split("=")[0]}`;
	await writeText(context.stdout, `Incorrect Usage: ${why}\n\n${help}`);
	await writeText(context.stderr, logLine(context, "fatal", why));
	return 1;
}

function helpText(): string {
	const names = commands.map(({ name, aliases = [] }) => [name, ...aliases].join(", "));
	const width = Math.max(...names.map((name) => name.length)) + 2;
	const lines = commands.map(({ usage }, at) => `   ${(names[at] ?? "").padEnd(width)}${usage}`);
	return [
		"NAME:",
		"   crictl - client for CRI",
		"",
		"USAGE:",
		"   crictl [global options] command [command options]",
		"",
		"VERSION:",
		`   ${crictlVersion}`,
		"",
		"COMMANDS:",
		...lines,
		`   ${"help, h".padEnd(width)}Shows a list of commands or help for one command`,
		"",
	].join("\n");
}

function commandHelp({ name, usage, args = "[arguments...]", options = [] }: Subcommand<CrictlServices>): string {
	const lines = options.map(({ name: long, letter, takesValue }) => {
		const value = takesValue === true ? " value" : "";
		return `   --${long}${value}${letter === undefined ? "" : `, -${letter}${value}`}`;
	});
	return [
		"NAME:",
		`   crictl ${name} - ${usage}`,
		"",
		"USAGE:",
		`   crictl ${name} [command options] ${args}`,
		"",
		"OPTIONS:",
		...lines,
		"   --help, -h",
		"",
	].join("\n");
}
