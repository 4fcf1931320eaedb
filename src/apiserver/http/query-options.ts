/**
 * The query parameters of API requests: ListOptions, CreateOptions, UpdateOptions, PatchOptions and DeleteOptions, with
 * kube-apiserver's rules of reading and its errors.
 * Source: https://kubernetes.io/docs/reference/kubernetes-api/common-parameters/common-parameters/ and the validation of
 * k8s.io/apimachinery/pkg/apis/meta.
 */
import type { PatchType, RequestOptions, Verb } from "../../apimachinery/api-request.ts";
import { isJsonObject } from "../../apimachinery/json.ts";
import { decodeObject } from "../../apimachinery/schema/decode.ts";
import type { DeleteOptions } from "../../apimachinery/schema/generated/types.ts";
import { newBadRequest, newInvalid } from "../../apimachinery/status-error.ts";
import {
	FieldError,
	fieldForbidden,
	fieldInvalid,
	fieldNotSupported,
	fieldRequired,
	fieldTooLong,
} from "../../apimachinery/validation/field-error.ts";

const maxFieldManagerBytes = 128;
/** All but what Go's unicode.IsPrint takes: letters, marks, numbers, punctuation, symbols and the ASCII space. */
const unprintable = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u;
const metaGroup = "meta.k8s.io";

/** Whether the query asks to watch. */
export function isWatchQuery(query: URLSearchParams): boolean {
	return readBoolean(query, "watch") ?? false;
}

/**
 * Reads the parameters that `verb` takes; others are ignored, as upstream does.
 * @param userAgent stands in for a missing fieldManager (its part before the first slash)
 * @throws StatusError BadRequest for a malformed number, Invalid for a combination that is not allowed
 */
export function readRequestOptions(verb: Verb, query: URLSearchParams, userAgent: string, patchType?: PatchType): RequestOptions {
	switch (verb) {
		case "get":
			return readGetOptions(query);
		case "list":
		case "watch":
			return readListOptions(query, verb === "watch");
		case "deletecollection":
			return readListOptions(query, false);
		case "create":
			return readWriteOptions("CreateOptions", query, userAgent, undefined);
		case "update":
			return readWriteOptions("UpdateOptions", query, userAgent, undefined);
		case "patch":
			return readWriteOptions("PatchOptions", query, userAgent, patchType);
		case "delete":
			return {};
		default:
			return verb satisfies never;
	}
}

/**
 * DeleteOptions stand in the body or, without one, in the query.
 * @throws StatusError BadRequest or Invalid
 */
export function readDeleteOptions(query: URLSearchParams, body: unknown): DeleteOptions {
	const options = body === undefined ? deleteOptionsOfQuery(query) : deleteOptionsOfBody(body);
	const errors: FieldError[] = [];
	const { orphanDependents, propagationPolicy } = options;
	if (orphanDependents !== undefined && propagationPolicy !== undefined) {
		errors.push(fieldInvalid("propagationPolicy", propagationPolicy, "orphanDependents and deletionPropagation cannot be both set"));
	}
	if (propagationPolicy !== undefined && !["Foreground", "Background", "Orphan"].includes(propagationPolicy)) {
		errors.push(notSupported("propagationPolicy", propagationPolicy, ["Foreground", "Background", "Orphan", "nil"]));
	}
	errors.push(...validateDryRun(options.dryRun ?? []));
	failIfInvalid("DeleteOptions", errors);
	return options;
}

function readGetOptions(query: URLSearchParams): RequestOptions {
	return optional("resourceVersion", readText(query, "resourceVersion"));
}

function readListOptions(query: URLSearchParams, watch: boolean): RequestOptions {
	const match = readText(query, "resourceVersionMatch");
	const options: RequestOptions = {
		...optional("labelSelector", readText(query, "labelSelector")),
		...optional("fieldSelector", readText(query, "fieldSelector")),
		...optional("limit", readInteger(query, "limit")),
		...optional("continue", readText(query, "continue")),
		...optional("resourceVersion", readText(query, "resourceVersion")),
		...optional("timeoutSeconds", readInteger(query, "timeoutSeconds")),
		...optional("allowWatchBookmarks", readBoolean(query, "allowWatchBookmarks")),
		...optional("sendInitialEvents", readBoolean(query, "sendInitialEvents")),
		...(match === "Exact" || match === "NotOlderThan" ? { resourceVersionMatch: match } : {}),
	};
	failIfInvalid("ListOptions", watch ? validateWatch(options, match) : validateList(options, match));
	return options;
}

