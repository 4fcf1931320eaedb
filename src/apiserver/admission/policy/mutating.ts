/**
 * MutatingAdmissionPolicies before one request: every binding of every policy that matches changes the object in turn, by an
 * apply configuration or a JSON patch that an expression makes. Where one has, the mutating plugins run a second time, and with them the
 * policies that ask for it: they see what policies, webhooks and plugins after them did.
 *
 * Source: k8s.io/apiserver/pkg/admission/plugin/policy/mutating/{dispatcher,patch/smd,patch/json_patch}.go;
 * https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/
 */
import { mergeConfiguration } from "../../../apimachinery/apply/merge.ts";
import { type MergeNode, mergeNodeOf } from "../../../apimachinery/apply/merge-node.ts";
import { formatTypeErrors, typeErrorsOf } from "../../../apimachinery/apply/validate.ts";
import { CelList, CelMap, type CelValue, celToJson, EntryMap, EvaluationError } from "../../../apimachinery/cel/index.ts";
import { isJsonObject, type JsonObject, type JsonValue, jsonEqual } from "../../../apimachinery/json.ts";
import { type KubeObject, parseApiVersion } from "../../../apimachinery/meta.ts";
import { applyJsonPatch, JsonPatchError, JsonPatchTestError } from "../../../apimachinery/patch/json-patch.ts";
import { decodeObject } from "../../../apimachinery/schema/decode.ts";
import type { MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding } from "../../../apimachinery/schema/generated/types.ts";
import { newForbidden, newInternalError, StatusError } from "../../../apimachinery/status-error.ts";
import type { AdmissionAttributes } from "../admission.ts";
import { Reinvocations } from "../webhook/reinvocations.ts";
import { type CompiledMutatingPolicy, type CompiledMutation, compileMutatingPolicy } from "./compiled-policy.ts";
import { conditionsHold, Evaluation, policyBudget, type Subject } from "./evaluation.ts";
import { matches } from "./match.ts";
import { type FoundKind, paramsOf } from "./params.ts";
import { reasonCode } from "./reason-code.ts";
import type { PolicySources } from "./validating.ts";

type Policy = MutatingAdmissionPolicy;
type Binding = MutatingAdmissionPolicyBinding;

/** A mutation that cannot be made; counts by the policy's failurePolicy. */
class MutationError extends Error {
	override readonly name = "MutationError";
}

interface Invocation {
	readonly policy: Policy;
	readonly binding: Binding;
	readonly params: KubeObject | undefined;
}

/** An invocation in both passes. */
function keyOf({ policy, binding, params }: Invocation): string {
	const { namespace = "", name = "" } = params?.metadata ?? {};
	return [policy.metadata?.name, binding.metadata?.name, namespace, name].join("/");
}

export class MutatingPolicies {
	readonly #sources: PolicySources;
	readonly #reinvocations = new Reinvocations();
	/** A policy that changes is another object. */
	readonly #compiled = new WeakMap<Policy, CompiledMutatingPolicy>();

	constructor(sources: PolicySources) {
		this.#sources = sources;
	}

	/** Throws a StatusError to refuse. */
	mutate(object: KubeObject, attributes: AdmissionAttributes): KubeObject {
		const failures: string[] = [];
		const fail = ({ policy, binding }: Pick<Invocation, "policy" | "binding">, text: string) => {
			if (policy.spec?.failurePolicy === "Ignore") return;
			failures.push(`policy '${policy.metadata?.name ?? ""}' with binding '${binding.metadata?.name ?? ""}' denied request: ${text}`);
		};
		const pass = this.#reinvocations.begin(attributes, object);
		let current = object;
		let hasRun = false;
		for (const invocation of this.#invocations(object, attributes, fail)) {
			const key = keyOf(invocation);
			const holds = this.#conditionsHold(invocation, current, attributes);
			if (typeof holds !== "boolean") fail(invocation, holds.error);
			// A second pass is for those that ran in the first.
			if (holds !== true || (attributes.isReinvocation && !pass.mustAskAgain(key))) continue;
			try {
				const next = this.#mutateBy(invocation, current, attributes);
				hasRun = true;
				if (!jsonEqual(next, current)) pass.changed();
				current = next;
			} catch (error) {
				if (!(error instanceof MutationError)) throw error;
				fail(invocation, error.message);
			}
			if (invocation.policy.spec?.reinvocationPolicy === "IfNeeded") pass.asked(key);
		}
		// Upstream takes an object that mutations ran on for changed, whatever they left of it.
		if (hasRun) {
			pass.changed();
			attributes.askForReinvocation();
		}
		pass.end(current);
		if (failures.length > 0) throw refusal(failures, attributes);
		return current;
	}

