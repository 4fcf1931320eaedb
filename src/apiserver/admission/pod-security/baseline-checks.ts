/**
 * The checks of the baseline level: known ways from a container to its node.
 * Source: k8s.io/pod-security-admission/policy; https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline
 */
import type { PodSpec, SELinuxOptions } from "../../../apimachinery/schema/generated/types.ts";
import {
	type Annotations,
	type Check,
	containersOf,
	containersWhere,
	describeContainers,
	describeSetters,
	type Finding,
	hasUserNamespace,
	plural,
	quoted,
	sorted,
} from "./check.ts";

function appArmorProfile(spec: PodSpec, annotations: Annotations): Finding | undefined {
	const isAllowed = (type: string) => type === "RuntimeDefault" || type === "Localhost";
	const ofPod = spec.securityContext?.appArmorProfile?.type;
	const isPodBad = ofPod !== undefined && !isAllowed(ofPod);
	const typeOf = (container: { readonly securityContext?: { readonly appArmorProfile?: { readonly type?: string } } }) =>
		container.securityContext?.appArmorProfile?.type;
	const isBad = (type: string | undefined): type is string => type !== undefined && !isAllowed(type);
	const bad = containersWhere(spec, (container) => isBad(typeOf(container)));
	const types = sorted([ofPod, ...containersOf(spec).map(typeOf)].filter(isBad));
	const isAllowedText = (text: string) => text === "" || text === "runtime/default" || text.startsWith("localhost/");
	const forbidden = Object.entries(annotations)
		.filter(([key, text]) => key.startsWith("container.apparmor.security.beta.kubernetes.io/") && !isAllowedText(text))
		.map(([key, text]) => `${key}=${JSON.stringify(text)}`)
		.sort();
	const setters = describeSetters(isPodBad, bad);
	const annotated = forbidden.length === 0 ? "" : plural(forbidden, "annotation", "annotations");
	const all = [setters, annotated].filter((text) => text !== "").join(" and ");
	if (all === "") return undefined;
	const values = [...types, ...forbidden];
	return {
		reason: plural(values, "forbidden AppArmor profile", "forbidden AppArmor profiles"),
		detail: `${all} must not set AppArmor profile type to ${quoted(values)}`,
	};
}

const baselineCapabilities: ReadonlySet<string> = new Set([
	"AUDIT_WRITE",
	"CHOWN",
	"DAC_OVERRIDE",
	"FOWNER",
	"FSETID",
	"KILL",
	"MKNOD",
	"NET_BIND_SERVICE",
	"SETFCAP",
	"SETGID",
	"SETPCAP",
	"SETUID",
	"SYS_CHROOT",
]);

function capabilities(spec: PodSpec): Finding | undefined {
	const added = (container: ReturnType<typeof containersOf>[number]) =>
		(container.securityContext?.capabilities?.add ?? []).filter((name) => !baselineCapabilities.has(name));
	const bad = containersWhere(spec, (container) => added(container).length > 0);
	if (bad.length === 0) return undefined;
	const names = quoted(sorted(containersOf(spec).flatMap(added)));
	return {
		reason: "non-default capabilities",
		detail: `${describeContainers(bad)} must not include ${names} in securityContext.capabilities.add`,
	};
}

function hostNamespaces({ hostIPC, hostNetwork, hostPID }: PodSpec): Finding | undefined {
	if (hostIPC !== true && hostNetwork !== true && hostPID !== true) return undefined;
	const used = Object.entries({ hostIPC, hostNetwork, hostPID }).filter(([, isUsed]) => isUsed === true);
	return { reason: "host namespaces", detail: used.map(([name]) => `${name}=true`).join(", ") };
}

function hostPathVolumes({ volumes = [] }: PodSpec): Finding | undefined {
	const bad = volumes.filter(({ hostPath }) => hostPath !== undefined).map(({ name }) => name);
	if (bad.length === 0) return undefined;
	return { reason: "hostPath volumes", detail: `${plural(bad, "volume", "volumes")} ${quoted(bad)}` };
}

function hostPorts(spec: PodSpec): Finding | undefined {
	const portsOf = (container: ReturnType<typeof containersOf>[number]) =>
		(container.ports ?? []).flatMap(({ hostPort = 0 }) => (hostPort === 0 ? [] : [String(hostPort)]));
	const bad = containersWhere(spec, (container) => portsOf(container).length > 0);
	if (bad.length === 0) return undefined;
	const ports = sorted(containersOf(spec).flatMap(portsOf));
	const verb = plural(bad, "uses", "use");
	return { reason: "hostPort", detail: `${describeContainers(bad)} ${verb} ${plural(ports, "hostPort", "hostPorts")} ${ports.join(", ")}` };
}

