/**
 * What the kubelet writes into a pod about its network: host name, /etc/hosts and /etc/resolv.conf.
 * Source: pkg/kubelet/network/dns, pkg/kubelet/kubelet_pods.go, https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/
 */
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { clusterDomain, outsideNameServer } from "../network/cluster-network.ts";

const maxHostnameLength = 63;
const maxServers = 3;
const maxSearches = 32;
const maxSearchLength = 2048;

/** @param host the name of the node, for pods of its network */
export function podHostname(pod: Pod, host: string): string {
	const { metadata, spec } = pod;
	if (spec?.hostnameOverride !== undefined) return spec.hostnameOverride;
	if (spec?.hostNetwork === true) return host;
	const own = spec?.hostname ?? (metadata?.name ?? "").slice(0, maxHostnameLength).replace(/[-.]+$/, "");
	return spec?.setHostnameAsFQDN === true && spec.subdomain !== undefined ? `${own}.${podDomain(pod)}` : own;
}

function podDomain({ metadata, spec }: Pod): string {
	return `${spec?.subdomain}.${metadata?.namespace}.svc.${clusterDomain}`;
}

export interface HostsFileOptions {
	readonly pod: Pod;
	readonly podIp: string;
	readonly hostname: string;
}

const localHosts = ["127.0.0.1\tlocalhost", "::1\tlocalhost ip6-localhost ip6-loopback", "fe00::0\tip6-localnet"];

export function hostsFile({ pod, podIp, hostname }: HostsFileOptions): string {
	const { hostAliases = [] } = pod.spec ?? {};
	const lines = pod.spec?.hostNetwork === true ? nodeHosts(podIp, hostname) : podHosts(pod, podIp, hostname);
	if (hostAliases.length === 0) return `${lines.join("\n")}\n`;
	const aliases = hostAliases.map(({ ip, hostnames = [] }) => `${ip}\t${hostnames.join("\t")}`);
	return `${[...lines, "", "# Entries added by HostAliases.", ...aliases].join("\n")}\n`;
}

function podHosts(pod: Pod, podIp: string, hostname: string): readonly string[] {
	const { subdomain, hostnameOverride } = pod.spec ?? {};
	const [short = ""] = hostname.split(".");
	const names = subdomain === undefined || hostnameOverride !== undefined ? hostname : `${short}.${podDomain(pod)}\t${short}`;
	return [
		"# Kubernetes-managed hosts file.",
		...localHosts,
		"fe00::0\tip6-mcastprefix",
		"fe00::1\tip6-allnodes",
		"fe00::2\tip6-allrouters",
		`${podIp}\t${names}`,
	];
}

/** What the node has itself. */
function nodeHosts(address: string, name: string): readonly string[] {
	return [
		"# Kubernetes-managed hosts file (host network).",
		...localHosts,
		"ff00::0\tip6-mcastprefix",
		"ff02::1\tip6-allnodes",
		"ff02::2\tip6-allrouters",
		`${address}\t${name}`,
	];
}

export interface PodDns {
	readonly servers: readonly string[];
	readonly searches: readonly string[];
	readonly options: readonly string[];
	/** What did not fit, in the words of the event DNSConfigForming. */
	readonly warnings: readonly string[];
}

export function podDns({ metadata, spec }: Pod, clusterDns: string): PodDns {
	const policy = spec?.dnsPolicy ?? "ClusterFirst";
	const usesCluster = policy === "ClusterFirstWithHostNet" || (policy === "ClusterFirst" && spec?.hostNetwork !== true);
	const namespace = metadata?.namespace ?? "default";
	const own = usesCluster ? [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain] : [];
	const { nameservers = [], searches = [], options = [] } = spec?.dnsConfig ?? {};
	const servers = distinct([...(usesCluster ? [clusterDns] : policy === "None" ? [] : [outsideNameServer]), ...nameservers]);
	const allSearches = distinct([...own, ...searches]);
	const appliedServers = servers.slice(0, maxServers);
	const appliedSearches = fitting(allSearches);
	const byName = new Map<string, string | undefined>(usesCluster ? [["ndots", "5"]] : []);
	for (const { name = "", value } of options) byName.set(name, value);
	return {
		servers: appliedServers,
		searches: appliedSearches,
		options: [...byName].map(([name, value]) => (value === undefined || value === "" ? name : `${name}:${value}`)),
		warnings: [
			...(appliedServers.length === servers.length
				? []
				: [
						`Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${appliedServers.join(" ")}`,
					]),
			...(appliedSearches.length === allSearches.length
				? []
				: [
						`Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${appliedSearches.join(" ")}`,
					]),
		],
	};
}

export function resolvConf({ servers, searches, options }: PodDns): string {
	return [
		...(searches.length === 0 ? [] : [`search ${searches.join(" ")}`]),
		...servers.map((address) => `nameserver ${address}`),
		...(options.length === 0 ? [] : [`options ${options.join(" ")}`]),
		"",
	].join("\n");
}

function distinct(values: readonly string[]): readonly string[] {
	return [...new Set(values)];
}

function fitting(searches: readonly string[]): readonly string[] {
	const fit = searches.slice(0, maxSearches);
	while (fit.join(" ").length > maxSearchLength) fit.pop();
	return fit;
}
