/**
 * DenyServiceExternalIPs: no Service takes addresses of which the cluster knows nothing; those that have some may keep them.
 * Source: plugin/pkg/admission/network/denyserviceexternalips.
 */
import type { Service } from "../../apimachinery/schema/generated/types.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { forbidden } from "./forbidden.ts";

export const denyServiceExternalIps: AdmissionPlugin = {
	name: "DenyServiceExternalIPs",
	handles: ({ operation, group, resource, subresource }) =>
		(operation === "CREATE" || operation === "UPDATE") && group === "" && resource === "services" && subresource === "",
	validate(object, attributes) {
		const addresses = (service: Service | undefined) => service?.spec?.externalIPs ?? [];
		const known = new Set(addresses(attributes.oldObject as Service | undefined));
		if (addresses(object as Service).every((address) => known.has(address))) return;
		throw forbidden(attributes, "Use of external IPs is denied by admission control.", object);
	},
};
