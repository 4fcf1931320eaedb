/**
 * Checks a value against a schema, in the words of kube-apiserver:
 * `spec.replicas: Invalid value: 11: spec.replicas in body should be less than or equal to 10`.
 *
 * In an update, what is wrong but was so before does not count where the part is the same as it was (KEP-4008): each visit
 * knows the old value that its value came from.
 * Source of texts and order: k8s.io/kube-openapi/pkg/validation and ValidateCustomResource of
 * k8s.io/apiextensions-apiserver/pkg/apiserver/validation of Kubernetes 1.36.
 */

import { type CelRegex, compileRegex } from "../../../apimachinery/cel/regex/regex.ts";
import { CostLimitExceeded } from "../../../apimachinery/cel/values/errors.ts";
import { isJsonObject, type JsonObject, type JsonValue, jsonEqual, ownValue } from "../../../apimachinery/json.ts";
import {
	FieldError,
	fieldInvalid,
	fieldNotOneOf,
	fieldRequired,
	fieldTooLong,
	fieldTooMany,
} from "../../../apimachinery/validation/field-error.ts";
import { formatTest, isKnownFormat } from "./formats.ts";
import type { SchemaTree } from "./schema-tree.ts";

/** Parts of values held against parts of schemas in one validation; whoever needs more gets an error instead of the process. */
const maxSteps = 1_000_000;

/** Go's text of a path that leads nowhere: errors about alternatives name no field. */
const nowhere = "<nil>";

class StepLimitError extends Error {}

/** Where a value stands: put into words only for an error. */
interface Place {
	readonly above: Place | undefined;
	readonly step: string | number;
}

interface Run {
	/** Where the value as a whole stands: fields are named by their whole path, texts speak of the path within the value. */
	readonly root: string;
	errors: FieldError[];
	steps: number;
}

/**
 * What is wrong with a value.
 * @param path where it stands, "" for a whole object
 * @param old what it was before an update
 */
export function validateValue(
	value: JsonValue,
	tree: SchemaTree,
	{ path = "", old }: { readonly path?: string; readonly old?: JsonValue | undefined } = {},
): readonly FieldError[] {
	const run: Run = { root: path, errors: [], steps: 0 };
	try {
		visit(run, tree, value, undefined, old);
	} catch (error) {
		if (!(error instanceof StepLimitError)) throw error;
		return [new FieldError("InternalError", wholeOf(run), "", `checking the object against its schema takes more than ${maxSteps} steps`)];
	}
	return run.errors;
}

/** The field that errors about the value as a whole name. */
const wholeOf = ({ root }: Run): string => (root === "" ? nowhere : root);

/** The path within the value: `spec.replicas`. */
function textOf(place: Place | undefined): string {
	const steps: string[] = [];
	for (let at = place; at !== undefined; at = at.above) steps.push(typeof at.step === "number" ? `[${at.step}]` : `.${at.step}`);
	const text = steps.reverse().join("");
	return text.startsWith(".") ? text.slice(1) : text;
}

function fieldOf(run: Run, place: Place | undefined): string {
	const text = textOf(place);
	if (text === "") return wholeOf(run);
	return run.root === "" ? text : text.startsWith("[") ? run.root + text : `${run.root}.${text}`;
}

/** Returns how many checks the value came to: of several alternatives the one that it got furthest with says what is wrong. */
function visit(run: Run, tree: SchemaTree, value: JsonValue, place: Place | undefined, old: JsonValue | undefined): number {
	const before = run.errors.length;
	const count = check(run, tree, value, place, old);
	if (run.errors.length > before && old !== undefined && jsonEqual(value, old)) run.errors.length = before;
	return count;
}

