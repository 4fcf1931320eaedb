/**
 * How a machine's programs look up names: /etc/hosts first, then the name servers of /etc/resolv.conf with its search list, as
 * libc's getaddrinfo does. Only IPv4 addresses are asked for.
 * Source: resolv.conf(5), hosts(5), glibc's res_search.
 */
import { type Clock, sleep } from "../../apimachinery/clock/clock.ts";
import type { FileSystem } from "../vfs/file-system.ts";
import {
	type ClusterZoneOptions,
	type ClusterZoneServer,
	type DnsQuestion,
	type DnsResponse,
	isLegalName,
	type NameServer,
	withoutFinalDot,
} from "./dns.ts";
import {
	type Connection,
	type ConnectionHandler,
	isIpv4,
	type Listener,
	type ListenerOwner,
	NetworkError,
	type NetworkStack,
	type NetworkView,
	type PingAnswer,
} from "./network.ts";

export interface ResolverConfiguration {
	/** At most three; 127.0.0.1 if there is none. */
	readonly servers: readonly string[];
	readonly search: readonly string[];
	/** A name with so many dots is tried as it is before the search list. */
	readonly ndots: number;
	readonly timeoutMs: number;
	readonly attempts: number;
}

const maxServers = 3;

export function parseResolvConf(text: string): ResolverConfiguration {
	const lines = text.split("\n").map((line) => line.trim().split(/\s+/));
	const words = (keyword: string) => lines.filter(([first]) => first === keyword).map(([, ...rest]) => rest);
	const options = words("options").flat();
	const option = (name: string, fallback: number, max: number) => {
		const found = options.findLast((each) => each.startsWith(`${name}:`));
		const value = found === undefined ? Number.NaN : Number(found.slice(name.length + 1));
		return Number.isInteger(value) && value >= 0 ? Math.min(value, max) : fallback;
	};
	const servers = words("nameserver")
		.flatMap(([address]) => address ?? [])
		.slice(0, maxServers);
	return {
		servers: servers.length === 0 ? ["127.0.0.1"] : servers,
		search: (words("search").at(-1) ?? []).map(withoutFinalDot),
		ndots: option("ndots", 1, 15),
		timeoutMs: Math.max(1, option("timeout", 5, 30)) * 1000,
		attempts: Math.max(1, option("attempts", 2, 5)),
	};
}

/** The names to ask for, one after the other. */
export function candidateNames(name: string, { search, ndots }: ResolverConfiguration): readonly string[] {
	if (name.endsWith(".")) return [withoutFinalDot(name)];
	const searched = search.map((domain) => `${name}.${domain}`);
	return name.split(".").length - 1 >= ndots ? [name, ...searched] : [...searched, name];
}

/** The addresses that /etc/hosts has for a name. */
export function hostsEntries(text: string, name: string): readonly string[] {
	const wanted = withoutFinalDot(name).toLowerCase();
	return text.split("\n").flatMap((line) => {
		const [address = "", ...names] = (line.split("#")[0] ?? "").trim().split(/\s+/);
		return isIpv4(address) && names.some((each) => each.toLowerCase() === wanted) ? [address] : [];
	});
}

/** The machine that looks names up. */
export interface ResolverHost {
	readonly clock: Clock;
	readonly files: FileSystem;
}

export function resolverConfiguration({ files }: ResolverHost): ResolverConfiguration {
	return parseResolvConf(files.exists("/etc/resolv.conf") ? files.readText("/etc/resolv.conf") : "");
}

/** A machine's network, where names are looked up as its own files say. */
export class ResolvingNetwork implements NetworkStack {
	readonly #stack: NetworkStack;
	readonly #host: ResolverHost;

	constructor(stack: NetworkStack, host: ResolverHost) {
		this.#stack = stack;
		this.#host = host;
	}

	get address(): string {
		return this.#stack.address;
	}

	get view(): NetworkView {
		return this.#stack.view;
	}

	listen(port: number, handler: ConnectionHandler, owner?: ListenerOwner): Listener {
		return this.#stack.listen(port, handler, owner);
	}

	serveNames(server: NameServer, owner?: ListenerOwner): Listener {
		return this.#stack.serveNames(server, owner);
	}

	query(server: string, question: DnsQuestion): Promise<DnsResponse | undefined> {
		return this.#stack.query(server, question);
	}

	clusterZone(options: ClusterZoneOptions): ClusterZoneServer {
		return this.#stack.clusterZone(options);
	}

	async ping(address: string): Promise<PingAnswer> {
		return this.#stack.ping(address);
	}

	async connect(host: string, port: number, signal?: AbortSignal): Promise<Connection> {
		const [address = host] = isIpv4(host) ? [host] : await this.resolve(host);
		return this.#stack.connect(address, port, signal);
	}

	async resolve(name: string): Promise<readonly string[]> {
		if (isIpv4(name)) return [name];
		if (!isLegalName(withoutFinalDot(name))) throw new NetworkError("ENOTFOUND");
		const { files } = this.#host;
		const known = files.exists("/etc/hosts") ? hostsEntries(files.readText("/etc/hosts"), name) : [];
		if (known.length > 0) return known;
		if (withoutFinalDot(name) === "localhost") return ["127.0.0.1"];
		const configuration = resolverConfiguration(this.#host);
		for (const candidate of candidateNames(name, configuration)) {
			if (!isLegalName(candidate)) continue;
			const { answers } = await this.#ask(candidate, configuration);
			const addresses = answers.filter(({ type }) => type === "A").map(({ data }) => data);
			if (addresses.length > 0) return addresses;
		}
		throw new NetworkError("ENOTFOUND");
	}

	/** Rejects with EAI_AGAIN if no server gives an answer. */
	async #ask(name: string, { servers, attempts, timeoutMs }: ResolverConfiguration): Promise<DnsResponse> {
		for (let attempt = 0; attempt < attempts; attempt++) {
			for (const server of servers) {
				const answer = await this.#askOne(server, { name, type: "A" });
				if (answer === "none") await sleep(this.#host.clock, timeoutMs);
				else if (answer !== "refused" && answer.code !== "SERVFAIL" && answer.code !== "REFUSED") return answer;
			}
		}
		throw new NetworkError("EAI_AGAIN");
	}

	async #askOne(server: string, question: DnsQuestion): Promise<DnsResponse | "none" | "refused"> {
		try {
			return (await this.#stack.query(server, question)) ?? "none";
		} catch (error) {
			if (error instanceof NetworkError) return "refused";
			throw error;
		}
	}
}
