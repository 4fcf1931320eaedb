/**
 * What a kubelet makes of its flags and files when it starts: what it works with, or why it can't, in its own words.
 * Source: cmd/kubelet/app/server.go, pkg/kubelet/kubeletconfig/configfiles, pkg/kubelet/cm/container_manager_linux.go
 */
import { type FileSystem, FsError } from "../../host/index.ts";
import { dialError } from "./dial-error.ts";
import { kubeletConfigurationFields } from "./kubelet-fields.ts";
import { parseKubeletFlags } from "./kubelet-flags.ts";

export interface KubeletSurroundings {
	readonly files: FileSystem;
	/** Whether somebody listens on containerd's socket; else the connect error. */
	readonly runtimeError: string | undefined;
	/** Reads YAML; throws an Error. */
	readonly parse: (text: string) => unknown;
	/** The contents of /proc/swaps where there is swap. */
	readonly swaps: string | undefined;
	readonly cgroupVersion: 1 | 2;
}

export interface KubeletStart {
	/** The configuration file's fields. */
	readonly configuration: Readonly<Record<string, unknown>>;
	/** Where it takes the API server to be; undefined without a kubeconfig. */
	readonly apiServer: string | undefined;
}

/** Throws an Error with the text behind `err=` of the kubelet's last line. */
export function startKubelet(args: readonly string[], around: KubeletSurroundings): KubeletStart {
	const flags = parseKubeletFlags(args);
	if (typeof flags === "string") throw new Error(flags);
	const configPath = flags.get("config");
	const configuration = configPath === undefined ? {} : readConfiguration(configPath, around);
	const failsOnOlder = (flags.get("fail-cgroupv1") ?? String(configuration.failCgroupV1 ?? true)) === "true";
	const problem = around.cgroupVersion === 1 ? olderCgroupProblem({ ...configuration, failCgroupV1: failsOnOlder }) : undefined;
	if (problem !== undefined)
		throw new Error(`failed to validate kubelet configuration, error: ${problem}, path: &TypeMeta{Kind:,APIVersion:,}`);
	checkCertificates(flags, configuration, around.files);
	const run = (why: string) => new Error(`failed to run Kubelet: ${why}`);
	const apiServer = readApiServer(flags, around, run);
	const { runtimeError } = around;
	const endpoint =
		flags.get("container-runtime-endpoint") ?? textOf(configuration.containerRuntimeEndpoint) ?? "unix:///run/containerd/containerd.sock";
	if (runtimeError !== undefined)
		throw run(
			`validate service connection: validate CRI v1 runtime API for endpoint ${JSON.stringify(endpoint)}: ${dialError(endpoint, runtimeError)}`,
		);
	const isContainerd = /^unix:\/\/(\/var)?\/run\/containerd\/containerd\.sock$/.test(endpoint);
	if (!isContainerd)
		throw run(
			`validate service connection: validate CRI v1 runtime API for endpoint ${JSON.stringify(endpoint)}: ${dialError(endpoint, "no such file or directory")}`,
		);
	const failSwapOn = (flags.get("fail-swap-on") ?? String(configuration.failSwapOn ?? true)) === "true";
	if (around.swaps !== undefined && failSwapOn)
		throw run(
			`running with swap on is not supported, please disable swap or set --fail-swap-on flag to false. /proc/swaps contained: [${around.swaps.trimEnd().split("\n").join(" ")}]`,
		);
	return { configuration, apiServer };
}

/**
 * Why a kubelet does not run on a machine with version 1 of cgroups; undefined: it does.
 * Source: pkg/kubelet/apis/config/validation/validation_linux.go; KEP-5573
 */
export function olderCgroupProblem(configuration: Readonly<Record<string, unknown>>): string | undefined {
	if (configuration.failCgroupV1 !== false)
		return "kubelet is configured to not run on a host using cgroup v1. cgroup v1 support is unsupported and will be removed in a future release";
	if (configuration.singleProcessOOMKill === false)
		return "invalid configuration: singleProcessOOMKill must not be explicitly set to false when using cgroup v1";
	return undefined;
}

