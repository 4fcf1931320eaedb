/**
 * Whether two specs mean the same to Kubernetes, which cannot tell some empty fields from absent ones. Source: struct tags
 * of the types in k8s.io/api/core/v1 of Kubernetes 1.36; apiequality.Semantic.DeepEqual.
 */
import { jsonEqual } from "../../../apimachinery/json.ts";

/** Scalars that are no pointers in Go: "", 0 and false are what an absent field is. */
const plainFields: ReadonlySet<string> = new Set([
	"hostNetwork",
	"hostPID",
	"hostIPC",
	"nodeName",
	"hostname",
	"subdomain",
	"priorityClassName",
	"serviceAccountName",
	"serviceAccount",
	"stdin",
	"stdinOnce",
	"tty",
	"workingDir",
	"hostPort",
	"hostIP",
	"value",
	"prefix",
	"readOnly",
	"subPath",
	"subPathExpr",
	"initialDelaySeconds",
	"host",
	"key",
	"operator",
	"effect",
	"medium",
	"fsType",
]);

/** Equal once fields that count as absent are gone. */
export const sameInMeaning = (a: unknown, b: unknown): boolean => jsonEqual(a, b) || jsonEqual(withoutZeros(a), withoutZeros(b));

function withoutZeros(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(withoutZeros);
	if (typeof value !== "object" || value === null) return value;
	return Object.fromEntries(
		Object.entries(value)
			.filter(([field, inner]) => !isAbsent(field, inner))
			.map(([field, inner]) => [field, withoutZeros(inner)]),
	);
}

function isAbsent(field: string, value: unknown): boolean {
	if (value === undefined || value === null) return true;
	if (Array.isArray(value)) return value.length === 0;
	return plainFields.has(field) && (value === "" || value === 0 || value === false);
}
