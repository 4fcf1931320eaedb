/**
 * Names of properties in expressions: what is no identifier of CEL is escaped, `a.b` as `a__dot__b`.
 * Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#available-validation-functions;
 * k8s.io/apiserver/pkg/cel/escaping.go.
 */

/** Words that an expression cannot use as a name. */
const reserved = new Set(
	"true false null in as break const continue else for function if import let loop package namespace return var void while".split(" "),
);

const escapes: Readonly<Record<string, string>> = { __: "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__" };

/** Undefined for a name that no expression can write. */
export function escapeProperty(name: string): string | undefined {
	if (!/^[A-Za-z_.$/-][A-Za-z0-9_.$/-]*$/.test(name) || name.includes("$")) return undefined;
	if (reserved.has(name)) return `__${name}__`;
	return name.replace(/__|[.\-/]/g, (found) => escapes[found] ?? found);
}
