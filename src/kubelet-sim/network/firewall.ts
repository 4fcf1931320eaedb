/**
 * The iptables of a node as kube-proxy leaves them: made from Services and endpoints when somebody looks. They show what
 * cluster-network.ts does; packets are not counted.
 *
 *   KUBE-SERVICES ─┬─> KUBE-SVC-… (cluster policy) ──┬─> KUBE-SEP-… ──> DNAT
 *   KUBE-NODEPORTS ┴─> KUBE-EXT-… ──> KUBE-SVL-… (local policy) ─┘
 *
 * Source: pkg/proxy/iptables/proxier.go, https://kubernetes.io/docs/reference/networking/virtual-ips/#proxy-mode-iptables
 */
import { createHash } from "node:crypto";
import type { Service, ServicePort } from "../../apimachinery/schema/generated/types.ts";
import type { FirewallChain, FirewallRule, FirewallTable, RulePart } from "../../host/index.ts";
import type { NetworkLookups } from "./network-lookups.ts";
import type { NetworkNode } from "./pod-network.ts";
import { affinitySeconds, type Backend, backendsOf, protocolOf, type ServiceBackends, servicePortName } from "./service-routing.ts";

const podRange = "10.244.0.0/16";
const hashLength = 16;

/** Base32 of a SHA-256, as the names of kube-proxy's chains have it. */
export function chainHash(text: string): string {
	const bytes = createHash("sha256").update(text).digest();
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	let bits = "";
	for (const byte of bytes.subarray(0, (hashLength * 5) / 8)) bits += byte.toString(2).padStart(8, "0");
	return (bits.match(/.{5}/g) ?? []).map((five) => alphabet.charAt(Number.parseInt(five, 2))).join("");
}

/** One port of one Service, with what its chains are called. */
interface PortChains {
	readonly service: Service;
	readonly port: ServicePort;
	readonly name: string;
	readonly protocol: "tcp" | "udp";
	readonly backends: ServiceBackends;
	readonly hash: string;
}

export function firewallTables(node: NetworkNode, lookups: NetworkLookups): readonly FirewallTable[] {
	const place = { name: node.name, zone: lookups.zoneOf(node.name) };
	const ports = lookups
		.services()
		.filter(
			({ spec }) => spec?.type !== "ExternalName" && spec?.clusterIP !== undefined && spec.clusterIP !== "" && spec.clusterIP !== "None",
		)
		.flatMap((service) => (service.spec?.ports ?? []).flatMap((port) => chainsOf(service, port, place, lookups)))
		.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
	return [natTable(ports), filterTable(ports)];
}

function chainsOf(
	service: Service,
	port: ServicePort,
	place: { name: string; zone: string | undefined },
	lookups: NetworkLookups,
): readonly PortChains[] {
	const protocol = protocolOf(port).toLowerCase();
	if (protocol !== "tcp" && protocol !== "udp") return [];
	const name = servicePortName(service, port);
	const { metadata } = service;
	const slices = lookups.endpointSlices(metadata?.namespace ?? "", metadata?.name ?? "");
	return [{ service, port, name, protocol, backends: backendsOf(port, slices, place), hash: chainHash(name + protocol) }];
}

function natTable(ports: readonly PortChains[]): FirewallTable {
	const used = ports.filter(({ backends }) => backends.isAnywhere);
	const portals = () => rule({ parts: [comment("kubernetes service portals")], target: "KUBE-SERVICES" });
	const builtIn: readonly FirewallChain[] = [
		{ name: "PREROUTING", policy: "ACCEPT", rules: [portals()] },
		{ name: "INPUT", policy: "ACCEPT", rules: [] },
		{ name: "OUTPUT", policy: "ACCEPT", rules: [portals()] },
		{
			name: "POSTROUTING",
			policy: "ACCEPT",
			rules: [rule({ parts: [comment("kubernetes postrouting rules")], target: "KUBE-POSTROUTING" })],
		},
	];
	const fixed: readonly FirewallChain[] = [
		{ name: "KUBE-KUBELET-CANARY", rules: [] },
		{ name: "KUBE-MARK-MASQ", rules: [rule({ target: "MARK", targetOptions: part("--set-xmark 0x4000/0x4000", "MARK or 0x4000") })] },
		{ name: "KUBE-NODEPORTS", rules: used.flatMap(nodePortRules) },
		{
			name: "KUBE-POSTROUTING",
			rules: [
				rule({ parts: [part("-m mark ! --mark 0x4000/0x4000", "mark match ! 0x4000/0x4000")], target: "RETURN" }),
				rule({ target: "MARK", targetOptions: part("--set-xmark 0x4000/0x0", "MARK xor 0x4000") }),
				rule({
					parts: [comment("kubernetes service traffic requiring SNAT")],
					target: "MASQUERADE",
					targetOptions: part("--random-fully", "random-fully"),
				}),
			],
		},
		{ name: "KUBE-PROXY-CANARY", rules: [] },
		{
			name: "KUBE-SERVICES",
			rules: [
				...used.flatMap(portalRules),
				rule({
					parts: [
						comment("kubernetes service nodeports; NOTE: this must be the last rule in this chain"),
						part("-m addrtype --dst-type LOCAL", "ADDRTYPE match dst-type LOCAL"),
					],
					target: "KUBE-NODEPORTS",
				}),
			],
		},
	];
	return { name: "nat", chains: [...builtIn, ...sorted([...fixed, ...used.flatMap(serviceChains)])] };
}

