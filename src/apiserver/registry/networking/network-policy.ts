/** networking.k8s.io/v1 NetworkPolicy: which traffic reaches the selected pods, and which may leave them. */
import type {
	IPBlock,
	NetworkPolicy,
	NetworkPolicyPeer,
	NetworkPolicyPort,
	NetworkPolicySpec,
} from "../../../apimachinery/schema/generated/types.ts";
import { fieldForbidden, fieldInvalid, fieldNotOneOf, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { validateLabelSelector } from "../../../apimachinery/validation/label-selector.ts";
import { isValidPortName, isValidPortNumber } from "../../../apimachinery/validation/names.ts";
import { eachItem, mapField, withDefaults } from "../core/defaulting.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, formatLabelSelector, nameColumn, stringColumn } from "../printing/columns.ts";
import { isStrictSubset, parseCidr } from "../validation/ip.ts";
import { cidrWarnings, validateLegacyCidr } from "../validation/legacy-ip.ts";
import { type FieldErrors, invalidFor, validateEach } from "../validation/primitives.ts";

const protocols = ["TCP", "UDP", "SCTP"];
const policyTypes = ["Ingress", "Egress"];

export const networkPolicy = defineKind<NetworkPolicy>({
	group: "networking.k8s.io",
	kind: "NetworkPolicy",
	resource: "networkpolicies",
	singular: "networkpolicy",
	shortNames: ["netpol"],
	versions: ["v1"],
	storageVersion: "v1",
	hasGeneration: true,
	setDefaults: (object) => mapField(withDefaults(object, { spec: {} }), "spec", defaultSpec),
	validate: ({ spec = {} }, old) => validateSpec(spec, old?.spec),
	warnings: ({ spec = {} }) => blocksOf(spec).flatMap(({ block, path }) => blockWarnings(block, path)),
	columns: [
		nameColumn(),
		stringColumn(
			"Pod-Selector",
			"podSelector selects the pods to which this NetworkPolicy object applies. The array of rules is applied to any pods selected by this field.",
			({ spec }) => formatLabelSelector(spec?.podSelector),
		),
		ageColumn(),
	],
});

/** A policy without types is one for ingress, and for egress too if it has rules for it. */
function defaultSpec(spec: NetworkPolicySpec): NetworkPolicySpec {
	const ports = eachItem((port: NetworkPolicyPort) => withDefaults(port, { protocol: "TCP" }));
	const withIngress = mapField(spec, "ingress", (rules) =>
		eachItem((rule: (typeof rules)[number]) => mapField(rule, "ports", ports))(rules),
	);
	const withEgress = mapField(withIngress, "egress", (rules) =>
		eachItem((rule: (typeof rules)[number]) => mapField(rule, "ports", ports))(rules),
	);
	if ((spec.policyTypes ?? []).length > 0) return withEgress;
	return { ...withEgress, policyTypes: (spec.egress ?? []).length > 0 ? policyTypes : ["Ingress"] };
}

interface PlacedBlock {
	readonly block: Partial<IPBlock>;
	readonly path: string;
}

/** All ranges that a policy names, with their places. */
function blocksOf({ ingress = [], egress = [] }: NetworkPolicySpec): readonly PlacedBlock[] {
	const ofPeers = (peers: readonly NetworkPolicyPeer[] | undefined, path: string) =>
		(peers ?? []).flatMap(({ ipBlock }, index) => (ipBlock === undefined ? [] : [{ block: ipBlock, path: `${path}[${index}].ipBlock` }]));
	return [
		...ingress.flatMap(({ from }, index) => ofPeers(from, `spec.ingress[${index}].from`)),
		...egress.flatMap(({ to }, index) => ofPeers(to, `spec.egress[${index}].to`)),
	];
}

function blockWarnings({ cidr = "", except = [] }: Partial<IPBlock>, path: string): readonly string[] {
	return [...cidrWarnings(cidr, `${path}.cidr`), ...except.flatMap((range, index) => cidrWarnings(range, `${path}.except[${index}]`))];
}

/** Odd ranges, and an odd selector, that were in the store before may stay. */
function validateSpec(spec: NetworkPolicySpec, old: NetworkPolicySpec | undefined): FieldErrors {
	const known = blocksOf(old ?? {}).flatMap(({ block: { cidr, except = [] } }) => [...(cidr === undefined ? [] : [cidr]), ...except]);
	const wasOdd = old !== undefined && validateLabelSelector(old.podSelector, "").length > 0;
	const validatePeers = (peer: NetworkPolicyPeer, path: string) => validatePeer(peer, path, known);
	return [
		...(wasOdd ? [] : validateLabelSelector(spec.podSelector, "spec.podSelector")),
		...validateEach(spec.ingress, "spec.ingress", (rule, path) => [
			...validateEach(rule.ports, `${path}.ports`, validatePort),
			...validateEach(rule.from, `${path}.from`, validatePeers),
		]),
		...validateEach(spec.egress, "spec.egress", (rule, path) => [
			...validateEach(rule.ports, `${path}.ports`, validatePort),
			...validateEach(rule.to, `${path}.to`, validatePeers),
		]),
		...validateTypes(spec.policyTypes ?? []),
	];
}

/** Supported values in Kubernetes' order, which is not that of the alphabet here. */
const validateListed = (value: string | undefined, path: string, supported: readonly string[]): FieldErrors =>
	value === undefined || supported.includes(value) ? [] : [fieldNotOneOf(path, value, supported)];

function validateTypes(types: readonly string[]): FieldErrors {
	if (types.length > policyTypes.length) return [fieldInvalid("spec.policyTypes", types, "may not specify more than two policyTypes")];
	return validateEach(types, "spec.policyTypes", (type, path) => validateListed(type, path, policyTypes));
}

function validatePort({ protocol, port, endPort }: NetworkPolicyPort, path: string): FieldErrors {
	return [...validateListed(protocol, `${path}.protocol`, protocols), ...validatePortRange(port, endPort, path)];
}

function validatePortRange(port: number | string | undefined, endPort: number | undefined, path: string): FieldErrors {
	const end = (text: string) => (endPort === undefined ? [] : [fieldInvalid(`${path}.endPort`, endPort, text)]);
	if (port === undefined) return end("may not be specified when `port` is not specified");
	if (typeof port === "string") {
		return [...end("may not be specified when `port` is non-numeric"), ...invalidFor(`${path}.port`, port, isValidPortName(port))];
	}
	return [
		...invalidFor(`${path}.port`, port, isValidPortNumber(port)),
		...(endPort !== undefined && endPort < port ? end("must be greater than or equal to `port`") : []),
		...(endPort === undefined ? [] : invalidFor(`${path}.endPort`, endPort, isValidPortNumber(endPort))),
	];
}

function validatePeer({ podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer, path: string, known: readonly string[]): FieldErrors {
	const selectors = [podSelector, namespaceSelector].filter((selector) => selector !== undefined).length;
	return [
		...validateLabelSelector(podSelector, `${path}.podSelector`),
		...validateLabelSelector(namespaceSelector, `${path}.namespaceSelector`),
		...(ipBlock === undefined ? [] : validateIpBlock(ipBlock, `${path}.ipBlock`, known)),
		...(selectors === 0 && ipBlock === undefined ? [fieldRequired(path, "must specify a peer")] : []),
		...(selectors > 0 && ipBlock !== undefined ? [fieldForbidden(path, "may not specify both ipBlock and another peer")] : []),
	];
}

function validateIpBlock({ cidr = "", except }: Partial<IPBlock>, path: string, known: readonly string[]): FieldErrors {
	if (cidr === "") return [fieldRequired(`${path}.cidr`)];
	const outer = parseCidr(cidr);
	return [
		...validateLegacyCidr(cidr, `${path}.cidr`, known),
		...validateEach(outer === undefined ? [] : except, `${path}.except`, (text, at) => {
			const inner = parseCidr(text);
			const outside = inner !== undefined && outer !== undefined && !isStrictSubset(inner, outer);
			return [...validateLegacyCidr(text, at, known), ...(outside ? [fieldInvalid(at, text, "must be a strict subset of `cidr`")] : [])];
		}),
	];
}
