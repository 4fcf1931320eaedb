/**
 * certificates.k8s.io/v1 CertificateSigningRequest: asks a signer for an X.509 certificate. Who asks is recorded by the
 * server; an approver adds a condition through /approval, a signer the certificate through /status.
 *
 *   Pending ── /approval ──→ Approved ── /status ──→ Approved,Issued
 *      └────── /approval ──→ Denied
 */
import { jsonEqual } from "../../../apimachinery/json.ts";
import type {
	CertificateSigningRequest,
	CertificateSigningRequestCondition,
	CertificateSigningRequestSpec,
} from "../../../apimachinery/schema/generated/types.ts";
import { formatDuration, formatTime } from "../../../apimachinery/time.ts";
import { type FieldError, fieldForbidden, fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { defineKind, type HookContext } from "../kind.ts";
import { ageColumn, nameColumn, orNone, stringColumn } from "../printing/columns.ts";
import { validateSignerName } from "../validation/domain-names.ts";
import { type FieldErrors, validateEach, validateEnum, validateUnique } from "../validation/primitives.ts";
import { keyUsages } from "./key-usages.ts";
import { validateRequestPem } from "./request-pem.ts";

const minExpirationSeconds = 600;
const decisions = ["Approved", "Denied"];

export const certificateSigningRequest = defineKind<CertificateSigningRequest>({
	group: "certificates.k8s.io",
	kind: "CertificateSigningRequest",
	resource: "certificatesigningrequests",
	singular: "certificatesigningrequest",
	shortNames: ["csr"],
	versions: ["v1"],
	storageVersion: "v1",
	prepareForCreate: ({ status: _status, ...object }, context) => ({ ...object, spec: withRequestor(object.spec, context) }),
	prepareForUpdate: ({ status: _status, ...object }, old) => ({ ...object, spec: old.spec, ...(old.status && { status: old.status }) }),
	prepareForStatusUpdate: (object, old, { nowMs }) => ({
		...object,
		spec: old.spec,
		status: { ...object.status, conditions: stampConditions(keepDecisions(object, old), nowMs) },
	}),
	validate: (object) => [...validateSpec(object.spec ?? {}), ...validateConditions(object)],
	validateStatusUpdate: (object, old) => [...validateConditions(object), ...validateCertificateUpdate(object, old)],
	// Whatever the name: it comes from the requestor.
	validateName: () => [],
	selectableFields: ({ spec }) => ({ "spec.signerName": spec?.signerName ?? "" }),
	columns: [
		nameColumn(),
		ageColumn(),
		stringColumn("SignerName", "signerName indicates the requested signer, and is a qualified name.", ({ spec }) =>
			orNone(spec?.signerName),
		),
		stringColumn(
			"Requestor",
			'request contains an x509 certificate signing request encoded in a "CERTIFICATE REQUEST" PEM block. When serialized as JSON or YAML, the data is additionally base64-encoded.',
			({ spec }) => spec?.username ?? "",
		),
		stringColumn(
			"RequestedDuration",
			"expirationSeconds is the requested duration of validity of the issued certificate. The certificate signer may issue a certificate with a different validity duration so a client must check the delta between the notBefore and and notAfter fields in the issued certificate to determine the actual duration.",
			({ spec }) => (spec?.expirationSeconds === undefined ? "<none>" : formatDuration(spec.expirationSeconds * 1000)),
		),
		stringColumn(
			"Condition",
			'conditions applied to the request. Known conditions are "Approved", "Denied", and "Failed".',
			formatCondition,
		),
	],
});

/** `Pending`, `Approved,Issued`, `Denied`, `Approved,Failed`. */
function formatCondition({ status }: CertificateSigningRequest): string {
	const types = new Set((status?.conditions ?? []).map(({ type }) => type));
	const decision = types.has("Denied") ? "Denied" : types.has("Approved") ? "Approved" : "Pending";
	return [decision, ...(types.has("Failed") ? ["Failed"] : []), ...((status?.certificate ?? "") === "" ? [] : ["Issued"])].join(",");
}

/** Replaces whatever the request says of its requestor by who he is. */
function withRequestor(spec: CertificateSigningRequestSpec, { user }: HookContext): CertificateSigningRequestSpec {
	const { username: _username, uid: _uid, groups: _groups, extra: _extra, ...asked } = spec ?? {};
	if (user === undefined) return asked as CertificateSigningRequestSpec;
	return {
		...(asked as CertificateSigningRequestSpec),
		username: user.name,
		...(user.uid === undefined ? {} : { uid: user.uid }),
		...(user.groups.length === 0 ? {} : { groups: user.groups }),
		...(user.extra === undefined ? {} : { extra: user.extra }),
	};
}

/** A signer may not touch decisions: they stay as they were. */
function keepDecisions(object: CertificateSigningRequest, old: CertificateSigningRequest): readonly CertificateSigningRequestCondition[] {
	const oldConditions = old.status?.conditions ?? [];
	return (object.status?.conditions ?? []).map((condition) =>
		decisions.includes(condition.type) ? (oldConditions.find(({ type }) => type === condition.type) ?? condition) : condition,
	);
}

export function stampConditions(
	conditions: readonly CertificateSigningRequestCondition[],
	nowMs: number,
): readonly CertificateSigningRequestCondition[] {
	const now = formatTime(nowMs);
	return conditions.map((condition) => ({
		...condition,
		lastUpdateTime: condition.lastUpdateTime ?? now,
		lastTransitionTime: condition.lastTransitionTime ?? now,
	}));
}

function validateSpec(spec: Partial<CertificateSigningRequestSpec>): FieldErrors {
	const { request = "", signerName = "", usages = [], expirationSeconds } = spec;
	const legacy = signerName === "kubernetes.io/legacy-unknown";
	return [
		...validateRequestPem(request, "spec.request"),
		...(usages.length === 0 ? [fieldRequired("spec.usages")] : []),
		...validateEach(usages, "spec.usages", (usage, path) => validateEnum(usage, path, keyUsages)),
		...validateUnique(
			usages,
			(usage) => usage,
			(index) => `spec.usages[${index}]`,
		),
		...(legacy
			? [fieldInvalid("spec.signerName", signerName, "the legacy signerName is not allowed via this API version")]
			: validateSignerName(signerName, "spec.signerName")),
		...(expirationSeconds !== undefined && expirationSeconds < minExpirationSeconds
			? [fieldInvalid("spec.expirationSeconds", expirationSeconds, "may not specify a duration less than 600 seconds (10 minutes)")]
			: []),
	];
}

function validateConditions({ status }: CertificateSigningRequest): FieldErrors {
	const path = "status.conditions";
	const conditions = status?.conditions ?? [];
	const contradicting = conditions.findLastIndex(({ type }) => decisions.includes(type));
	const both = decisions.every((decision) => conditions.some(({ type }) => type === decision));
	return [
		...validateEach(conditions, path, ({ type, status: value }, at) => [
			...(type === "" ? [fieldRequired(`${at}.type`)] : []),
			...validateEnum(value, `${at}.status`, [...decisions, "Failed"].includes(type) ? ["True"] : ["True", "False", "Unknown"]),
		]),
		...validateUnique(
			conditions,
			({ type }) => type,
			(index) => `${path}[${index}].type`,
		),
		...(both
			? [
					fieldInvalid(
						`${path}[${contradicting}].type`,
						conditions[contradicting]?.type,
						"Approved and Denied conditions are mutually exclusive",
					),
				]
			: []),
	];
}

const find = (csr: CertificateSigningRequest, type: string) => csr.status?.conditions?.find((condition) => condition.type === type);

/** What was decided stays decided, whoever writes. */
export function validateKeptConditions(object: CertificateSigningRequest, old: CertificateSigningRequest): FieldErrors {
	return [...decisions, "Failed"].flatMap((type) =>
		find(old, type) !== undefined && find(object, type) === undefined
			? [fieldForbidden("status.conditions", `updates may not remove a condition of type ${JSON.stringify(type)}`)]
			: [],
	);
}

/** Through /status decisions neither come nor go, and an issued certificate stays. */
function validateCertificateUpdate(object: CertificateSigningRequest, old: CertificateSigningRequest): FieldErrors {
	const errors: FieldError[] = [...validateKeptConditions(object, old)];
	for (const type of decisions) {
		if (find(old, type) === undefined && find(object, type) !== undefined) {
			errors.push(fieldForbidden("status.conditions", `updates may not add a condition of type ${JSON.stringify(type)}`));
		}
	}
	if ((old.status?.certificate ?? "") !== "" && !jsonEqual(old.status?.certificate, object.status?.certificate)) {
		errors.push(fieldForbidden("status.certificate", "updates may not modify existing certificate content"));
	}
	return errors;
}
