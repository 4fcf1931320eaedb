/** What a machine's network looks like to the programs that show it: ip, ss, iptables and the like. Plain data. */

export interface NetworkDevice {
	readonly index: number;
	readonly name: string;
	readonly type: "loopback" | "ether" | "bridge" | "veth";
	/** Of the other end of a veth pair, in another namespace. */
	readonly peerIndex?: number;
	/** Where the other end is, as `ip netns` names it. */
	readonly peerNamespace?: string;
	readonly mac: string;
	readonly mtuBytes: number;
	/** With the length of the prefix: `10.244.0.5/24`. */
	readonly addresses: readonly string[];
	/** The bridge that it is a port of. */
	readonly master?: string;
}

export interface Route {
	/** `default` or a network. */
	readonly destination: string;
	readonly via?: string;
	readonly device: string;
	/** Set for networks that the machine is part of. */
	readonly source?: string;
}

export interface Neighbour {
	readonly address: string;
	readonly device: string;
	readonly mac: string;
}

export interface SocketEntry {
	readonly protocol: "tcp" | "udp";
	readonly state: "LISTEN" | "ESTAB" | "UNCONN";
	readonly port: number;
	/** Absent: any. */
	readonly localAddress?: string;
	readonly peer?: { readonly address: string; readonly port: number };
	readonly owner?: { readonly pid: number; readonly argv: readonly string[] } | undefined;
}

/** A match or an option of a rule, as iptables-save and as iptables -L write it. */
export interface RulePart {
	readonly saved: string;
	readonly listed: string;
}

export interface FirewallRule {
	readonly protocol?: "tcp" | "udp";
	/** With prefix; `!` before it for all others. */
	readonly source?: string;
	readonly destination?: string;
	readonly parts: readonly RulePart[];
	readonly target?: string;
	readonly targetOptions?: RulePart;
}

export interface FirewallChain {
	readonly name: string;
	/** Of built-in chains. */
	readonly policy?: "ACCEPT" | "DROP";
	readonly rules: readonly FirewallRule[];
}

export interface FirewallTable {
	readonly name: "filter" | "nat" | "mangle";
	readonly chains: readonly FirewallChain[];
}

export interface NetworkView {
	devices(): readonly NetworkDevice[];
	routes(): readonly Route[];
	neighbours(): readonly Neighbour[];
	sockets(): readonly SocketEntry[];
	/** Names of network namespaces other than the machine's own. */
	namespaces(): readonly string[];
	firewall(): readonly FirewallTable[];
}

export const loopbackDevice: NetworkDevice = {
	index: 1,
	name: "lo",
	type: "loopback",
	mac: "00:00:00:00:00:00",
	mtuBytes: 65_536,
	addresses: ["127.0.0.1/8"],
};

/** Of a machine without any other device. */
export function loopbackView(sockets: () => readonly SocketEntry[]): NetworkView {
	return {
		devices: () => [loopbackDevice],
		routes: () => [],
		neighbours: () => [],
		sockets,
		namespaces: () => [],
		firewall: () => [],
	};
}
