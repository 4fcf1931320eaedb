/** `crictl config`. Source: https://github.com/kubernetes-sigs/cri-tools/blob/master/docs/crictl.md */
import { stringify } from "yaml";
import { formatTable } from "../tools/table.ts";
import { flag, type Subcommand, ToolError, valued } from "../tools/tool.ts";
import type { CrictlConfig } from "./crictl-config.ts";
import { listLayout } from "./output.ts";
import { type CrictlServices, helpExit } from "./services.ts";

function entriesOf(config: CrictlConfig): readonly (readonly [string, string | number | boolean])[] {
	return [
		["runtime-endpoint", config.runtimeEndpoint],
		["image-endpoint", config.imageEndpoint],
		["timeout", config.timeout],
		["debug", config.debug],
		["pull-image-on-create", config.pullImageOnCreate],
		["disable-pull-on-run", config.disablePullOnRun],
	];
}

export const configCommand: Subcommand<CrictlServices> = {
	name: "config",
	usage: "Get, set and list crictl configuration options",
	args: "[<crictl options>]",
	options: [valued("get"), valued("set"), flag("list")],
	run: async (call, { config, configPath }) => {
		const entries = new Map(entriesOf(config));
		const wanted = call.value("get");
		const settings = [
			...call.values("set").flatMap((each) => each.split(",")),
			...(call.operands.length === 2 ? [call.operands.join("=")] : []),
		];
		const known = (key: string) => {
			if (!entries.has(key)) throw new ToolError(`no configuration option named ${key}`);
			return entries.get(key);
		};
		if (wanted !== undefined) await call.print(`${known(wanted)}\n`);
		else if (call.has("list"))
			await call.print(formatTable([["KEY", "VALUE"], ...[...entries].map(([key, value]) => [key, String(value)])], listLayout));
		else if (settings.length > 0) {
			for (const setting of settings) {
				const [key = "", value, ...more] = setting.split("=");
				if (value === undefined || more.length > 0) throw new ToolError(`incorrectly specified option: ${setting}`);
				const before = known(key);
				entries.set(key, typeof before === "string" ? value : typeof before === "number" ? Number(value) : value === "true");
			}
			call.context.machine.files.writeFile(
				configPath,
				Buffer.from(stringify(Object.fromEntries(entries), { defaultStringType: "QUOTE_DOUBLE", defaultKeyType: "PLAIN" })),
			);
		} else return helpExit;
		return 0;
	},
};
