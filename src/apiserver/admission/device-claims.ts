/**
 * Who may claim devices as an administrator, and who may write what a claim was given. In Kubernetes the strategies of
 * ResourceClaim and ResourceClaimTemplate ask this, no plugin: no switch turns it off, and a refusal is an invalid field.
 * Source: pkg/registry/resource/common.go, pkg/registry/resource/resourceclaim (KEP-5018; DRAResourceClaimGranularStatusAuthorization).
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type {
	AllocatedDeviceStatus,
	AllocationResult,
	ResourceClaimStatus,
	ResourceClaimTemplate,
	ResourceResourceClaim,
} from "../../apimachinery/schema/generated/types.ts";
import { isStatusError, newInvalid, type StatusError } from "../../apimachinery/status-error.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import { type FieldError, fieldForbidden } from "../../apimachinery/validation/field-error.ts";
import type { Require } from "../authorization/question.ts";
import type { AdmissionAttributes, AdmissionPlugin, AdmissionScope } from "./admission.ts";

const claims = { group: "resource.k8s.io", resource: "resourceclaims" } as const;
const adminLabel = "resource.kubernetes.io/admin-access";
const nodeNameKey = "authentication.kubernetes.io/node-name";

export function deviceClaimRules(require: Require): readonly AdmissionPlugin[] {
	return [adminAccess, claimStatus(require)];
}

/** Devices that others use are shown only to those who may use the namespaces of administrators. */
const adminAccess: AdmissionPlugin = {
	name: "DeviceAdminAccess",
	handles: ({ operation, group, resource, subresource }) =>
		operation === "CREATE" &&
		group === claims.group &&
		(resource === claims.resource || resource === "resourceclaimtemplates") &&
		subresource === "",
	validate(object, attributes) {
		refuse(attributes, object, mayNotAsk(requestsOf(object, attributes), attributes));
	},
};

/** Devices are given by whoever binds claims, and each driver reports on its own. */
function claimStatus(require: Require): AdmissionPlugin {
	return {
		name: "DeviceClaimStatus",
		handles: ({ operation, group, resource, subresource }: AdmissionScope) =>
			operation === "UPDATE" && group === claims.group && resource === claims.resource && subresource === "status",
		async validate(object, attributes) {
			const { status = {} } = (object ?? {}) as ResourceResourceClaim;
			const { status: old = {} } = (attributes.oldObject ?? {}) as ResourceResourceClaim;
			refuse(attributes, object, [
				...mayNotGet(status, old, attributes),
				...(await mayNotBind(require, status, old, attributes)),
				...(await mayNotReport(require, status, old, attributes)),
			]);
		},
	};
}

function refuse({ kind, name }: AdmissionAttributes, object: KubeObject | undefined, errors: readonly FieldError[]): void {
	if (errors.length > 0) throw newInvalid(kind, object?.metadata?.name ?? name, errors);
}

function requestsOf(object: KubeObject | undefined, { resource }: AdmissionAttributes) {
	if (resource === claims.resource) return (object as ResourceResourceClaim | undefined)?.spec?.devices?.requests ?? [];
	return (object as ResourceClaimTemplate | undefined)?.spec?.spec?.devices?.requests ?? [];
}

/** The path is that of v1beta1 and of a claim, for templates and later versions too. */
function mayNotAsk(requests: ReturnType<typeof requestsOf>, attributes: AdmissionAttributes): readonly FieldError[] {
	const index = requests.findIndex(({ exactly }) => exactly?.adminAccess === true);
	return index === -1 ? [] : withoutLabel(attributes, `spec.devices.requests[${String(index)}].adminAccess`);
}

function mayNotGet(status: ResourceClaimStatus, old: ResourceClaimStatus, attributes: AdmissionAttributes): readonly FieldError[] {
	const indexOfAdmin = ({ allocation }: ResourceClaimStatus) =>
		(allocation?.devices?.results ?? []).findIndex((result) => result.adminAccess === true);
	const index = indexOfAdmin(status);
	if (index === -1 || indexOfAdmin(old) !== -1) return [];
	return withoutLabel(attributes, `status.allocation.devices.results[${String(index)}].adminAccess`);
}