function check(run: Run, tree: SchemaTree, value: JsonValue, place: Place | undefined, old: JsonValue | undefined): number {
	run.steps++;
	if (run.steps > maxSteps) throw new StepLimitError();
	const { props } = tree;
	let count = 1;
	if (tree.type !== "" || tree.isIntOrString) {
		count++;
		checkType(run, tree, value, place);
	}
	if (value !== null) {
		count += tree.hasJunctors ? checkJunctors(run, tree, value, place, old) + 1 : 1;
		if (typeof value === "string") checkString(run, tree, value, place);
		else if (typeof value === "number") checkNumber(run, tree, value, place);
		else if (Array.isArray(value)) count += checkList(run, tree, value as readonly JsonValue[], place, old);
	}
	if (props.enum !== undefined && props.enum.length > 0) checkEnum(run, tree, value, place);
	if (isJsonObject(value)) count += checkObject(run, tree, value, place, old);
	return count + 1;
}

// ── Types ──

function jsonType(value: JsonValue): string {
	if (value === null) return "null";
	if (Array.isArray(value)) return "array";
	if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
	return typeof value;
}

function checkType(run: Run, tree: SchemaTree, value: JsonValue, place: Place | undefined): void {
	const { type } = tree;
	const actual = jsonType(value);
	if (actual === type && !tree.isIntOrString) return;
	const types = tree.isIntOrString ? "integer,string" : type;
	const { format = "" } = tree.props;
	if (actual === "null") {
		if (!tree.isNullable) run.errors.push(wrongType(run, place, types, "null"));
		return;
	}
	const fits = types.split(",").includes(actual) || (actual === "integer" && types === "number");
	if (fits) return;
	const isLoose = format !== "" && isKnownFormat(format, type);
	if (isLoose && typeof value !== "string" && !Array.isArray(value)) {
		const dataFormat = actual === "integer" ? "int64" : actual === "number" ? "double" : "";
		if (dataFormat !== format) run.errors.push(wrongType(run, place, format, dataFormat));
		return;
	}
	run.errors.push(wrongType(run, place, types, actual));
}

/** @param shown what is there instead */
function wrongType(run: Run, place: Place | undefined, wanted: string, shown: string): FieldError {
	return new FieldError(
		"FieldValueTypeInvalid",
		fieldOf(run, place),
		shown,
		`${textOf(place)} in body must be of type ${wanted}: ${JSON.stringify(shown)}`,
	);
}

function invalid(run: Run, place: Place | undefined, value: unknown, rule: string): void {
	run.errors.push(fieldInvalid(fieldOf(run, place), value, `${textOf(place)} in body ${rule}`));
}

// ── Scalars ──

/** A pure memo: patterns by their texts, as schemas use the same ones again and again. */
const patterns = new Map<string, ReturnType<typeof compileRegex>>();
const maxPatterns = 1_000;

function patternOf(source: string): CelRegex | { readonly problem: string } {
	const known = patterns.get(source);
	if (known !== undefined) return known;
	const made = compileRegex(source);
	if (patterns.size >= maxPatterns) patterns.clear();
	patterns.set(source, made);
	return made;
}

/** Characters, as Go counts them. */
function lengthOf(text: string): number {
	let length = 0;
	for (const _ of text) length++;
	return length;
}

function checkString(run: Run, tree: SchemaTree, value: string, place: Place | undefined): void {
	const { maxLength, minLength, pattern, type = "", format = "" } = tree.props;
	const problem = stringProblem(run, { maxLength, minLength, pattern }, value, place);
	if (problem !== undefined) run.errors.push(problem);
	if (format === "" || !isKnownFormat(format, type) || (type !== "" && type !== "string")) return;
	if (formatTest(format)?.(value) === false) run.errors.push(wrongType(run, place, format, value));
}

/** The first rule that a string breaks. */
function stringProblem(
	run: Run,
	{
		maxLength,
		minLength,
		pattern,
	}: { readonly maxLength: number | undefined; readonly minLength: number | undefined; readonly pattern: string | undefined },
	value: string,
	place: Place | undefined,
): FieldError | undefined {
	const field = () => fieldOf(run, place);
	if (maxLength !== undefined && value.length > maxLength && lengthOf(value) > maxLength) return fieldTooLong(field(), maxLength);
	if (minLength !== undefined && lengthOf(value) < minLength) {
		return fieldInvalid(field(), value, `${textOf(place)} in body should be at least ${minLength} chars long`);
	}
	if (pattern === undefined || pattern === "") return undefined;
	const rule = patternProblem(pattern, value);
	return rule === undefined ? undefined : fieldInvalid(field(), value, `${textOf(place)} in body ${rule}`);
}

