/** /etc/crictl.yaml. Source: https://github.com/kubernetes-sigs/cri-tools/blob/master/docs/crictl.md */
import { parse } from "yaml";
import { isJsonObject } from "../../../apimachinery/json.ts";
import { ToolError } from "../tools/tool.ts";

export interface CrictlConfig {
	readonly runtimeEndpoint: string;
	readonly imageEndpoint: string;
	/** Seconds. */
	readonly timeout: number;
	readonly debug: boolean;
	readonly pullImageOnCreate: boolean;
	readonly disablePullOnRun: boolean;
}

/** Throws `ToolError`. */
export function readCrictlConfig(text: string): CrictlConfig {
	const value: unknown = readYaml(text);
	const config = isJsonObject(value) ? value : {};
	const textOf = (key: string) => (typeof config[key] === "string" ? config[key] : "");
	return {
		runtimeEndpoint: textOf("runtime-endpoint"),
		imageEndpoint: textOf("image-endpoint"),
		timeout: typeof config.timeout === "number" ? config.timeout : 2,
		debug: config.debug === true,
		pullImageOnCreate: config["pull-image-on-create"] === true,
		disablePullOnRun: config["disable-pull-on-run"] === true,
	};
}

function readYaml(text: string): unknown {
	try {
		return parse(text);
	} catch (error) {
		throw new ToolError(`failed to load config file: ${error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error)}`);
	}
}