/** What leads to a Service: its cluster, external and load balancer addresses. */
function portalRules(chains: PortChains): readonly FirewallRule[] {
	const { service, name, hash } = chains;
	const { clusterIP = "", externalIPs = [], loadBalancerSourceRanges = [], internalTrafficPolicy } = service.spec ?? {};
	const balancer = (service.status?.loadBalancer?.ingress ?? []).filter(({ ipMode }) => ipMode !== "Proxy").flatMap(({ ip }) => ip ?? []);
	const own = internalTrafficPolicy === "Local" ? (chains.backends.local.length > 0 ? `KUBE-SVL-${hash}` : undefined) : `KUBE-SVC-${hash}`;
	const lead = (address: string, what: string, target: string) => portalRule(chains, address, `${name} ${what}`, { target });
	return [
		...(own === undefined ? [] : [lead(clusterIP, "cluster IP", own)]),
		...externalIPs.map((address) => lead(address, "external IP", `KUBE-EXT-${hash}`)),
		...balancer.map((address) =>
			lead(address, "loadbalancer IP", `${loadBalancerSourceRanges.length > 0 ? "KUBE-FW-" : "KUBE-EXT-"}${hash}`),
		),
	];
}

function nodePortRules({ port, name, protocol, hash }: PortChains): readonly FirewallRule[] {
	if (port.nodePort === undefined || port.nodePort === 0) return [];
	return [rule({ protocol, parts: [comment(name), destinationPort(protocol, port.nodePort)], target: `KUBE-EXT-${hash}` })];
}

function serviceChains(chains: PortChains): readonly FirewallChain[] {
	const { service, port, name, hash, backends } = chains;
	const {
		externalTrafficPolicy,
		internalTrafficPolicy,
		loadBalancerSourceRanges = [],
		externalIPs = [],
		clusterIP = "",
	} = service.spec ?? {};
	const isExternal = (port.nodePort ?? 0) !== 0 || externalIPs.length > 0 || (service.status?.loadBalancer?.ingress ?? []).length > 0;
	const usesLocal = internalTrafficPolicy === "Local" || (isExternal && externalTrafficPolicy === "Local");
	const masquerade = portalRule(chains, clusterIP, `${name} cluster IP`, { target: "KUBE-MARK-MASQ", source: `!${podRange}` });
	const spread = (list: readonly Backend[]) => [masquerade, ...choiceRules(chains, list)];
	const reachable = new Map([...backends.cluster, ...(usesLocal ? backends.local : [])].map((backend) => [targetOf(backend), backend]));
	return [
		{ name: `KUBE-SVC-${hash}`, rules: spread(backends.cluster) },
		...(usesLocal && backends.local.length > 0 ? [{ name: `KUBE-SVL-${hash}`, rules: spread(backends.local) }] : []),
		...(isExternal ? [{ name: `KUBE-EXT-${hash}`, rules: externalRules(chains, externalTrafficPolicy === "Local") }] : []),
		...(loadBalancerSourceRanges.length > 0
			? [
					{
						name: `KUBE-FW-${hash}`,
						rules: [
							...loadBalancerSourceRanges.map((range) =>
								rule({ source: range.trim(), parts: [comment(`${name} loadbalancer IP`)], target: `KUBE-EXT-${hash}` }),
							),
							rule({ parts: [comment(`other traffic to ${name} will be dropped by KUBE-PROXY-FIREWALL`)] }),
						],
					},
				]
			: []),
		...[...reachable.values()].map((backend) => endpointChain(chains, backend)),
	];
}