function textOf(value: unknown): string | undefined {
	return typeof value === "string" && value !== "" ? value : undefined;
}

function readText(files: FileSystem, path: string): string {
	try {
		return files.readText(path);
	} catch (error) {
		if (!(error instanceof FsError)) throw error;
		throw new Error(`open ${path}: ${error.shellText.toLowerCase()}`);
	}
}

function readConfiguration(path: string, { files, parse }: KubeletSurroundings): Readonly<Record<string, unknown>> {
	const fail = (why: string) =>
		new Error(`failed to load kubelet config file, path: ${path}, error: failed to load Kubelet config file ${path}, error ${why}`);
	let text: string;
	try {
		text = readText(files, path);
	} catch (error) {
		throw fail(`failed to read kubelet config file ${JSON.stringify(path)}, error: ${(error as Error).message}`);
	}
	if (text === "") throw fail(`kubelet config file ${JSON.stringify(path)} was empty`);
	let value: unknown;
	try {
		value = parse(text);
	} catch (error) {
		throw fail(`failed to decode, error: yaml: ${(error as Error).message.split("\n")[0]}`);
	}
	if (typeof value !== "object" || value === null || Array.isArray(value))
		throw fail(
			'failed to decode, error: couldn\'t get version/kind; json parse error: json: cannot unmarshal string into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }',
		);
	const { apiVersion, kind, ...configuration } = value as Record<string, unknown>;
	if (kind === undefined) throw fail(`failed to decode, error: Object 'Kind' is missing in '${JSON.stringify(value)}'`);
	if (apiVersion === undefined) throw fail(`failed to decode, error: Object 'apiVersion' is missing in '${JSON.stringify(value)}'`);
	if (kind !== "KubeletConfiguration" || apiVersion !== "kubelet.config.k8s.io/v1beta1")
		throw fail(
			`failed to decode, error: no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} in scheme "pkg/kubelet/apis/config/scheme/scheme.go:33"`,
		);
	const unknown = Object.keys(configuration).filter((key) => !kubeletConfigurationFields.has(key));
	if (unknown.length > 0)
		throw fail(
			`failed to decode, error: strict decoding error: ${unknown.map((key) => `unknown field ${JSON.stringify(key)}`).join(", ")}`,
		);
	return configuration;
}

function checkCertificates(
	flags: ReadonlyMap<string, string>,
	{ authentication }: Readonly<Record<string, unknown>>,
	files: FileSystem,
): void {
	const x509 = (authentication as { x509?: { clientCAFile?: unknown } } | undefined)?.x509;
	const path = flags.get("client-ca-file") ?? textOf(x509?.clientCAFile);
	if (path === undefined) return;
	const fail = (why: string) => new Error(`failed to construct kubelet dependencies: unable to load client CA file ${path}: ${why}`);
	let text: string;
	try {
		text = readText(files, path);
	} catch (error) {
		throw fail((error as Error).message);
	}
	if (!text.includes("-----BEGIN CERTIFICATE-----")) throw fail("data does not contain any valid RSA or ECDSA certificates");
}

function readApiServer(
	flags: ReadonlyMap<string, string>,
	{ files, parse }: KubeletSurroundings,
	run: (why: string) => Error,
): string | undefined {
	const path = flags.get("kubeconfig");
	if (path === undefined) return undefined;
	if (!files.exists(path)) {
		const bootstrap = flags.get("bootstrap-kubeconfig");
		if (bootstrap === undefined) throw run(`invalid kubeconfig: stat ${path}: no such file or directory`);
		if (!files.exists(bootstrap)) throw run(`unable to load bootstrap kubeconfig: stat ${bootstrap}: no such file or directory`);
		return undefined;
	}
	try {
		const { clusters = [] } = parse(readText(files, path)) as { clusters?: readonly { cluster?: { server?: string } }[] };
		return clusters[0]?.cluster?.server;
	} catch (error) {
		throw run(`invalid kubeconfig: error loading config file ${JSON.stringify(path)}: yaml: ${(error as Error).message.split("\n")[0]}`);
	}
}
