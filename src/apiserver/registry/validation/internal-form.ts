/**
 * How Kubernetes prints a struct in `Invalid value: …`: as the JSON of its internal type, which has Go's field names, all
 * of them, in the order of their declaration. Source: Error.ErrorBody in k8s.io/apimachinery/pkg/util/validation/field,
 * pkg/apis/core/types.go of Kubernetes 1.36.
 */

/** Go's name, the API's name, and what stands there when the field is absent: a zero value, or null for a struct with these fields. */
export type InternalShape = readonly (readonly [name: string, field: string, absent: null | "" | InternalShape])[];

const seccompProfile: InternalShape = [
	["Type", "type", ""],
	["LocalhostProfile", "localhostProfile", null],
];

const capabilities: InternalShape = [
	["Add", "add", null],
	["Drop", "drop", null],
];

const seLinuxOptions: InternalShape = [
	["User", "user", ""],
	["Role", "role", ""],
	["Type", "type", ""],
	["Level", "level", ""],
];

const windowsOptions: InternalShape = [
	["GMSACredentialSpecName", "gmsaCredentialSpecName", null],
	["GMSACredentialSpec", "gmsaCredentialSpec", null],
	["RunAsUserName", "runAsUserName", null],
	["HostProcess", "hostProcess", null],
];

const securityContext: InternalShape = [
	["Capabilities", "capabilities", capabilities],
	["Privileged", "privileged", null],
	["SELinuxOptions", "seLinuxOptions", seLinuxOptions],
	["WindowsOptions", "windowsOptions", windowsOptions],
	["RunAsUser", "runAsUser", null],
	["RunAsGroup", "runAsGroup", null],
	["RunAsNonRoot", "runAsNonRoot", null],
	["ReadOnlyRootFilesystem", "readOnlyRootFilesystem", null],
	["AllowPrivilegeEscalation", "allowPrivilegeEscalation", null],
	["ProcMount", "procMount", null],
	["SeccompProfile", "seccompProfile", seccompProfile],
	["AppArmorProfile", "appArmorProfile", seccompProfile],
];

const podResourceClaim: InternalShape = [
	["Name", "name", ""],
	["ResourceClaimName", "resourceClaimName", null],
	["ResourceClaimTemplateName", "resourceClaimTemplateName", null],
];

const nodeSelectorRequirement: InternalShape = [
	["Key", "key", ""],
	["Operator", "operator", ""],
	["Values", "values", null],
];

const nodeSelectorTerm: InternalShape = [
	["MatchExpressions", "matchExpressions", nodeSelectorRequirement],
	["MatchFields", "matchFields", nodeSelectorRequirement],
];

const address: InternalShape = [["IP", "ip", ""]];

/** The internal types that texts about Pods show. */
export const internalShapes = { seccompProfile, securityContext, podResourceClaim, nodeSelectorTerm, address } as const;

/** A value, or each of a list, in the form that Kubernetes prints. */
export function internalForm(value: unknown, shape: InternalShape): unknown {
	if (value === undefined || value === null) return null;
	if (Array.isArray(value)) return value.map((item) => internalForm(item, shape));
	const fields = value as Readonly<Record<string, unknown>>;
	return Object.fromEntries(
		shape.map(([name, field, absent]) => {
			const inner = fields[field];
			if (Array.isArray(absent)) return [name, internalForm(inner, absent as InternalShape)];
			return [name, inner ?? absent];
		}),
	);
}