/** From outside to a Service, by its external policy. */
function externalRules({ name, hash, backends }: PortChains, isLocal: boolean): readonly FirewallRule[] {
	const what = `${name} external destinations`;
	if (!isLocal) {
		return [rule({ parts: [comment(`masquerade traffic for ${what}`)], target: "KUBE-MARK-MASQ" }), rule({ target: `KUBE-SVC-${hash}` })];
	}
	const fromNode = part("-m addrtype --src-type LOCAL", "ADDRTYPE match src-type LOCAL");
	return [
		rule({ source: podRange, parts: [comment(`pod traffic for ${what}`)], target: `KUBE-SVC-${hash}` }),
		rule({ parts: [comment(`masquerade LOCAL traffic for ${what}`), fromNode], target: "KUBE-MARK-MASQ" }),
		rule({ parts: [comment(`route LOCAL traffic for ${what}`), fromNode], target: `KUBE-SVC-${hash}` }),
		...(backends.local.length > 0 ? [rule({ target: `KUBE-SVL-${hash}` })] : []),
	];
}

/** One of the endpoints, each as likely as the others; first the one that the client had, where there is affinity. */
function choiceRules(chains: PortChains, list: readonly Backend[]): readonly FirewallRule[] {
	const { service, name } = chains;
	const ordered = [...list].sort((a, b) => (targetOf(a) < targetOf(b) ? -1 : 1));
	const seconds = affinitySeconds(service);
	const lead = (backend: Backend, parts: readonly RulePart[]) =>
		rule({ parts: [comment(`${name} -> ${targetOf(backend)}`), ...parts], target: endpointChainName(chains, backend) });
	const recent =
		seconds === undefined
			? []
			: ordered.map((backend) => {
					const chain = endpointChainName(chains, backend);
					return lead(backend, [
						part(
							`-m recent --rcheck --seconds ${seconds} --reap --name ${chain} --mask 255.255.255.255 --rsource`,
							`recent: CHECK seconds: ${seconds} reap name: ${chain} side: source mask: 255.255.255.255`,
						),
					]);
				});
	return [
		...recent,
		...ordered.map((backend, index) => {
			const left = ordered.length - index;
			if (left === 1) return lead(backend, []);
			const shown = probability(1 / left);
			return lead(backend, [part(`-m statistic --mode random --probability ${shown}`, `statistic mode random probability ${shown}`)]);
		}),
	];
}

/** As the kernel keeps it: in 31 bits of what kube-proxy writes with ten digits. */
function probability(value: number): string {
	const steps = 2 ** 31;
	return (Math.round(Number(value.toFixed(10)) * steps) / steps).toFixed(11);
}

function endpointChain(chains: PortChains, backend: Backend): FirewallChain {
	const { name, protocol, service } = chains;
	const chain = endpointChainName(chains, backend);
	const remember =
		affinitySeconds(service) === undefined
			? []
			: [
					part(
						`-m recent --set --name ${chain} --mask 255.255.255.255 --rsource`,
						`recent: SET name: ${chain} side: source mask: 255.255.255.255`,
					),
				];
	return {
		name: chain,
		rules: [
			rule({ source: `${backend.address}/32`, parts: [comment(name)], target: "KUBE-MARK-MASQ" }),
			rule({
				protocol,
				parts: [comment(name), ...remember, part(`-m ${protocol}`, protocol)],
				target: "DNAT",
				targetOptions: part(`--to-destination ${targetOf(backend)}`, `to:${targetOf(backend)}`),
			}),
		],
	};
}

function filterTable(ports: readonly PortChains[]): FirewallTable {
	const isNew = part("-m conntrack --ctstate NEW", "ctstate NEW");
	const firewall = rule({ parts: [isNew, comment("kubernetes load balancer firewall")], target: "KUBE-PROXY-FIREWALL" });
	const portals = rule({ parts: [isNew, comment("kubernetes service portals")], target: "KUBE-SERVICES" });
	const external = rule({ parts: [isNew, comment("kubernetes externally-visible service portals")], target: "KUBE-EXTERNAL-SERVICES" });
	const kubelet = rule({ target: "KUBE-FIREWALL" });
	const builtIn: readonly FirewallChain[] = [
		{
			name: "INPUT",
			policy: "ACCEPT",
			rules: [firewall, rule({ parts: [comment("kubernetes health check service ports")], target: "KUBE-NODEPORTS" }), external, kubelet],
		},
		{
			name: "FORWARD",
			policy: "ACCEPT",
			rules: [firewall, rule({ parts: [comment("kubernetes forwarding rules")], target: "KUBE-FORWARD" }), portals, external],
		},
		{ name: "OUTPUT", policy: "ACCEPT", rules: [firewall, portals, kubelet] },
	];
	const chains: readonly FirewallChain[] = [
		{ name: "KUBE-EXTERNAL-SERVICES", rules: ports.flatMap(closedOutside) },
		{
			name: "KUBE-FIREWALL",
			rules: [
				rule({
					source: "!127.0.0.0/8",
					destination: "127.0.0.0/8",
					parts: [
						comment("block incoming localnet connections"),
						part("-m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT", "! ctstate RELATED,ESTABLISHED,DNAT"),
					],
					target: "DROP",
				}),
			],
		},
		{
			name: "KUBE-FORWARD",
			rules: [
				rule({ parts: [part("-m conntrack --ctstate INVALID", "ctstate INVALID")], target: "DROP" }),
				rule({
					parts: [comment("kubernetes forwarding rules"), part("-m mark --mark 0x4000/0x4000", "mark match 0x4000/0x4000")],
					target: "ACCEPT",
				}),
				rule({
					parts: [
						comment("kubernetes forwarding conntrack rule"),
						part("-m conntrack --ctstate RELATED,ESTABLISHED", "ctstate RELATED,ESTABLISHED"),
					],
					target: "ACCEPT",
				}),
			],
		},
		{ name: "KUBE-KUBELET-CANARY", rules: [] },
		{ name: "KUBE-NODEPORTS", rules: [] },
		{ name: "KUBE-PROXY-CANARY", rules: [] },
		{ name: "KUBE-PROXY-FIREWALL", rules: ports.flatMap(shutOut) },
		{ name: "KUBE-SERVICES", rules: ports.flatMap(closedInside) },
	];
	return { name: "filter", chains: [...builtIn, ...chains] };
}