function patternProblem(pattern: string, value: string): string | undefined {
	const expression = patternOf(pattern);
	if ("problem" in expression) return `should match '${pattern}, but pattern is invalid: ${expression.problem}'`;
	try {
		return expression.test(value) ? undefined : `should match '${pattern}'`;
	} catch (error) {
		if (error instanceof CostLimitExceeded) return `should match '${pattern}', but that takes too long to find out`;
		throw error;
	}
}

function checkNumber(run: Run, { props }: SchemaTree, value: number, place: Place | undefined): void {
	const { multipleOf, maximum, minimum, exclusiveMaximum = false, exclusiveMinimum = false } = props;
	if (multipleOf !== undefined && !isMultiple(value, multipleOf)) invalid(run, place, value, `should be a multiple of ${multipleOf}`);
	if (maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum)) {
		invalid(run, place, value, `should be less than ${exclusiveMaximum ? "" : "or equal to "}${maximum}`);
	}
	if (minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum)) {
		invalid(run, place, value, `should be greater than ${exclusiveMinimum ? "" : "or equal to "}${minimum}`);
	}
}

function isMultiple(value: number, factor: number): boolean {
	const times = factor < 1 ? (1 / factor) * value : value / factor;
	return Math.abs(times - Math.round(times)) < 1e-9 * Math.max(1, Math.abs(times));
}

function checkEnum(run: Run, tree: SchemaTree, value: JsonValue, place: Place | undefined): void {
	const allowed = tree.props.enum ?? [];
	if (tree.scalarEnum.has(value) || allowed.some((candidate) => typeof candidate === "object" && jsonEqual(candidate, value))) return;
	const shown = allowed.map((candidate) => (typeof candidate === "string" ? candidate : JSON.stringify(candidate)));
	run.errors.push(fieldNotOneOf(fieldOf(run, place), value, shown));
}

// ── Lists and objects ──

function checkList(run: Run, tree: SchemaTree, list: readonly JsonValue[], place: Place | undefined, old: JsonValue | undefined): number {
	const { maxItems, minItems, uniqueItems } = tree.props;
	let count = 1;
	const { items } = tree;
	if (items !== undefined) {
		const oldItem = oldItems(tree, old);
		for (const [index, item] of list.entries()) count += visit(run, items, item, { above: place, step: index }, oldItem(item));
	}
	if (minItems !== undefined && list.length < minItems) invalid(run, place, list.length, `should have at least ${minItems} items`);
	if (maxItems !== undefined && list.length > maxItems) run.errors.push(fieldTooMany(fieldOf(run, place), list.length, maxItems));
	if (uniqueItems === true && new Set(list.map((item) => JSON.stringify(item))).size < list.length) {
		invalid(run, place, "", "shouldn't contain duplicates");
	}
	return count;
}

/** Which item of the old list an item was: only the keys of a list of type map can say. */
function oldItems(tree: SchemaTree, old: JsonValue | undefined): (item: JsonValue) => JsonValue | undefined {
	if (tree.props["x-kubernetes-list-type"] !== "map" || !Array.isArray(old)) return () => undefined;
	const keys = tree.props["x-kubernetes-list-map-keys"] ?? [];
	const identity = (item: JsonValue) => (isJsonObject(item) ? JSON.stringify(keys.map((key) => ownValue(item, key) ?? null)) : undefined);
	const byIdentity = new Map((old as readonly JsonValue[]).map((item) => [identity(item), item]));
	return (item) => byIdentity.get(identity(item));
}

