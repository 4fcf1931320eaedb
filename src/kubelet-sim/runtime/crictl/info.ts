/** `version`, `info`, `runtime-config`: what the runtime says of itself. */
import { flag, type Subcommand, valued } from "../tools/tool.ts";
import { printStatus } from "./output.ts";
import { type CrictlServices, helpExit } from "./services.ts";

const version: Subcommand<CrictlServices> = {
	name: "version",
	usage: "Display runtime version information",
	run: async (call, { runtime }) => {
		if (call.operands.length > 0) return helpExit;
		await call.print(`Version:  0.1.0\nRuntimeName:  containerd\nRuntimeVersion:  v${runtime.version}\nRuntimeApiVersion:  v1\n`);
		return 0;
	},
};

const info: Subcommand<CrictlServices> = {
	name: "info",
	aliases: ["i"],
	usage: "Display information of the container runtime",
	options: [valued("output", "o"), valued("template"), flag("quiet", "q")],
	run: async (call, { runtime }) => {
		if (call.operands.length > 0) return helpExit;
		const { conditions, handlers, config, cniConfig } = runtime.status();
		const status = { conditions: conditions.map(({ type, isTrue, reason, message }) => ({ type, status: isTrue, reason, message })) };
		const runtimeHandlers = handlers.map((name) => ({
			...(name === "" ? {} : { name }),
			features: { recursive_read_only_mounts: true, user_namespaces: true },
		}));
		const verbose = call.has("quiet")
			? {}
			: { config, cniconfig: cniConfig, golang: "go1.24.5", lastCNILoadStatus: "OK", "lastCNILoadStatus.default": "OK" };
		await printStatus(
			call,
			[{ status, runtimeHandlers, features: { supplemental_groups_policy: true }, ...verbose }],
			call.value("output") ?? "json",
		);
		return 0;
	},
};

const runtimeConfig: Subcommand<CrictlServices> = {
	name: "runtime-config",
	usage: "Retrieve the container runtime configuration",
	run: async (call) => {
		await call.print("cgroup driver: SYSTEMD\n");
		return 0;
	},
};

export const infoCommands: readonly Subcommand<CrictlServices>[] = [version, info, runtimeConfig];
