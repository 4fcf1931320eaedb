/**
 * OwnerReferencesPermissionEnforcement: who makes an object go with another one could delete it anyway, and who makes its owner
 * wait for it could say so on the owner. Source: plugin/pkg/admission/gc.
 */
import type { ApiRequest } from "../../apimachinery/api-request.ts";
import { type JsonValue, jsonEqual } from "../../apimachinery/json.ts";
import { type KubeObject, parseApiVersion } from "../../apimachinery/meta.ts";
import type { OwnerReference } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts";
import { forbidden } from "./forbidden.ts";

export interface OwnerReferenceServices {
	/** Throws Forbidden, or rejects with it. */
	authorize(user: UserInfo, request: ApiRequest): void | Promise<void>;
	/** What serves objects of a kind; undefined if nothing does. */
	resourceOf(apiVersion: string, kind: string): { readonly resource: string; readonly namespaced: boolean } | undefined;
}

export function ownerReferencesPermissionEnforcement(services: OwnerReferenceServices): AdmissionPlugin {
	return {
		name: "OwnerReferencesPermissionEnforcement",
		handles: ({ operation, resource, subresource }) =>
			(operation === "CREATE" || operation === "UPDATE") && !(resource === "pods" && subresource === "status"),
		validate(object, attributes) {
			const [owners, old] = [ownersOf(object), ownersOf(attributes.oldObject)];
			if (jsonEqual(owners as unknown as JsonValue, old as unknown as JsonValue)) return undefined;
			return enforce(owners, old, attributes, services);
		},
	};
}

const ownersOf = (object: KubeObject | undefined): readonly OwnerReference[] => object?.metadata?.ownerReferences ?? [];

async function enforce(
	owners: readonly OwnerReference[],
	old: readonly OwnerReference[],
	attributes: AdmissionAttributes,
	{ authorize, resourceOf }: OwnerReferenceServices,
): Promise<void> {
	const { user, group, version, resource, namespace, name } = attributes;
	const check = async (request: ApiRequest, why: string) => {
		try {
			await authorize(user, request);
		} catch (error) {
			if (!isStatusError(error, "Forbidden")) throw error;
			throw forbidden(attributes, `${why}: ${error.message}`);
		}
	};
	const place = namespace === "" ? {} : { namespace };
	const itself = { verb: "delete", group, version, resource, ...place, name } as const;
	await check(itself, "cannot set an ownerRef on a resource you can't delete");
	const isKnown = ({ uid }: OwnerReference) => old.some((before) => before.uid === uid && before.blockOwnerDeletion === true);
	for (const owner of owners.filter((each) => each.blockOwnerDeletion === true && !isKnown(each))) {
		const served = resourceOf(owner.apiVersion, owner.kind);
		if (served === undefined)
			throw forbidden(
				attributes,
				`cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion ${owner.apiVersion} Kind ${owner.kind}`,
			);
		const request = {
			verb: "update",
			...parseApiVersion(owner.apiVersion),
			resource: served.resource,
			subresource: "finalizers",
			...(served.namespaced ? place : {}),
			name: owner.name,
		} as const;
		await check(request, "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on");
	}
}