	#invocations(
		object: KubeObject,
		attributes: AdmissionAttributes,
		fail: (where: Pick<Invocation, "policy" | "binding">, text: string) => void,
	): readonly Invocation[] {
		const { lookup } = attributes;
		const bindings = Map.groupBy(
			lookup.list("admissionregistration.k8s.io", "mutatingadmissionpolicybindings") as readonly Binding[],
			({ spec }) => spec?.policyName ?? "",
		);
		const invocations: Invocation[] = [];
		for (const policy of lookup.list("admissionregistration.k8s.io", "mutatingadmissionpolicies") as readonly Policy[]) {
			if (!matches(policy.spec?.matchConstraints, object, attributes)) continue;
			for (const binding of bindings.get(policy.metadata?.name ?? "") ?? []) {
				if (!matches(binding.spec?.matchResources, object, attributes)) continue;
				const params = paramsOf(policy.spec?.paramKind, binding.spec?.paramRef, attributes, this.#sources.findKind);
				if ("error" in params) fail({ policy, binding }, params.error);
				else invocations.push(...params.objects.map((each) => ({ policy, binding, params: each })));
			}
		}
		return invocations;
	}

	#compile(policy: Policy): CompiledMutatingPolicy {
		const known = this.#compiled.get(policy);
		if (known !== undefined) return known;
		const compiled = compileMutatingPolicy(policy);
		this.#compiled.set(policy, compiled);
		return compiled;
	}

	#conditionsHold({ policy, params }: Invocation, object: KubeObject, attributes: AdmissionAttributes) {
		return conditionsHold(this.#compile(policy), { object, attributes, params, authorize: this.#sources.authorize });
	}

	#mutateBy({ policy, params }: Invocation, object: KubeObject, attributes: AdmissionAttributes): KubeObject {
		const compiled = this.#compile(policy);
		let current = object;
		const subjectOf = (each: KubeObject): Subject => ({ object: each, attributes, params, authorize: this.#sources.authorize });
		const { group, version } = parseApiVersion(object.apiVersion ?? "");
		const kind = this.#sources.findKind(group, version, object.kind ?? "");
		for (const mutation of compiled.mutations) {
			const result = new Evaluation(subjectOf(current), compiled, policyBudget).run(mutation.expression);
			if ("error" in result) throw new MutationError(`expression '${mutation.expression.text}' resulted in error: ${result.error}`);
			const patched = patch(mutation, result.value, current, kind);
			if (patched !== current) current = complete(patched, kind);
		}
		return current;
	}
}

function refusal(failures: readonly string[], { group, resource, name }: AdmissionAttributes): StatusError {
	const { status } = newForbidden({ group, resource }, name, "admission request denied by policy");
	const details = { ...status.details, causes: failures.map((message) => ({ message })) };
	return new StatusError({ ...status, message: failures[0] ?? "", reason: "Invalid", code: reasonCode("Invalid"), details });
}

/** An object of its type, with defaults, as if a client had sent it. */
function complete(object: JsonValue | KubeObject, kind: FoundKind | undefined): KubeObject {
	if (!isJsonObject(object)) throw newInternalError("a JSON patch that leaves no object");
	const refuse = (error: Error) => newInternalError(error);
	const decoded = decodeObject(object, kind?.type ?? "", { fieldValidation: "Strict", refuse, decoder: kind?.customType?.decode }).object;
	return kind?.setDefaults(decoded) ?? decoded;
}

