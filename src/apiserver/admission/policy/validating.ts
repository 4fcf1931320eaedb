/**
 * ValidatingAdmissionPolicies before one request. Every binding of every policy that matches is judged; the first refusal is
 * told, and warnings and audit annotations of all.
 * Source: k8s.io/apiserver/pkg/admission/plugin/policy/validating/{dispatcher,validator}.go.
 */
import { goJson } from "../../../apimachinery/go-text.ts";
import type { JsonValue } from "../../../apimachinery/json.ts";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import type {
	ValidatingAdmissionPolicy,
	ValidatingAdmissionPolicyBinding,
	Validation,
} from "../../../apimachinery/schema/generated/types.ts";
import { newForbidden, StatusError } from "../../../apimachinery/status-error.ts";
import type { AdmissionAttributes } from "../admission.ts";
import { type CompiledValidatingPolicy, type CompiledValidation, compileValidatingPolicy } from "./compiled-policy.ts";
import { conditionsHold, Evaluation, type PolicyAuthorize, policyBudget, type Subject } from "./evaluation.ts";
import { matches } from "./match.ts";
import { type FindKind, paramsOf } from "./params.ts";
import { reasonCode } from "./reason-code.ts";

const maxMessageBytes = 5 * 1024;
const maxAuditValueBytes = 10 * 1024;
const failureAnnotation = "validation.policy.admission.k8s.io/validation_failure";

export interface PolicySources {
	readonly authorize: PolicyAuthorize;
	readonly findKind: FindKind;
}

type Policy = ValidatingAdmissionPolicy;
type Binding = ValidatingAdmissionPolicyBinding;

interface Refusal {
	readonly policy: Policy;
	readonly binding: Binding | undefined;
	readonly message: string;
	readonly reason: string;
}

/** What is said of one validation, for the audit annotation. */
interface AuditedFailure {
	readonly message: string;
	readonly policy: string;
	readonly binding: string;
	readonly expressionIndex: number;
	readonly validationActions: readonly string[];
}

export class ValidatingPolicies {
	readonly #sources: PolicySources;
	/** A policy that changes is another object. */
	readonly #compiled = new WeakMap<Policy, CompiledValidatingPolicy>();

	constructor(sources: PolicySources) {
		this.#sources = sources;
	}

	/** Throws a StatusError to refuse. */
	validate(object: KubeObject | undefined, attributes: AdmissionAttributes): void {
		const round = new Round(attributes);
		const bindings = Map.groupBy(
			attributes.lookup.list("admissionregistration.k8s.io", "validatingadmissionpolicybindings") as readonly Binding[],
			({ spec }) => spec?.policyName ?? "",
		);
		for (const policy of attributes.lookup.list("admissionregistration.k8s.io", "validatingadmissionpolicies") as readonly Policy[]) {
			if (!matches(policy.spec?.matchConstraints, object, attributes)) continue;
			for (const binding of bindings.get(policy.metadata?.name ?? "") ?? []) {
				if (matches(binding.spec?.matchResources, object, attributes)) this.#judge(policy, binding, object, round);
			}
		}
		round.finish();
	}

	#compile(policy: Policy): CompiledValidatingPolicy {
		const known = this.#compiled.get(policy);
		if (known !== undefined) return known;
		const compiled = compileValidatingPolicy(policy);
		this.#compiled.set(policy, compiled);
		return compiled;
	}

	#judge(policy: Policy, binding: Binding, object: KubeObject | undefined, round: Round): void {
		const { attributes } = round;
		const params = paramsOf(policy.spec?.paramKind, binding.spec?.paramRef, attributes, this.#sources.findKind);
		if ("error" in params) {
			round.misconfigured(policy, binding, `failed to configure binding: ${params.error}`);
			return;
		}
		const compiled = this.#compile(policy);
		for (const param of params.objects) {
			const subject: Subject = { object, attributes, params: param, authorize: this.#sources.authorize };
			this.#judgeOne(compiled, subject, new Verdict(policy, binding, round));
		}
	}

	#judgeOne(compiled: CompiledValidatingPolicy, subject: Subject, verdict: Verdict): void {
		const holds = conditionsHold(compiled, subject);
		if (holds === false) return;
		if (holds !== true) {
			verdict.failed(holds.error, 0);
			return;
		}
		const evaluation = new Evaluation(subject, compiled, policyBudget);
		for (const [index, validation] of compiled.validations.entries()) {
			const result = evaluation.run(validation.expression);
			if ("error" in result) verdict.failed(`expression '${validation.expression.text}' resulted in error: ${result.error}`, index);
			else if (result.value !== true) verdict.rejected(messageOf(validation, evaluation), validation.validation, index);
		}
		for (const { key, expression } of compiled.annotations) {
			const result = evaluation.run(expression);
			if ("error" in result) verdict.failed(`valueExpression '${expression.text}' resulted in error: ${result.error}`, 0);
			else if (typeof result.value === "string") verdict.annotate(key, result.value);
		}
	}
}

