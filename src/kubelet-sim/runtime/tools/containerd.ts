/** `containerd config`: what somebody types beside the service, which is systemd's. */
import { FsError, type Program, writeText } from "../../../host/index.ts";
import { configText, containerdConfigPath, defaultConfig, readContainerdConfig } from "../containerd-config.ts";

export const containerd: Program = async ({ argv, machine, stdout }) => {
	const words = argv.slice(1);
	const at = words.findIndex((word) => word === "-c" || word === "--config");
	const path = at === -1 ? containerdConfigPath : (words[at + 1] ?? "");
	const [command, verb] = at === -1 ? words : words.filter((_, index) => index !== at && index !== at + 1);
	if (command === "config" && verb === "default") {
		await writeText(stdout, configText(defaultConfig, ""));
		return 0;
	}
	if (command === "config" && verb === "dump") {
		const text = readText(() => machine.files.readText(path));
		const registry = /^\s*config_path\s*=\s*['"](.*)['"]/m.exec(text)?.[1] ?? "";
		await writeText(stdout, configText(readContainerdConfig(text), registry));
		return 0;
	}
	await writeText(
		stdout,
		"NAME:\n   containerd - high performance container runtime\n\nUSAGE:\n   containerd [global options] command [command options]\n\nCOMMANDS:\n   config  Information on the containerd config: default, dump\n",
	);
	return 0;
};

function readText(read: () => string): string {
	try {
		return read();
	} catch (error) {
		if (error instanceof FsError) return "";
		throw error;
	}
}