/** A probe that goes to another host makes the kubelet knock wherever a pod's author wants. */
function probeHosts(spec: PodSpec): Finding | undefined {
	const hostsOf = ({ livenessProbe, readinessProbe, startupProbe, lifecycle }: ReturnType<typeof containersOf>[number]) =>
		[livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop].flatMap((handler) =>
			[handler?.httpGet?.host, handler?.tcpSocket?.host].filter((host): host is string => host !== undefined && host !== ""),
		);
	const bad = sorted(containersWhere(spec, (container) => hostsOf(container).length > 0));
	if (bad.length === 0) return undefined;
	const hosts = sorted(containersOf(spec).flatMap(hostsOf));
	const what = plural(hosts, "probe or lifecycle host", "probe or lifecycle hosts");
	return { reason: "probe or lifecycle host", detail: `${describeContainers(bad)} ${plural(bad, "uses", "use")} ${what} ${quoted(hosts)}` };
}

function privileged(spec: PodSpec): Finding | undefined {
	const bad = containersWhere(spec, ({ securityContext }) => securityContext?.privileged === true);
	if (bad.length === 0) return undefined;
	return { reason: "privileged", detail: `${describeContainers(bad)} must not set securityContext.privileged=true` };
}

export function procMount(spec: PodSpec): Finding | undefined {
	const isBad = (type: string | undefined): type is string => type !== undefined && type !== "Default";
	const bad = containersWhere(spec, ({ securityContext }) => isBad(securityContext?.procMount));
	if (bad.length === 0) return undefined;
	const types = sorted(
		containersOf(spec)
			.map(({ securityContext }) => securityContext?.procMount)
			.filter(isBad),
	);
	return { reason: "procMount", detail: `${describeContainers(bad)} must not set securityContext.procMount to ${quoted(types)}` };
}

const seLinuxTypes = ["", "container_t", "container_init_t", "container_kvm_t"];

function seLinuxOptions(allowed: readonly string[]) {
	return (spec: PodSpec): Finding | undefined => {
		const isBad = (options: SELinuxOptions | undefined): options is SELinuxOptions =>
			options !== undefined && (!allowed.includes(options.type ?? "") || (options.user ?? "") !== "" || (options.role ?? "") !== "");
		const ofPod = spec.securityContext?.seLinuxOptions;
		const setters = describeSetters(
			isBad(ofPod),
			containersWhere(spec, ({ securityContext }) => isBad(securityContext?.seLinuxOptions)),
		);
		if (setters === "") return undefined;
		const bad = [ofPod, ...containersOf(spec).map(({ securityContext }) => securityContext?.seLinuxOptions)].filter(isBad);
		const types = sorted(bad.map(({ type = "" }) => type).filter((type) => !allowed.includes(type)));
		const data = [
			...(types.length === 0 ? [] : [`${plural(types, "type", "types")} ${quoted(types)}`]),
			...(bad.some(({ user = "" }) => user !== "") ? ["user may not be set"] : []),
			...(bad.some(({ role = "" }) => role !== "") ? ["role may not be set"] : []),
		];
		return { reason: "seLinuxOptions", detail: `${setters} set forbidden securityContext.seLinuxOptions: ${data.join("; ")}` };
	};
}

const seccompPodKey = "seccomp.security.alpha.kubernetes.io/pod";
const seccompContainerPrefix = "container.seccomp.security.alpha.kubernetes.io/";

/** Before 1.19 profiles stood in annotations. */
function seccompAnnotations(spec: PodSpec, annotations: Annotations): Finding | undefined {
	const isAllowed = (text: string) => text === "runtime/default" || text === "docker/default" || text.startsWith("localhost/");
	const keys = [seccompPodKey, ...containersOf(spec).map(({ name }) => seccompContainerPrefix + name)];
	const forbidden = sorted(
		keys.flatMap((key) => {
			const text = annotations[key];
			return text === undefined || isAllowed(text) ? [] : [`${key}=${JSON.stringify(text)}`];
		}),
	);
	if (forbidden.length === 0) return undefined;
	return { reason: "seccompProfile", detail: `forbidden ${plural(forbidden, "annotation", "annotations")} ${forbidden.join(", ")}` };
}