/** Made by an expression where that makes one, else as it was written, else from the expression that failed. */
function messageOf({ validation, expression, message }: CompiledValidation, evaluation: Evaluation): string {
	const result = message === undefined ? undefined : evaluation.run(message);
	const made = result !== undefined && "value" in result && typeof result.value === "string" ? result.value.trim() : "";
	const isUsable = made !== "" && !/[\n\r]/.test(made) && Buffer.byteLength(made) <= maxMessageBytes;
	if (isUsable) return made;
	const written = validation.message?.trim() ?? "";
	return written === "" ? `failed expression: ${expression.text.trim()}` : written;
}

/** What one binding has to say, by its actions and the policy's failurePolicy. */
class Verdict {
	readonly #policy: Policy;
	readonly #binding: Binding;
	readonly #round: Round;

	constructor(policy: Policy, binding: Binding, round: Round) {
		this.#policy = policy;
		this.#binding = binding;
		this.#round = round;
	}

	/** An expression that could not be computed counts as failed, unless failures are to be ignored. */
	failed(message: string, index: number): void {
		if (this.#policy.spec?.failurePolicy !== "Ignore") this.#act(message, "Invalid", index);
	}

	rejected(message: string, { reason = "Invalid" }: Validation, index: number): void {
		this.#act(message, reason, index);
	}

	annotate(key: string, value: string): void {
		this.#round.annotate(`${this.#policy.metadata?.name ?? ""}/${key}`, value);
	}

	#act(message: string, reason: string, expressionIndex: number): void {
		const actions = this.#binding.spec?.validationActions ?? [];
		const policy = this.#policy.metadata?.name ?? "";
		const binding = this.#binding.metadata?.name ?? "";
		if (actions.includes("Deny")) this.#round.refuse({ policy: this.#policy, binding: this.#binding, message, reason });
		if (actions.includes("Warn")) {
			this.#round.attributes.warn(`Validation failed for ValidatingAdmissionPolicy '${policy}' with binding '${binding}': ${message}`);
		}
		if (actions.includes("Audit")) this.#round.audit({ message, policy, binding, expressionIndex, validationActions: actions });
	}
}

/** What all policies together have to say of one request. */
class Round {
	readonly attributes: AdmissionAttributes;
	readonly #failures: AuditedFailure[] = [];
	readonly #annotations = new Map<string, string[]>();
	#refusal: Refusal | undefined;

	constructor(attributes: AdmissionAttributes) {
		this.attributes = attributes;
	}

	refuse(refusal: Refusal): void {
		this.#refusal ??= refusal;
	}

	/** A binding that cannot be judged refuses, whatever its actions are. */
	misconfigured(policy: Policy, binding: Binding, message: string): void {
		if (policy.spec?.failurePolicy !== "Ignore") this.refuse({ policy, binding, message, reason: "Invalid" });
	}

	audit(failure: AuditedFailure): void {
		this.#failures.push(failure);
	}

	/** The same value of several bindings is told once. */
	annotate(key: string, value: string): void {
		const values = this.#annotations.get(key) ?? [];
		if (!values.includes(value)) values.push(value);
		this.#annotations.set(key, values);
	}

	/** Throws a StatusError if a binding refused. */
	finish(): void {
		for (const [key, values] of this.#annotations) this.attributes.annotate(key, values.join(", ").slice(0, maxAuditValueBytes));
		if (this.#failures.length > 0) this.attributes.annotate(failureAnnotation, goJson(this.#failures as unknown as JsonValue));
		if (this.#refusal !== undefined) throw refusalError(this.#refusal, this.attributes);
	}
}

function refusalError({ policy, binding, message, reason }: Refusal, { group, resource, name }: AdmissionAttributes): StatusError {
	const with_ = binding === undefined ? "" : ` with binding '${binding.metadata?.name ?? ""}'`;
	const text = `ValidatingAdmissionPolicy '${policy.metadata?.name ?? ""}'${with_} denied request: ${message}`;
	const { status } = newForbidden({ group, resource }, name, text);
	const details = { ...status.details, causes: [{ message: text }] };
	return new StatusError({ ...status, reason, code: reasonCode(reason), details });
}
