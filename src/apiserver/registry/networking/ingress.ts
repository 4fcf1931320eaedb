/** networking.k8s.io/v1 Ingress: which host and path of HTTP traffic goes to which Service. */
import type { Ingress, IngressRule } from "../../../apimachinery/schema/generated/types.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, formatLoadBalancer, nameColumn, stringColumn } from "../printing/columns.ts";
import { validateClassAnnotation, validateIngressSpec, validateIngressStatus } from "./ingress-validation.ts";

const shownHosts = 3;

export const ingress = defineKind<Ingress>({
	group: "networking.k8s.io",
	kind: "Ingress",
	resource: "ingresses",
	singular: "ingress",
	shortNames: ["ing"],
	versions: ["v1"],
	storageVersion: "v1",
	storagePrefix: "ingress",
	hasGeneration: true,
	validate: (object) => [...validateIngressSpec(object), ...(isNew(object) ? validateClassAnnotation(object) : [])],
	validateStatusUpdate: validateIngressStatus,
	warnings: ({ metadata }) =>
		metadata?.annotations?.["kubernetes.io/ingress.class"] === undefined
			? []
			: ["annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead"],
	columns: [
		nameColumn(),
		stringColumn(
			"Class",
			"The name of the IngressClass resource that should be used for additional configuration",
			({ spec }) => spec?.ingressClassName ?? "<none>",
		),
		stringColumn("Hosts", "Hosts that incoming requests are matched against before the ingress rule", ({ spec }) =>
			formatHosts(spec?.rules ?? []),
		),
		stringColumn("Address", "Address is a list containing ingress points for the load-balancer", ({ status }) =>
			formatLoadBalancer(status?.loadBalancer?.ingress),
		),
		stringColumn("Ports", "Ports of TLS configurations that open", ({ spec }) => ((spec?.tls ?? []).length > 0 ? "80, 443" : "80")),
		ageColumn(),
	],
});

/** Before its first write an object has no resourceVersion: some rules hold for new objects only. */
const isNew = ({ metadata }: Ingress): boolean => (metadata?.resourceVersion ?? "") === "";

/** `a.example.com,b.example.com`, `*` for any host, at most three of them. */
function formatHosts(rules: readonly IngressRule[]): string {
	const named = rules.map(({ host = "" }) => host);
	// Counting stops at the third name: whatever rules follow, named or not, are the ones not shown.
	const list: string[] = [];
	let more = false;
	for (const host of named) {
		if (list.length === shownHosts) more = true;
		if (!more && host !== "") list.push(host);
	}
	if (list.length === 0) return "*";
	return more ? `${list.join(",")} + ${rules.length - shownHosts} more...` : list.join(",");
}