export const isSeccompAllowed = (type: string | undefined): boolean => type === "RuntimeDefault" || type === "Localhost";

/** What is set to a profile that no level above privileged allows. */
export function seccompFields(spec: PodSpec): Finding | undefined {
	const ofPod = spec.securityContext?.seccompProfile;
	const isBad = (profile: { readonly type?: string } | undefined) => profile !== undefined && !isSeccompAllowed(profile.type);
	const setters = describeSetters(
		isBad(ofPod),
		containersWhere(spec, ({ securityContext }) => isBad(securityContext?.seccompProfile)),
	);
	if (setters === "") return undefined;
	const profiles = [ofPod, ...containersOf(spec).map(({ securityContext }) => securityContext?.seccompProfile)];
	const types = quoted(sorted(profiles.filter(isBad).map((profile) => profile?.type ?? "")));
	return { reason: "seccompProfile", detail: `${setters} must not set securityContext.seccompProfile.type to ${types}` };
}

const sysctls10 = [
	"kernel.shm_rmid_forced",
	"net.ipv4.ip_local_port_range",
	"net.ipv4.tcp_syncookies",
	"net.ipv4.ping_group_range",
	"net.ipv4.ip_unprivileged_port_start",
];
const sysctls27 = [...sysctls10, "net.ipv4.ip_local_reserved_ports"];
const sysctls29 = [
	...sysctls27,
	"net.ipv4.tcp_keepalive_time",
	"net.ipv4.tcp_fin_timeout",
	"net.ipv4.tcp_keepalive_intvl",
	"net.ipv4.tcp_keepalive_probes",
];
const sysctls32 = [...sysctls29, "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"];

function sysctls(allowed: readonly string[]) {
	return ({ securityContext }: PodSpec): Finding | undefined => {
		const bad = (securityContext?.sysctls ?? []).map(({ name }) => name).filter((name) => !allowed.includes(name));
		return bad.length === 0 ? undefined : { reason: "forbidden sysctls", detail: bad.join(", ") };
	};
}

function windowsHostProcess(spec: PodSpec): Finding | undefined {
	const setters = describeSetters(
		spec.securityContext?.windowsOptions?.hostProcess === true,
		containersWhere(spec, ({ securityContext }) => securityContext?.windowsOptions?.hostProcess === true),
	);
	if (setters === "") return undefined;
	return { reason: "hostProcess", detail: `${setters} must not set securityContext.windowsOptions.hostProcess=true` };
}

/** In the order in which findings are told. */
export const baselineChecks: readonly Check[] = [
	{ id: "appArmorProfile", versions: [{ since: 0, check: appArmorProfile }] },
	{ id: "capabilities_baseline", versions: [{ since: 0, check: capabilities }] },
	{ id: "hostNamespaces", versions: [{ since: 0, check: hostNamespaces }] },
	{ id: "hostPathVolumes", versions: [{ since: 0, check: hostPathVolumes }] },
	{ id: "hostPorts", versions: [{ since: 0, check: hostPorts }] },
	{ id: "hostProbesAndHostLifecycle", versions: [{ since: 34, check: probeHosts }] },
	{ id: "privileged", versions: [{ since: 0, check: privileged }] },
	{
		id: "procMount_baseline",
		versions: [
			{ since: 0, check: procMount },
			{ since: 35, check: (spec) => (hasUserNamespace(spec) ? undefined : procMount(spec)) },
		],
	},
	{
		id: "seLinuxOptions",
		versions: [
			{ since: 0, check: seLinuxOptions(seLinuxTypes) },
			{ since: 31, check: seLinuxOptions([...seLinuxTypes, "container_engine_t"]) },
		],
	},
	{
		id: "seccompProfile_baseline",
		versions: [
			{ since: 0, check: seccompAnnotations },
			{ since: 19, check: seccompFields },
		],
	},
	{
		id: "sysctls",
		versions: [
			{ since: 0, check: sysctls(sysctls10) },
			{ since: 27, check: sysctls(sysctls27) },
			{ since: 29, check: sysctls(sysctls29) },
			{ since: 32, check: sysctls(sysctls32) },
		],
	},
	{ id: "windowsHostProcess", versions: [{ since: 0, check: windowsHostProcess }] },
];
