/**
 * Which IP families a Service gets addresses of: from what its author wrote, what it had before and what the cluster
 * has. A plan is pure; addresses are taken afterwards. Source: initIPFamilyFields in
 * pkg/registry/core/service/storage/alloc.go of Kubernetes 1.36. https://kubernetes.io/docs/concepts/services-networking/dual-stack/
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import type { ServiceSpec } from "../../apimachinery/schema/generated/types.ts";
import { type FieldError, fieldInvalid } from "../../apimachinery/validation/field-error.ts";
import { validateClusterIps } from "../registry/core/service-cluster-ips.ts";
import { needsClusterIp } from "../registry/core/service-fields.ts";
import { type IpFamily, ipFamily } from "../registry/validation/ip.ts";

/** The spec with its families and policy filled in, or what stands in the way. */
export type FamilyPlan = { readonly spec: ServiceSpec } | { readonly errors: readonly FieldError[] };

/**
 * @param cluster families that the cluster has addresses of, the default first
 * @param old the stored spec, in an update
 */
export function planFamilies(sent: ServiceSpec, old: ServiceSpec | undefined, cluster: readonly IpFamily[]): FamilyPlan {
	if (!needsClusterIp(sent) || keepsPreferDualStack(sent, old)) return { spec: sent };
	const withPolicy: ServiceSpec = { ...sent, ipFamilyPolicy: sent.ipFamilyPolicy ?? old?.ipFamilyPolicy ?? defaultPolicy(sent) };
	const malformed = validateClusterIps(withPolicy, old?.clusterIPs ?? []);
	if (malformed.length > 0) return { errors: malformed };
	const spec = old === undefined ? withPolicy : downgrade(withPolicy, old);
	const unclear = [...(old === undefined ? [] : validateReduction(spec, old)), ...validatePolicy(spec)];
	const inferred = inferFamilies(spec, cluster);
	const errors = [...unclear, ...inferred.errors];
	if (errors.length > 0) return { errors };
	return isSelectorlessHeadless(spec) ? { spec: withBothFamilies(inferred.spec, cluster) } : fromCluster(inferred.spec, cluster);
}

const isSelectorlessHeadless = ({ clusterIP, selector = {} }: ServiceSpec): boolean =>
	clusterIP === "None" && Object.keys(selector).length === 0;

/** Nobody selects the endpoints of a headless Service without a selector: they may be of either family. */
const defaultPolicy = (spec: ServiceSpec): string => (isSelectorlessHeadless(spec) ? "RequireDualStack" : "SingleStack");

/** A Service that prefers two families gains or loses none just because the cluster did. */
export function keepsPreferDualStack(spec: ServiceSpec, old: ServiceSpec | undefined): boolean {
	if (old === undefined || spec.type !== old.type || spec.type === "ExternalName") return false;
	if (spec.ipFamilyPolicy !== "PreferDualStack" || (old.ipFamilyPolicy ?? "PreferDualStack") !== "PreferDualStack") return false;
	return isSame(spec.clusterIPs, old.clusterIPs) && isSame(spec.ipFamilies, old.ipFamilies);
}

const isSame = (list: readonly string[] | undefined, old: readonly string[] | undefined) => jsonEqual(list ?? [], old ?? []);

/** Who asks for one family and leaves the lists as they were gives the second of each back. */
function downgrade(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
	if (spec.ipFamilyPolicy !== "SingleStack") return spec;
	const { clusterIPs = [], ipFamilies = [] } = spec;
	return {
		...spec,
		...(clusterIPs.length > 1 && isSame(clusterIPs, old.clusterIPs) ? { clusterIPs: clusterIPs.slice(0, 1) } : {}),
		...(ipFamilies.length > 1 && isSame(ipFamilies, old.ipFamilies) ? { ipFamilies: ipFamilies.slice(0, 1) } : {}),
	};
}

function validateReduction(spec: ServiceSpec, old: ServiceSpec): readonly FieldError[] {
	if (spec.ipFamilyPolicy === "SingleStack") return [];
	const isShorter = (list: readonly string[] = [], before: readonly string[] = []) => list.length > 0 && list.length < before.length;
	const refuse = (what: string) => policyError(spec, `must be 'SingleStack' to release the secondary ${what}`);
	return [
		...(isShorter(spec.clusterIPs, old.clusterIPs) ? [refuse("cluster IP")] : []),
		...(isShorter(spec.ipFamilies, old.ipFamilies) ? [refuse("IP family")] : []),
	];
}

function validatePolicy(spec: ServiceSpec): readonly FieldError[] {
	if (spec.ipFamilyPolicy !== "SingleStack") return [];
	const refuse = (what: string) => policyError(spec, `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`);
	return [
		...(spec.clusterIPs?.length === 2 ? [refuse("cluster IPs")] : []),
		...(spec.ipFamilies?.length === 2 ? [refuse("IP families")] : []),
	];
}

const policyError = ({ ipFamilyPolicy }: ServiceSpec, text: string) => fieldInvalid("spec.ipFamilyPolicy", ipFamilyPolicy, text);

/** Families of the addresses that the author chose, where he did not write the families. */
function inferFamilies(spec: ServiceSpec, cluster: readonly IpFamily[]): { spec: ServiceSpec; errors: readonly FieldError[] } {
	const { clusterIPs = [] } = spec;
	const ipFamilies = [...(spec.ipFamilies ?? [])];
	const errors: FieldError[] = [];
	for (const [index, address] of clusterIPs.entries()) {
		const family = ipFamily(address);
		if (family === undefined) break;
		if (index < ipFamilies.length) continue;
		if (cluster.includes(family)) ipFamilies.push(family);
		else errors.push(fieldInvalid(`spec.clusterIPs[${index}]`, clusterIPs, `${family} is not configured on this cluster`));
	}
	return { spec: { ...spec, ipFamilies }, errors };
}

/** The families that the author wants must be there; those that he leaves open are the cluster's. */
function fromCluster(spec: ServiceSpec, cluster: readonly IpFamily[]): FamilyPlan {
	const errors: FieldError[] = [];
	if (spec.ipFamilyPolicy === "RequireDualStack" && cluster.length < 2) {
		errors.push(policyError(spec, "this cluster is not configured for dual-stack services"));
	}
	for (const [index, family] of (spec.ipFamilies ?? []).entries()) {
		const isThere = cluster.some((known) => known === family);
		if (!isThere) errors.push(fieldInvalid(`spec.ipFamilies[${index}]`, family, "not configured on this cluster"));
	}
	if (errors.length > 0) return { errors };
	return { spec: cluster.length === 2 ? withBothFamilies(spec, cluster) : withDefaultFamily(spec, cluster) };
}

function withDefaultFamily(spec: ServiceSpec, [first = "IPv4"]: readonly IpFamily[]): ServiceSpec {
	return (spec.ipFamilies ?? []).length === 0 ? { ...spec, ipFamilies: [first] } : spec;
}

/** Both families, unless one is asked for: the author's or the default one first. */
function withBothFamilies(spec: ServiceSpec, cluster: readonly IpFamily[]): ServiceSpec {
	const filled = withDefaultFamily(spec, cluster);
	const { ipFamilies = [], ipFamilyPolicy } = filled;
	if (ipFamilyPolicy === "SingleStack" || ipFamilies.length !== 1) return filled;
	return { ...filled, ipFamilies: [...ipFamilies, ipFamilies[0] === "IPv4" ? "IPv6" : "IPv4"] };
}
