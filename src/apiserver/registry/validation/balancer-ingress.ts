/** Entry points that a load balancer reports, in the status of Services and Ingresses. */
import { isIP } from "node:net";
import { fieldInvalid } from "../../../apimachinery/validation/field-error.ts";
import { isDns1123Subdomain } from "../../../apimachinery/validation/names.ts";
import { type FieldErrors, invalidFor, NO_ERRORS } from "./primitives.ts";

/** A host name, where there is one, is a DNS name and no address. */
export function validateBalancerHost(hostname: string, path: string): FieldErrors {
	return hostname === "" ? NO_ERRORS : [...invalidFor(path, hostname, isDns1123Subdomain(hostname)), ...refuseAddress(hostname, path)];
}

export function refuseAddress(hostname: string, path: string): FieldErrors {
	return isIP(hostname) === 0 ? NO_ERRORS : [fieldInvalid(path, hostname, "must be a DNS name, not an IP address")];
}
