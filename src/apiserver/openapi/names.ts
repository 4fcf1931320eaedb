/** How kube-apiserver forms the names of its operations and tags. */

/** `rbac.authorization.k8s.io` → `RbacAuthorization`; the core group → `Core`. */
export function groupWords(group: string): string {
	if (group === "") return "Core";
	return group
		.replace(/\.k8s\.io$/, "")
		.split(/[.-]/)
		.map(upperFirst)
		.join("");
}

/** `AppsV1`. */
export function operationPrefix(group: string, version: string): string {
	return `${groupWords(group)}${upperFirst(version)}`;
}

export function upperFirst(text: string): string {
	return text.slice(0, 1).toUpperCase() + text.slice(1);
}

export function lowerFirst(text: string): string {
	return text.slice(0, 1).toLowerCase() + text.slice(1);
}

/** `a Pod`, `an Ingress`, and no article before a plural: `Endpoints`. */
export function withArticle(kind: string): string {
	if (kind.endsWith("s") && !kind.endsWith("ss") && !kind.endsWith("us")) return kind;
	return /^[AEIOU]/.test(kind) ? `an ${kind}` : `a ${kind}`;
}
