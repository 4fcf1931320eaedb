/** discovery.k8s.io/v1 EndpointSlice: up to 1,000 of the network endpoints behind a Service. */
import type { DiscoveryEndpointPort, Endpoint, EndpointSlice } from "../../../apimachinery/schema/generated/types.ts";
import { FieldError, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { validateLabels } from "../../../apimachinery/validation/label-selector.ts";
import { isDns1123Label, isDns1123Subdomain, isQualifiedName } from "../../../apimachinery/validation/names.ts";
import { eachItem, mapField, withDefaults } from "../core/defaulting.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import { validateFullyQualifiedDomainName } from "../validation/domain-names.ts";
import { validateIpOfFamily, validateNonSpecialIp } from "../validation/ip.ts";
import {
	type FieldErrors,
	invalidFor,
	validateEach,
	validateEnum,
	validateImmutable,
	validateOptionalLabel,
	validateUnique,
} from "../validation/primitives.ts";

const maxEndpoints = 1000;
const maxPorts = 20_000;
const maxAddresses = 100;
const shown = 3;
const protocols = ["SCTP", "TCP", "UDP"];

export const endpointSlice = defineKind<EndpointSlice>({
	group: "discovery.k8s.io",
	kind: "EndpointSlice",
	resource: "endpointslices",
	singular: "endpointslice",
	versions: ["v1"],
	storageVersion: "v1",
	hasGeneration: true,
	setDefaults: (object) =>
		mapField(
			object,
			"ports",
			eachItem((port: DiscoveryEndpointPort) => withDefaults(port.name === undefined ? { ...port, name: "" } : port, { protocol: "TCP" })),
		),
	validate: (object) => [
		...validateEnum(object.addressType, "addressType", ["FQDN", "IPv4", "IPv6"]),
		...validateEndpoints(object.endpoints ?? [], object.addressType),
		...validatePorts(object.ports ?? []),
	],
	validateUpdate: (object, old) => validateImmutable(object.addressType, old.addressType, "addressType"),
	columns: [
		nameColumn(),
		stringColumn(
			"AddressType",
			"addressType specifies the type of address carried by this EndpointSlice. All addresses in this slice must be the same type. This field is immutable after creation.",
			({ addressType }) => addressType,
		),
		stringColumn(
			"Ports",
			"ports specifies the list of network ports exposed by each endpoint in this slice. Each port must have a unique name. Each slice may include a maximum of 100 ports.",
			({ ports }) => listSome((ports ?? []).map(({ port, name }) => (port === undefined ? (name ?? "*") : String(port)))),
		),
		stringColumn(
			"Endpoints",
			"endpoints is a list of unique endpoints in this slice. Each slice may include a maximum of 1000 endpoints.",
			({ endpoints }) => listSome((endpoints ?? []).flatMap(({ addresses }) => addresses ?? [])),
		),
		ageColumn(),
	],
});

/** `10.0.0.1,10.0.0.2,10.0.0.3 + 2 more...`, `<unset>` for none. */
function listSome(items: readonly string[]): string {
	if (items.length === 0) return "<unset>";
	const text = items.slice(0, shown).join(",");
	return items.length > shown ? `${text} + ${items.length - shown} more...` : text;
}

const tooMany = (path: string, count: number, max: number) =>
	new FieldError("FieldValueTooMany", path, count, `must have at most ${max} items`);

function validateEndpoints(endpoints: readonly Endpoint[], addressType: string): FieldErrors {
	if (endpoints.length > maxEndpoints) return [tooMany("endpoints", endpoints.length, maxEndpoints)];
	return validateEach(endpoints, "endpoints", ({ addresses = [], deprecatedTopology, hostname, nodeName }: Partial<Endpoint>, path) => [
		...(addresses.length === 0 ? [fieldRequired(`${path}.addresses`, "must contain at least 1 address")] : []),
		...(addresses.length > maxAddresses ? [tooMany(`${path}.addresses`, addresses.length, maxAddresses)] : []),
		...validateEach(addresses, `${path}.addresses`, (address, at) => validateAddress(address, addressType, at)),
		...(nodeName === undefined ? [] : invalidFor(`${path}.nodeName`, nodeName, isDns1123Subdomain(nodeName))),
		...validateLabels(deprecatedTopology, `${path}.deprecatedTopology`),
		...(hostname === undefined ? [] : invalidFor(`${path}.hostname`, hostname, isDns1123Label(hostname))),
	]);
}

/** An address of a type that nobody knows is nobody's to judge. */
function validateAddress(address: string, addressType: string, path: string): FieldErrors {
	switch (addressType) {
		case "IPv4":
		case "IPv6":
			return [...validateIpOfFamily(address, addressType, path), ...validateNonSpecialIp(address, path)];
		case "FQDN":
			return validateFullyQualifiedDomainName(address, path);
		default:
			return [];
	}
}

function validatePorts(ports: readonly DiscoveryEndpointPort[]): FieldErrors {
	if (ports.length > maxPorts) return [tooMany("ports", ports.length, maxPorts)];
	const unnamed = ports.filter(({ name = "" }) => name === "").length > 1;
	return [
		...validateEach(ports, "ports", ({ name, protocol, appProtocol }, path) => [
			...validateOptionalLabel(name, `${path}.name`),
			...validateEnum(protocol, `${path}.protocol`, protocols),
			...(appProtocol === undefined ? [] : invalidFor(`${path}.appProtocol`, appProtocol, isQualifiedName(appProtocol))),
		]),
		...validateUnique(
			ports,
			({ name = "" }) => name,
			(index) => `ports[${index}].name`,
		),
		...(unnamed
			? [new FieldError("FieldValueDuplicate", `ports[${ports.findLastIndex(({ name = "" }) => name === "")}].name`, "", "")]
			: []),
	];
}
