import type { FirewallTable } from "../../host/index.ts";
import type { NetworkLookups } from "./network-lookups.ts";
import type { NetworkNode } from "./pod-network.ts";
export function firewallTables(_node: NetworkNode, _lookups: NetworkLookups): readonly FirewallTable[] {
	return [];
}
