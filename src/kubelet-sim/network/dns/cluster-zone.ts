/**
 * The names of a cluster: what CoreDNS' plugin kubernetes answers, from what the API has.
 *
 *   web.default.svc.cluster.local                  A of the cluster address, of each ready endpoint (headless), or CNAME (ExternalName)
 *   web-0.web.default.svc.cluster.local            A of the endpoint with that hostname, or 10-244-0-5 for one without
 *   _http._tcp.web.default.svc.cluster.local       SRV
 *   10-244-0-3.default.pod.cluster.local           A
 *   3.0.244.10.in-addr.arpa                        PTR of Services and endpoints
 *
 * Source: https://github.com/kubernetes/dns/blob/master/docs/specification.md, https://coredns.io/plugins/kubernetes/
 */
import type { Clock } from "../../../apimachinery/clock/clock.ts";
import type { DiscoveryEndpointPort, Endpoint, EndpointSlice, Service } from "../../../apimachinery/schema/generated/types.ts";
import {
	type ClusterZoneOptions,
	type DnsQuestion,
	type DnsRecord,
	type DnsResponse,
	emptyResponse,
	isIpv4,
	reverseAddress,
} from "../../../host/index.ts";
import { protocolOf } from "../service-routing.ts";

/** What a cluster's names are made of. */
export interface NameLookups {
	service(namespace: string, name: string): Service | undefined;
	serviceByAddress(address: string): Service | undefined;
	endpointSlices(namespace: string, service: string): readonly EndpointSlice[];
	/** All of the cluster. */
	allEndpointSlices(): readonly EndpointSlice[];
	hasNamespace(name: string): boolean;
	/** Whether a pod of the namespace has the address. */
	hasPod(namespace: string, address: string): boolean;
}

/** Looks up what an ExternalName points at, if that is not in the domain. */
type Outside = (question: DnsQuestion) => DnsResponse | Promise<DnsResponse>;

/** A chain of ExternalNames ends after so many, as in CoreDNS. */
const maxChain = 8;

/** What a name stands for in the cluster. `host` is the name that SRV records give the target. */
interface Target {
	readonly host: string;
	readonly address: string;
	readonly port: number | undefined;
}

type Found = { readonly cname: string } | readonly Target[];

export class ClusterZone {
	readonly #lookups: NameLookups;
	readonly #options: ClusterZoneOptions;
	readonly #clock: Clock;

	constructor(lookups: NameLookups, clock: Clock, options: ClusterZoneOptions) {
		this.#lookups = lookups;
		this.#clock = clock;
		this.#options = options;
	}

	/** Undefined: the name is not in the cluster's domain, or no address of the cluster. */
	async answer(question: DnsQuestion, outside: Outside, chain = 0): Promise<DnsResponse | undefined> {
		const { domain } = this.#options;
		const name = question.name.toLowerCase();
		const address = reverseAddress(name);
		if (address !== undefined) return this.#reverse(question, address);
		if (name !== domain && !name.endsWith(`.${domain}`)) return undefined;
		if (name === domain) return this.#apex(question);
		const labels = name.slice(0, -domain.length - 1).split(".");
		const known = this.#ownNames(question, labels);
		if (known !== undefined) return known;
		const found = this.#find(labels);
		if (found === undefined) return this.#denied("NXDOMAIN");
		if ("cname" in found) return this.#alias(question, found.cname, outside, chain);
		const records = this.#records(question, found);
		return records.answers.length === 0 ? this.#denied("NOERROR") : records;
	}

	#find(labels: readonly string[]): Found | undefined {
		const kind = labels.at(-1);
		const namespace = labels.at(-2) ?? "";
		if ((kind !== "svc" && kind !== "pod") || !this.#lookups.hasNamespace(namespace)) return undefined;
		const rest = labels.slice(0, -2);
		if (rest.length === 0) return [];
		if (kind === "pod") return rest.length === 1 ? this.#pod(namespace, rest[0] ?? "") : undefined;
		return this.#service(namespace, rest);
	}

	#pod(namespace: string, label: string): Found | undefined {
		const { podNames } = this.#options;
		const address = label.replaceAll("-", ".");
		if (podNames === "disabled" || !isIpv4(address)) return undefined;
		if (podNames === "verified" && !this.#lookups.hasPod(namespace, address)) return undefined;
		return [{ host: "", address, port: undefined }];
	}

