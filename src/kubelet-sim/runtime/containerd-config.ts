/**
 * containerd's configuration, as far as the simulation heeds it: which runtime handlers there are, and the default one. What a file says is
 * put over what containerd has by itself, so `runc` is always there. A change counts when containerd starts anew.
 * Source: https://github.com/containerd/containerd/blob/main/docs/cri/config.md; the defaults are those of containerd 2.1.
 */
import type { JsonObject, JsonValue } from "../../apimachinery/json.ts";

export const containerdVersion = "2.1.4";
export const containerdConfigPath = "/etc/containerd/config.toml";

/** What runs the containers of a handler: the kind of its shim. */
export type HandlerKind = "runc" | "kata" | "wasm";

export interface RuntimeHandler {
	readonly name: string;
	/** `io.containerd.runc.v2` */
	readonly type: string;
	/** Undefined: its shim is not installed on the node. */
	readonly kind: HandlerKind | undefined;
	readonly options: JsonObject;
}

export interface ContainerdConfig {
	readonly defaultHandler: string;
	readonly handlers: ReadonlyMap<string, RuntimeHandler>;
}

/** What a node's /etc/containerd/config.toml says at first. */
export const shippedConfig = `version = 3

[plugins.'io.containerd.cri.v1.images'.registry]
  config_path = '/etc/containerd/certs.d'

[plugins.'io.containerd.cri.v1.runtime'.containerd]
  default_runtime_name = 'runc'

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = 'io.containerd.runc.v2'
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
    SystemdCgroup = true

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.kata]
  runtime_type = 'io.containerd.kata.v2'

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.wasmtime]
  runtime_type = 'io.containerd.wasmtime.v1'
`;

/** Shims that a node has. Source: https://github.com/containerd/runwasi, kata-deploy */
const shims: readonly (readonly [RegExp, HandlerKind])[] = [
	[/^io\.containerd\.runc\.v2$/, "runc"],
	[/^io\.containerd\.kata(-\w+)?\.v2$/, "kata"],
	[/^io\.containerd\.(wasmtime|wasmedge|wasmer)\.v[12]$/, "wasm"],
];

export function handlerKind(type: string): HandlerKind | undefined {
	return shims.find(([pattern]) => pattern.test(type))?.[1];
}

/** The program of a runtime type: `containerd-shim-runc-v2`. */
export function shimName(type: string): string {
	return `containerd-shim-${type.split(".").slice(-2).join("-")}`;
}

const plugin = String.raw`plugins\.(?:'io\.containerd\.cri\.v1\.runtime'|"io\.containerd\.cri\.v1\.runtime"|'io\.containerd\.grpc\.v1\.cri'|"io\.containerd\.grpc\.v1\.cri"|cri)\.containerd`;
const section = new RegExp(String.raw`^\s*\[${plugin}(?:\.runtimes\.(?:"([^"]+)"|'([^']+)'|([\w-]+))(\.options)?)?\]\s*$`);