const reject = part("--reject-with icmp-port-unreachable", "reject-with icmp-port-unreachable");

/** A cluster address that leads nowhere. */
function closedInside(chains: PortChains): readonly FirewallRule[] {
	const { service, name, backends } = chains;
	const address = service.spec?.clusterIP ?? "";
	if (!backends.isAnywhere) return [portalRule(chains, address, `${name} has no endpoints`, { target: "REJECT", targetOptions: reject })];
	if (service.spec?.internalTrafficPolicy !== "Local" || backends.local.length > 0) return [];
	return [portalRule(chains, address, `${name} has no local endpoints`, { target: "DROP" })];
}

/** … and what leads nowhere from outside: node ports, external and load balancer addresses. */
function closedOutside(chains: PortChains): readonly FirewallRule[] {
	const { service, port, name, protocol, backends } = chains;
	const isLocal = service.spec?.externalTrafficPolicy === "Local";
	if (backends.isAnywhere && (!isLocal || backends.local.length > 0)) return [];
	const end = backends.isAnywhere ? { target: "DROP" } : { target: "REJECT", targetOptions: reject };
	const why = backends.isAnywhere ? `${name} has no local endpoints` : `${name} has no endpoints`;
	const addresses = [...(service.spec?.externalIPs ?? []), ...(service.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? [])];
	const atNodes =
		port.nodePort === undefined || port.nodePort === 0
			? []
			: [
					rule({
						protocol,
						parts: [
							comment(why),
							part("-m addrtype --dst-type LOCAL", "ADDRTYPE match dst-type LOCAL"),
							destinationPort(protocol, port.nodePort),
						],
						...end,
					}),
				];
	return [...addresses.map((address) => portalRule(chains, address, why, end)), ...atNodes];
}

/** Whom loadBalancerSourceRanges does not let in. */
function shutOut(chains: PortChains): readonly FirewallRule[] {
	const { service, name } = chains;
	if ((service.spec?.loadBalancerSourceRanges ?? []).length === 0) return [];
	const addresses = (service.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []);
	return addresses.map((address) =>
		portalRule(chains, address, `${name} traffic not accepted by KUBE-FW-${chains.hash}`, { target: "DROP" }),
	);
}

function portalRule(
	{ port, protocol }: PortChains,
	address: string,
	why: string,
	end: Pick<FirewallRule, "target" | "targetOptions" | "source">,
): FirewallRule {
	return rule({ destination: `${address}/32`, protocol, parts: [comment(why), destinationPort(protocol, port.port)], ...end });
}

function targetOf({ address, port }: Backend): string {
	return `${address}:${port}`;
}

function endpointChainName({ name, protocol }: PortChains, backend: Backend): string {
	return `KUBE-SEP-${chainHash(name + protocol + targetOf(backend))}`;
}

function rule(given: Partial<FirewallRule>): FirewallRule {
	return { parts: [], ...given };
}

function part(saved: string, listed: string): RulePart {
	return { saved, listed };
}

function comment(text: string): RulePart {
	return part(`-m comment --comment ${/^[\w-]+$/.test(text) ? text : JSON.stringify(text)}`, `/* ${text} */`);
}

function destinationPort(protocol: "tcp" | "udp", port: number): RulePart {
	return part(`-m ${protocol} --dport ${port}`, `${protocol} dpt:${port}`);
}

function sorted(chains: readonly FirewallChain[]): readonly FirewallChain[] {
	return [...chains].sort((a, b) => (a.name < b.name ? -1 : 1));
}