	/** @param labels what stands before the namespace: `web`, `web-0.web`, `_http._tcp.web` */
	#service(namespace: string, labels: readonly string[]): Found | undefined {
		const name = labels.at(-1) ?? "";
		const service = this.#lookups.service(namespace, name);
		if (service === undefined || labels.length > 3 || (labels.length === 3 && !labels[0]?.startsWith("_"))) return undefined;
		const { clusterIP, type, externalName = "", ports = [] } = service.spec ?? {};
		const host = `${name}.${namespace}.svc.${this.#options.domain}`;
		const [portName, protocol] = labels.length === 3 ? labels.slice(0, 2).map((label) => label.replace(/^_/, "")) : [];
		const endpoint = labels.length === 2 ? labels[0] : undefined;
		if (type === "ExternalName") return labels.length === 1 ? { cname: externalName } : undefined;
		const isAsked = (port: { readonly name?: string | undefined; readonly protocol?: string | undefined }) =>
			portName === undefined || ((port.name ?? "").toLowerCase() === portName && protocolOf(port).toLowerCase() === protocol);
		const targets =
			clusterIP === "None" || endpoint !== undefined
				? this.#endpointTargets(this.#lookups.endpointSlices(namespace, name), host, endpoint, isAsked)
				: ports.filter(isAsked).map(({ port }) => ({ host, address: clusterIP ?? "", port }));
		return targets.length === 0 ? undefined : targets;
	}

	#endpointTargets(
		slices: readonly EndpointSlice[],
		serviceHost: string,
		wanted: string | undefined,
		isAsked: (port: DiscoveryEndpointPort) => boolean,
	): readonly Target[] {
		return slices
			.filter(({ addressType }) => addressType === "IPv4")
			.flatMap(({ endpoints, ports }) => {
				const own: readonly DiscoveryEndpointPort[] = ports === undefined || ports.length === 0 ? [{}] : ports;
				return readyEndpoints(endpoints).flatMap((endpoint) =>
					endpoint.addresses.flatMap((address) => {
						const label = endpointLabel(endpoint, address);
						if (wanted !== undefined && wanted !== label) return [];
						return own.filter(isAsked).map(({ port }) => ({ host: `${label}.${serviceHost}`, address, port }));
					}),
				);
			});
	}

	#records({ name, type }: DnsQuestion, targets: readonly Target[]): DnsResponse {
		if (type === "A" || type === "ANY") {
			const addresses = [...new Set(targets.map(({ address }) => address))];
			return this.#response(addresses.map((data) => this.#record(name, "A", data)));
		}
		if (type !== "SRV") return this.#response([]);
		const withPorts = targets.filter(({ port, host }) => port !== undefined && host !== "");
		const weight = Math.max(1, Math.floor(100 / Math.max(1, withPorts.length)));
		const answers = withPorts.map(({ host, port }) => this.#record(name, "SRV", `0 ${weight} ${port} ${host}`));
		const hosts = new Map(withPorts.map(({ host, address }) => [host, address]));
		return { ...this.#response(answers), additional: [...hosts].map(([host, address]) => this.#record(host, "A", address)) };
	}

	async #alias(question: DnsQuestion, target: string, outside: Outside, chain: number): Promise<DnsResponse> {
		const own = this.#record(question.name, "CNAME", target);
		if (question.type === "CNAME" || chain >= maxChain) return this.#response([own]);
		const next = { name: target, type: question.type };
		const rest = (await this.answer(next, outside, chain + 1)) ?? (await outside(next));
		return this.#response([own, ...rest.answers]);
	}

	#reverse({ name, type }: DnsQuestion, address: string): DnsResponse | undefined {
		const { domain } = this.#options;
		const service = this.#lookups.serviceByAddress(address);
		const hosts =
			service?.spec?.clusterIP === address
				? [`${service.metadata?.name}.${service.metadata?.namespace}.svc.${domain}`]
				: this.#lookups.allEndpointSlices().flatMap(({ metadata, endpoints }) =>
						readyEndpoints(endpoints)
							.filter(({ addresses }) => addresses.includes(address))
							.map((endpoint) => {
								const of = metadata?.labels?.["kubernetes.io/service-name"];
								return `${endpointLabel(endpoint, address)}.${of}.${metadata?.namespace}.svc.${domain}`;
							}),
					);
		if (hosts.length === 0) return undefined;
		return this.#response(type === "PTR" || type === "ANY" ? hosts.map((host) => this.#record(name, "PTR", host)) : []);
	}

	#apex({ name, type }: DnsQuestion): DnsResponse {
		const { domain } = this.#options;
		if (type === "SOA") return this.#response([this.#startOfAuthority()]);
		if (type === "NS") return this.#response([this.#record(name, "NS", `ns.dns.${domain}`)]);
		return this.#denied("NOERROR");
	}

	#ownNames({ name, type }: DnsQuestion, labels: readonly string[]): DnsResponse | undefined {
		const path = labels.join(".");
		if (path === "dns-version") return type === "TXT" ? this.#response([this.#record(name, "TXT", '"1.1.0"')]) : this.#denied("NOERROR");
		const address = this.#lookups.service("kube-system", "kube-dns")?.spec?.clusterIP;
		if (path !== "ns.dns" || address === undefined) return undefined;
		return type === "A" ? this.#response([this.#record(name, "A", address)]) : this.#denied("NOERROR");
	}

	#denied(code: "NXDOMAIN" | "NOERROR"): DnsResponse {
		return { ...emptyResponse(code, true), authority: [this.#startOfAuthority()] };
	}

	#startOfAuthority(): DnsRecord {
		const { domain, ttlSeconds } = this.#options;
		const serial = Math.floor(this.#clock.now() / 1000);
		return this.#record(domain, "SOA", `ns.dns.${domain} hostmaster.${domain} ${serial} 7200 1800 86400 ${ttlSeconds}`);
	}

	#response(answers: readonly DnsRecord[]): DnsResponse {
		return { ...emptyResponse("NOERROR", true), answers };
	}

	#record(name: string, type: DnsRecord["type"], data: string): DnsRecord {
		return { name, type, ttlSeconds: this.#options.ttlSeconds, data };
	}
}

function readyEndpoints(endpoints: readonly Endpoint[] | undefined): readonly Endpoint[] {
	return (endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false);
}

function endpointLabel({ hostname }: Endpoint, address: string): string {
	return hostname ?? address.replaceAll(".", "-");
}