function validateList(options: RequestOptions, match: string | undefined): FieldError[] {
	const errors: FieldError[] = [];
	const field = "resourceVersionMatch";
	if (match !== undefined) {
		if (options.resourceVersion === undefined)
			errors.push(fieldForbidden(field, `${field} is forbidden unless resourceVersion is provided`));
		if (options.continue !== undefined) errors.push(fieldForbidden(field, `${field} is forbidden when continue is provided`));
		if (options.resourceVersionMatch === undefined) errors.push(notSupported(field, match, ["Exact", "NotOlderThan", ""]));
		if (match === "Exact" && options.resourceVersion === "0") {
			errors.push(fieldForbidden(field, `${field} "exact" is forbidden for resourceVersion "0"`));
		}
	}
	if (options.sendInitialEvents !== undefined) errors.push(fieldForbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
	return errors;
}

function validateWatch(options: RequestOptions, match: string | undefined): FieldError[] {
	const errors: FieldError[] = [];
	const field = "resourceVersionMatch";
	if (options.sendInitialEvents !== undefined && match !== "NotOlderThan") {
		errors.push(fieldForbidden(field, `sendInitialEvents requires setting ${field} to NotOlderThan`));
	}
	if (match !== undefined) {
		if (options.sendInitialEvents === undefined) {
			errors.push(fieldForbidden(field, `${field} is forbidden for watch unless sendInitialEvents is provided`));
		}
		if (match !== "NotOlderThan") errors.push(fieldNotSupported(field, match, ["NotOlderThan"]));
		if (options.continue !== undefined) errors.push(fieldForbidden(field, `${field} is forbidden when continue is provided`));
	}
	return errors;
}

function readWriteOptions(kind: string, query: URLSearchParams, userAgent: string, patchType: PatchType | undefined): RequestOptions {
	const dryRun = query.getAll("dryRun");
	const manager = readText(query, "fieldManager");
	const validation = readText(query, "fieldValidation");
	const force = kind === "PatchOptions" ? readBoolean(query, "force") : undefined;
	const errors = validateDryRun(dryRun);
	const apply = patchType === "application/apply-patch+yaml";
	if (apply && manager === undefined) errors.push(fieldRequired("fieldManager", "is required for apply patch"));
	if (!apply && force !== undefined) errors.push(fieldForbidden("force", "may not be specified for non-apply patch"));
	errors.push(...validateFieldManager(manager ?? ""));
	if (validation !== undefined && !isFieldValidation(validation)) {
		errors.push(fieldNotSupported("fieldValidation", validation, ["", "Ignore", "Strict", "Warn"]));
	}
	failIfInvalid(kind, errors);
	return {
		...(dryRun.length > 0 ? { dryRun: true } : {}),
		fieldManager: manager ?? managerOfUserAgent(userAgent),
		...(validation !== undefined && isFieldValidation(validation) ? { fieldValidation: validation } : {}),
		...optional("force", force),
	};
}

function validateDryRun(values: readonly string[]): FieldError[] {
	return values.every((value) => value === "All") ? [] : [fieldNotSupported("dryRun", values, ["All"])];
}

function validateFieldManager(manager: string): FieldError[] {
	const errors: FieldError[] = [];
	if (Buffer.byteLength(manager) > maxFieldManagerBytes) errors.push(fieldTooLong("fieldManager", maxFieldManagerBytes));
	if (unprintable.test(manager)) errors.push(fieldInvalid("fieldManager", manager, "should only contain printable characters"));
	return errors;
}

function isFieldValidation(value: string): value is "Ignore" | "Warn" | "Strict" {
	return value === "Ignore" || value === "Warn" || value === "Strict";
}

/** `kubectl/v1.35.2 (linux/amd64) …` manages fields as `kubectl`. */
function managerOfUserAgent(userAgent: string): string {
	const [name = ""] = userAgent.split("/");
	if (name.length <= maxFieldManagerBytes && /^[ -~]*$/.test(name)) return name;
	let manager = "";
	let sizeBytes = 0;
	for (const character of name) {
		if (unprintable.test(character)) continue;
		sizeBytes += Buffer.byteLength(character);
		if (sizeBytes > maxFieldManagerBytes) break;
		manager += character;
	}
	return manager;
}

function deleteOptionsOfQuery(query: URLSearchParams): DeleteOptions {
	const dryRun = query.getAll("dryRun");
	return {
		...optional("gracePeriodSeconds", readInteger(query, "gracePeriodSeconds")),
		...optional("orphanDependents", readBoolean(query, "orphanDependents")),
		...optional("propagationPolicy", readText(query, "propagationPolicy")),
		...(dryRun.length === 0 ? {} : { dryRun }),
	};
}

function deleteOptionsOfBody(body: unknown): DeleteOptions {
	if (!isJsonObject(body)) throw newBadRequest("the body of a delete must be a DeleteOptions object");
	const { kind } = body;
	if (kind !== undefined && kind !== null && kind !== "" && kind !== "DeleteOptions") {
		throw newBadRequest("decoded object cannot be converted to DeleteOptions");
	}
	return decodeObject(body, "DeleteOptions", { fieldValidation: "Ignore", kind: "DeleteOptions" }).object as DeleteOptions;
}

/** With the values in the order that upstream names them here, which is not that of the alphabet. */
function notSupported(field: string, value: unknown, supported: readonly string[]): FieldError {
	const list = supported.map((text) => JSON.stringify(text)).join(", ");
	return new FieldError("FieldValueNotSupported", field, value, `supported values: ${list}`);
}

function failIfInvalid(kind: string, errors: readonly FieldError[]): void {
	if (errors.length > 0) throw newInvalid({ group: metaGroup, kind }, "", errors);
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
	return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}

/** An empty parameter counts as absent. */
function readText(query: URLSearchParams, name: string): string | undefined {
	return query.get(name) || undefined;
}

/** `0` and `false` (any case) are false; every other value, the empty one too, is true. */
export function readBoolean(query: URLSearchParams, name: string): boolean | undefined {
	const value = query.get(name);
	if (value === null) return undefined;
	return value !== "0" && value.toLowerCase() !== "false";
}

/** @throws StatusError BadRequest with strconv's text */
export function readInteger(query: URLSearchParams, name: string): number | undefined {
	const value = query.get(name);
	if (value === null || value === "") return undefined;
	if (!/^[+-]?\d+$/.test(value)) throw newBadRequest(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
	const number = Number(value);
	if (!Number.isSafeInteger(number)) throw newBadRequest(`strconv.ParseInt: parsing ${JSON.stringify(value)}: value out of range`);
	return number;
}