function patch(mutation: CompiledMutation, value: CelValue, object: KubeObject, kind: FoundKind | undefined): JsonValue | KubeObject {
	return mutation.patchType === "JSONPatch" ? patchByOperations(value, object) : applied(value, object, kind);
}

/** Lays an apply configuration over the object. What it cannot name part by part it may not change. */
function applied(value: CelValue, object: KubeObject, kind: FoundKind | undefined): JsonValue | KubeObject {
	checkTypeNames(value);
	const configuration = { ...(jsonOf(value) as JsonObject), apiVersion: object.apiVersion, kind: object.kind } as JsonObject;
	const node = kind?.customType?.mergeNode ?? mergeNodeOf(kind?.type ?? "");
	const errors = typeErrorsOf(node, configuration);
	if (errors.length > 0)
		throw new MutationError(`error applying patch: failed to convert patch object to typed object: ${formatTypeErrors(errors)}`);
	const atomics = atomicPaths(node, configuration, "");
	if (atomics.length > 0) {
		throw new MutationError(
			`error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: ${atomics.join(", ")}`,
		);
	}
	return mergeConfiguration(node, object, configuration) as JsonValue;
}

/** Where a configuration has what server-side apply takes as one value. */
function atomicPaths(node: MergeNode, value: JsonValue | undefined, path: string): readonly string[] {
	if (node.form === "list" && Array.isArray(value)) {
		return [
			...(node.relation === "atomic" ? [path] : []),
			...value.flatMap((item: JsonValue, index) => atomicPaths(node.items, item, `${path}[${index}]`)),
		];
	}
	if ((node.form !== "struct" && node.form !== "map") || !isJsonObject(value)) return [];
	return [
		...(node.isAtomic ? [path] : []),
		...Object.entries(value).flatMap(([name, part]) => {
			const inner = node.form === "map" ? node.values : node.field(name)?.node;
			return inner === undefined ? [] : atomicPaths(inner, part, `${path}.${name}`);
		}),
	];
}

/** Where a test fails, the object stays as it is. */
function patchByOperations(value: CelValue, object: KubeObject): JsonValue | KubeObject {
	const operations: JsonValue[] = [];
	for (let at = 0; value instanceof CelList && at < value.size; at++) {
		const operation = value.at(at);
		if (!(operation instanceof CelMap)) continue;
		checkTypeNames(operation.get("value") ?? null);
		operations.push(jsonOf(operation));
	}
	try {
		return applyJsonPatch(object, operations);
	} catch (error) {
		const cause = error instanceof StatusError ? error.cause : undefined;
		if (!(cause instanceof JsonPatchError)) throw error;
		if (cause instanceof JsonPatchTestError) return object;
		throw new MutationError(`JSONPath: ${cause.message}`);
	}
}

function jsonOf(value: CelValue): JsonValue {
	try {
		return celToJson(value);
	} catch (error) {
		if (error instanceof EvaluationError) throw new MutationError(error.message);
		throw error;
	}
}

/** `Object.spec{…}` stands in the field `spec` of an `Object{…}`, and nowhere else. */
function checkTypeNames(value: CelValue, expected?: string): void {
	if (value instanceof CelList) {
		for (let at = 0; at < value.size; at++) checkTypeNames(value.at(at), expected);
	} else if (value instanceof CelMap) {
		const name = value instanceof EntryMap ? value.messageType : undefined;
		if (name !== undefined && expected !== undefined && name !== expected) {
			const texts = `unexpected type name ${JSON.stringify(name)}, expected ${JSON.stringify(expected)}`;
			throw new MutationError(`type mismatch: ${texts}, which matches field name path from root Object type`);
		}
		if (name === undefined) return;
		for (const key of value.keys()) checkTypeNames(value.get(key) ?? null, `${name}.${String(key)}`);
	}
}
