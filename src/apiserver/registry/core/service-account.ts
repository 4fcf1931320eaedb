/**
 * ServiceAccount: the identity that processes in Pods have. Source: pkg/registry/core/serviceaccount of Kubernetes 1.36.
 */
import type { ServiceAccount } from "../../../apimachinery/schema/generated/types.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, nameColumn } from "../printing/columns.ts";

export const serviceAccountKind = defineKind<ServiceAccount>({
	group: "",
	kind: "ServiceAccount",
	resource: "serviceaccounts",
	singular: "serviceaccount",
	shortNames: ["sa"],
	versions: ["v1"],
	storageVersion: "v1",
	returnDeletedObject: true,
	columns: [nameColumn(), ageColumn()],
	warnings: ({ metadata }) =>
		metadata?.annotations?.["kubernetes.io/enforce-mountable-secrets"] === undefined
			? []
			: [
					"metadata.annotations[kubernetes.io/enforce-mountable-secrets]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets",
				],
});
