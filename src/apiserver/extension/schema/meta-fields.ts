/** Parts of a resource that are Kubernetes' own, whatever the schema says. */
export const metaFields: ReadonlySet<string> = new Set(["apiVersion", "kind", "metadata"]);