function withoutLabel({ lookup, namespace }: AdmissionAttributes, path: string): readonly FieldError[] {
	const { metadata } = lookup.find("", "namespaces", "", namespace) ?? {};
	if (metadata?.labels?.[adminLabel] === "true") return [];
	return [fieldForbidden(path, `admin access to devices requires the \`${adminLabel}: true\` label on the containing namespace`)];
}

async function mayNotBind(
	require: Require,
	status: ResourceClaimStatus,
	old: ResourceClaimStatus,
	{ user, request: { verb } }: AdmissionAttributes,
): Promise<readonly FieldError[]> {
	if (jsonEqual(status.allocation, old.allocation) && jsonEqual(status.reservedFor ?? [], old.reservedFor ?? [])) return [];
	// In all namespaces, for claims of any name.
	const refusal = await refusalOf(require, { ...claims, user, verb, subresource: "binding", namespace: "", name: "" });
	if (refusal === undefined) return [];
	const needs = `resource="resourceclaims/binding", verb="${verb}" permission`;
	return [fieldForbidden("status", `changing status.allocation or status.reservedFor requires ${needs}: ${refusal.message}`)];
}

async function mayNotReport(
	require: Require,
	status: ResourceClaimStatus,
	old: ResourceClaimStatus,
	{ user, namespace, request }: AdmissionAttributes,
): Promise<readonly FieldError[]> {
	const isNear = isOnNode(user, nodeOf(status.allocation));
	const verbs = [...(isNear ? ["associated-node"] : []), "arbitrary-node"].map((way) => `${way}:${request.verb}`);
	const errors: FieldError[] = [];
	for (const driver of changedDrivers(status.devices ?? [], old.devices ?? [])) {
		const about = { ...claims, user, subresource: "driver", namespace, name: driver };
		let first: StatusError | undefined;
		let isAllowed = false;
		for (const verb of verbs) {
			const refusal = await refusalOf(require, { ...about, verb });
			isAllowed ||= refusal === undefined;
			first ??= refusal;
			if (isAllowed) break;
		}
		if (isAllowed) continue;
		const needs = `resource="resourceclaims/driver", verb="[${verbs.join(" ")}]" permission`;
		errors.push(fieldForbidden("status", `changing status.devices requires ${needs}: ${first?.message ?? ""}`));
	}
	return errors;
}

async function refusalOf(require: Require, question: Parameters<Require>[0]): Promise<StatusError | undefined> {
	try {
		await require(question);
		return undefined;
	} catch (error) {
		if (isStatusError(error, "Forbidden")) return error;
		throw error;
	}
}

/** Drivers of the entries that were added, changed or removed, by name. */
function changedDrivers(devices: readonly AllocatedDeviceStatus[], old: readonly AllocatedDeviceStatus[]): readonly string[] {
	const idOf = ({ driver, pool, device, shareID = "" }: AllocatedDeviceStatus) => JSON.stringify([driver, pool, device, shareID]);
	const before = new Map(old.map((entry) => [idOf(entry), entry]));
	const after = new Set(devices.map(idOf));
	const changed = [
		...devices.filter((entry) => !jsonEqual(entry, before.get(idOf(entry)))),
		...old.filter((entry) => !after.has(idOf(entry))),
	];
	return [...new Set(changed.map(({ driver }) => driver ?? ""))].sort();
}

/** The one node whose pods can use what was given; "" if it is not said in just these words. */
function nodeOf(allocation: AllocationResult | undefined): string {
	const [term, ...otherTerms] = allocation?.nodeSelector?.nodeSelectorTerms ?? [];
	const { matchExpressions = [], matchFields: [field, ...otherFields] = [] } = term ?? {};
	if (field?.key !== "metadata.name" || field.operator !== "In") return "";
	const [name = "", ...otherNames] = field.values ?? [];
	const others = [otherTerms, matchExpressions, otherFields, otherNames];
	return others.some(({ length }) => length > 0) ? "" : name;
}

/** Whether the user is a service account whose token says that its pod runs there. */
function isOnNode({ name, extra = {} }: UserInfo, node: string): boolean {
	const nodes = extra[nodeNameKey] ?? [];
	return node !== "" && /^system:serviceaccount:[^:]+:[^:]+$/.test(name) && nodes.length === 1 && nodes[0] === node;
}