/** Reads the sections about runtimes; the rest of the file is not looked at. */
export function readContainerdConfig(text: string): ContainerdConfig {
	const found = new Map<string, { type: string; options: Record<string, JsonValue> }>([
		["runc", { type: "io.containerd.runc.v2", options: {} }],
	]);
	let defaultHandler = "runc";
	let at: { readonly name: string | undefined; readonly isOptions: boolean } | undefined;
	for (const line of text.split("\n")) {
		if (/^\s*\[/.test(line)) {
			const match = section.exec(line.replace(/#.*$/, ""));
			at = match === null ? undefined : { name: match[1] ?? match[2] ?? match[3], isOptions: match[4] !== undefined };
			continue;
		}
		const pair = /^\s*([\w-]+)\s*=\s*(.*?)\s*(?:#.*)?$/.exec(line);
		if (at === undefined || pair === null) continue;
		const [, key = "", written = ""] = pair;
		const value = tomlValue(written);
		if (at.name === undefined) {
			if (key === "default_runtime_name" && typeof value === "string") defaultHandler = value;
			continue;
		}
		const handler = found.get(at.name) ?? { type: "", options: {} };
		found.set(at.name, handler);
		if (at.isOptions) handler.options[key] = value;
		else if (key === "runtime_type" && typeof value === "string") handler.type = value;
	}
	const handlers = [...found].map(([name, { type, options }]) => [name, { name, type, kind: handlerKind(type), options }] as const);
	return { defaultHandler, handlers: new Map(handlers) };
}

function tomlValue(text: string): JsonValue {
	const quoted = /^(['"])(.*)\1$/.exec(text);
	if (quoted !== null) return quoted[2] ?? "";
	return text === "true" || text === "false" ? text === "true" : Number.isFinite(Number(text)) ? Number(text) : text;
}

/** `containerd config default` and `dump`: the parts about the interface and its runtimes. @param registryPath of hosts.toml files */
export function configText({ defaultHandler, handlers }: ContainerdConfig, registryPath: string): string {
	const own = "plugins.'io.containerd.cri.v1.runtime'.containerd";
	const runtimes = [...handlers.values()].map(({ name, type, options }) =>
		[
			`        [${own}.runtimes.${name}]`,
			`          runtime_type = '${type}'`,
			...["runtime_path = ''", "pod_annotations = []", "container_annotations = []", "privileged_without_host_devices = false"].map(
				(line) => `          ${line}`,
			),
			...["base_runtime_spec = ''", "cni_conf_dir = ''", "cni_max_conf_num = 0", "snapshotter = ''", "sandboxer = 'podsandbox'"].map(
				(line) => `          ${line}`,
			),
			"",
			`          [${own}.runtimes.${name}.options]`,
			...Object.entries(options).map(([key, value]) => `            ${key} = ${typeof value === "string" ? `'${value}'` : String(value)}`),
		].join("\n"),
	);
	return `version = 3
root = '/var/lib/containerd'
state = '/run/containerd'
temp = ''
disabled_plugins = []
required_plugins = []
oom_score = 0
imports = []

[grpc]
  address = '/run/containerd/containerd.sock'
  tcp_address = ''
  uid = 0
  gid = 0
  max_recv_message_size = 16777216
  max_send_message_size = 16777216

[plugins]
  [plugins.'io.containerd.cri.v1.images']
    snapshotter = 'overlayfs'
    max_concurrent_downloads = 3
    image_pull_progress_timeout = '5m0s'
    stats_collect_period = 10

    [plugins.'io.containerd.cri.v1.images'.pinned_images]
      sandbox = 'registry.k8s.io/pause:3.10'

    [plugins.'io.containerd.cri.v1.images'.registry]
      config_path = '${registryPath}'

  [plugins.'io.containerd.cri.v1.runtime']
    enable_selinux = false
    max_container_log_line_size = 16384
    disable_apparmor = false
    enable_unprivileged_ports = true
    enable_unprivileged_icmp = true
    enable_cdi = true

    [${own}]
      default_runtime_name = '${defaultHandler}'

      [${own}.runtimes]
${runtimes.join("\n\n")}

    [plugins.'io.containerd.cri.v1.runtime'.cni]
      bin_dirs = ['/opt/cni/bin']
      conf_dir = '/etc/cni/net.d'
      max_conf_num = 1

  [plugins.'io.containerd.gc.v1.scheduler']
    pause_threshold = 0.02
    mutation_threshold = 100
    schedule_delay = '0s'
    startup_delay = '100ms'

  [plugins.'io.containerd.runtime.v2.task']
    platforms = ['linux/amd64']

[timeouts]
  'io.containerd.timeout.shim.cleanup' = '5s'
  'io.containerd.timeout.shim.load' = '5s'
  'io.containerd.timeout.shim.shutdown' = '3s'
  'io.containerd.timeout.task.state' = '2s'
`;
}

export const defaultConfig: ContainerdConfig = readContainerdConfig("");
