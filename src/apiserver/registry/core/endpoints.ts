/**
 * Endpoints: the addresses behind a Service, in one object. Deprecated since v1.33 in favour of EndpointSlices.
 * Source: pkg/registry/core/endpoint of Kubernetes 1.36.
 */
import { isIP } from "node:net";
import type { CoreEndpointPort, EndpointAddress, EndpointSubset, Endpoints } from "../../../apimachinery/schema/generated/types.ts";
import { type FieldError, fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import {
	type FieldErrors,
	validateDnsLabel,
	validateEach,
	validateEnum,
	validateOptionalLabel,
	validatePortNumber,
} from "../validation/primitives.ts";
import { eachItem, mapField, withDefaults } from "./defaulting.ts";

/** How many addresses the ENDPOINTS column shows. */
const maxShown = 3;

/** `10.1.1.1:80,10.1.1.2:80,10.1.1.3:80 + 2 more...`. */
function formatEndpoints({ subsets = [] }: Endpoints): string {
	if (subsets.length === 0) return "<none>";
	const all = subsets.flatMap(({ addresses = [], ports = [] }) =>
		ports.length === 0 ? addresses.map(({ ip }) => ip) : ports.flatMap(({ port }) => addresses.map(({ ip }) => formatHostPort(ip, port))),
	);
	const shown = all.slice(0, maxShown).join(",");
	return all.length > maxShown ? `${shown} + ${all.length - maxShown} more...` : shown;
}

const formatHostPort = (ip = "", port = 0): string => (ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`);

const defaultPort = (port: CoreEndpointPort): CoreEndpointPort => withDefaults(port, { protocol: "TCP" });

const defaultSubset = (subset: EndpointSubset): EndpointSubset => mapField(subset, "ports", eachItem(defaultPort));

function validateSubset({ addresses = [], notReadyAddresses = [], ports = [] }: EndpointSubset, path: string): FieldErrors {
	const errors: FieldError[] = [];
	if (addresses.length + notReadyAddresses.length === 0) {
		errors.push(fieldRequired(path, "must specify `addresses` or `notReadyAddresses`"));
	}
	return [
		...errors,
		...validateEach(addresses, `${path}.addresses`, validateAddress),
		...validateEach(notReadyAddresses, `${path}.notReadyAddresses`, validateAddress),
		...validateEach(ports, `${path}.ports`, (port, at) => [
			...(ports.length > 1 ? validateDnsLabel(port.name, `${at}.name`) : validateOptionalLabel(port.name, `${at}.name`)),
			...validatePortNumber(port.port, `${at}.port`),
			...validateEnum(port.protocol, `${at}.protocol`, ["SCTP", "TCP", "UDP"]),
		]),
	];
}

function validateAddress({ ip = "", hostname }: EndpointAddress, path: string): FieldErrors {
	const errors: FieldError[] =
		isIP(ip) === 0 ? [fieldInvalid(`${path}.ip`, ip, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")] : [];
	if (/^(127\.|0\.0\.0\.0$|::1?$)/.test(ip)) {
		const isLoopback = ip.startsWith("127.") || ip === "::1";
		errors.push(
			fieldInvalid(
				`${path}.ip`,
				ip,
				isLoopback ? "may not be in the loopback range (127.0.0.0/8, ::1/128)" : `may not be unspecified (${ip})`,
			),
		);
	}
	return [...errors, ...validateOptionalLabel(hostname, `${path}.hostname`)];
}

export const endpointsKind = defineKind<Endpoints>({
	group: "",
	kind: "Endpoints",
	resource: "endpoints",
	singular: "endpoints",
	shortNames: ["ep"],
	versions: ["v1"],
	storageVersion: "v1",
	storagePrefix: "services/endpoints",
	allowCreateOnUpdate: true,
	setDefaults: (endpoints) => mapField(endpoints, "subsets", eachItem(defaultSubset)),
	validate: ({ subsets }) => validateEach(subsets, "subsets", validateSubset),
	columns: [nameColumn(), stringColumn("Endpoints", "The set of all endpoints is the union of all subsets.", formatEndpoints), ageColumn()],
	warnings: () => ["v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"],
});