function checkObject(run: Run, tree: SchemaTree, object: JsonObject, place: Place | undefined, old: JsonValue | undefined): number {
	const { maxProperties, minProperties, additionalProperties, required } = tree.props;
	if (maxProperties !== undefined || minProperties !== undefined) {
		const size = Object.keys(object).length;
		if (minProperties !== undefined && size < minProperties) {
			invalid(run, place, size, `should have at least ${minProperties} properties`);
			return 0;
		}
		if (maxProperties !== undefined && size > maxProperties) {
			run.errors.push(fieldTooMany(fieldOf(run, place), size, maxProperties));
			return 0;
		}
	}
	const { properties, values } = tree;
	const oldObject = isJsonObject(old) ? old : undefined;
	const oldOf = (key: string) => (oldObject === undefined ? undefined : ownValue(oldObject, key));
	let count = 1;
	for (const key in object) {
		const item = object[key];
		if (item === undefined) continue;
		const field = properties.get(key) ?? values;
		if (field !== undefined) count += visit(run, field, item, { above: place, step: key }, oldOf(key));
		else if (additionalProperties === false) {
			run.errors.push(fieldInvalid(fieldOf(run, place), key, `${textOf(place)}.${key} in body is a forbidden property`));
		}
	}
	for (const key of required ?? []) {
		if (ownValue(object, key) === undefined) run.errors.push(fieldRequired(fieldOf(run, { above: place, step: key })));
	}
	return count;
}

// ── Alternatives ──

interface Attempt {
	readonly errors: readonly FieldError[];
	readonly count: number;
}

function checkJunctors(run: Run, tree: SchemaTree, value: JsonValue, place: Place | undefined, old: JsonValue | undefined): number {
	const { allOf, anyOf, oneOf, not } = tree.junctors;
	const attempt = (part: SchemaTree): Attempt => {
		const { errors } = run;
		run.errors = [];
		try {
			const count = check(run, part, value, place, old);
			return { errors: run.errors, count };
		} finally {
			run.errors = errors;
		}
	};
	const fail = (rule: string) => run.errors.push(fieldInvalid(wholeOf(run), "", `${JSON.stringify(textOf(place))} ${rule}`));
	let count = 0;
	if (anyOf.length > 0) {
		const { best, valid, counted } = tryParts(anyOf, attempt, 1);
		if (valid === 0) fail("must validate at least one schema (anyOf)");
		if (valid === 0) run.errors.push(...best);
		count += counted;
	}
	if (oneOf.length > 0) {
		const { best, valid, counted } = tryParts(oneOf, attempt, Number.POSITIVE_INFINITY);
		if (valid !== 1) {
			fail(`must validate one and only one schema (oneOf). Found ${valid === 0 ? "none valid" : `${valid} valid alternatives`}`);
			if (valid === 0) run.errors.push(...best);
		}
		count += counted;
	}
	if (allOf.length > 0) {
		const attempts = allOf.map(attempt);
		for (const { errors } of attempts) run.errors.push(...errors);
		const valid = attempts.filter(({ errors }) => errors.length === 0).length;
		if (valid < allOf.length) fail(`must validate all the schemas (allOf)${valid === 0 ? ". None validated" : ""}`);
		count += attempts.reduce((sum, { count: counted }) => sum + counted, 0);
	}
	if (not !== undefined && attempt(not).errors.length === 0) fail("must not validate the schema (not)");
	return count;
}

/** Tries alternatives until `enough` are valid; of those that are not, the one that got furthest says why. */
function tryParts(parts: readonly SchemaTree[], attempt: (part: SchemaTree) => Attempt, enough: number) {
	let best: Attempt | undefined;
	let valid = 0;
	let counted = 0;
	for (const part of parts) {
		const result = attempt(part);
		if (result.errors.length === 0) {
			valid++;
			counted = Math.max(counted, result.count);
			if (valid >= enough) break;
		} else if (best === undefined || result.count > best.count) best = result;
	}
	return { best: best?.errors ?? [], valid, counted: valid > 0 ? counted : (best?.count ?? 0) };
}
