/** `containerd` as somebody types it: its version and configuration. The service itself is systemd's. */
import { FsError, type Program, writeText } from "../../../host/index.ts";
import { configText, containerdConfigPath, containerdVersion, defaultConfig, readContainerdConfig } from "../containerd-config.ts";

export const containerd: Program = async ({ argv, machine, stdout, stderr }) => {
	const words = argv.slice(1);
	const at = words.findIndex((word) => word === "-c" || word === "--config");
	const path = at === -1 ? containerdConfigPath : (words[at + 1] ?? "");
	const [command, verb] = at === -1 ? words : words.filter((_, index) => index !== at && index !== at + 1);
	if (command === "--version" || command === "-v") {
		await writeText(stdout, `containerd github.com/containerd/containerd/v2 v${containerdVersion}\n`);
		return 0;
	}
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
	if (command === undefined) {
		await writeText(
			stderr,
			"containerd: failed to get the lock on /var/lib/containerd/io.containerd.metadata.v1.bolt/meta.db: resource temporarily unavailable\n",
		);
		return 1;
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
