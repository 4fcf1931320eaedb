/**
 * ResourceQuota: a namespace uses no more than its quotas allow.
 *
 * A write that uses something is stored in one transaction with the new `status.used` of the quotas, on condition that they are
 * as they were when they were looked at: either both are stored or neither is. So usage is never given for what failed, two
 * servers on one store never overshoot, and whoever counts anew (the resourcequota controller) only has to read the quota
 * before the objects. kube-apiserver writes the quota first and the object after it, and leaves what fails in between to the
 * controller. In one server such writes take turns, one after the other in each namespace.
 *
 * Source: k8s.io/apiserver/pkg/admission/plugin/resourcequota; https://kubernetes.io/docs/concepts/policy/resource-quotas/
 * Not here: quotas that limit by default what none of them names (the plugin's configuration file).
 */
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { evaluatorOf, type QuotaEvaluator } from "../../../apimachinery/quota/evaluators.ts";
import type { ResourceQuota } from "../../../apimachinery/schema/generated/types.ts";
import { encodeForStorage } from "../../encoding.ts";
import type { JoinedWrite } from "../../storage/object-storage.ts";
import type { AdmissionAttributes, AdmissionPlugin, AdmissionScope } from "../admission.ts";
import { type Charge, chargesOf, countedIn } from "./charge.ts";
import { Turns } from "./turns.ts";

/** @param keyOf where the store keeps a quota */
export function resourceQuotaAdmission(keyOf: (namespace: string, name: string) => string): AdmissionPlugin {
	return new ResourceQuotaAdmission(keyOf);
}

class ResourceQuotaAdmission implements AdmissionPlugin {
	readonly name = "ResourceQuota";
	readonly #keyOf: (namespace: string, name: string) => string;
	readonly #turns = new Turns();

	constructor(keyOf: (namespace: string, name: string) => string) {
		this.#keyOf = keyOf;
	}

	handles({ operation, group, resource, subresource }: AdmissionScope): boolean {
		if (operation !== "CREATE" && operation !== "UPDATE") return false;
		return evaluatorOf(group, resource)?.handles(operation, subresource) === true;
	}

	validate(object: KubeObject | undefined, attributes: AdmissionAttributes): void | Promise<void> {
		const { group, resource, namespace } = attributes;
		if (namespace === "" || object === undefined) return undefined;
		const quotas = quotasOf(attributes);
		const evaluator = quotas.length === 0 ? undefined : evaluatorOf(group, resource);
		if (evaluator === undefined) return undefined;
		const counts = ({ spec, status }: ResourceQuota) =>
			countedIn(status?.hard, evaluator).length > 0 || countedIn(spec?.hard, evaluator).length > 0;
		if (!quotas.some(counts)) return undefined;
		return this.#turns.take(namespace, (end) => this.#charge(object, attributes, evaluator, end));
	}

	/** Joins what the write uses to it. @param end gives the turn back; called by whoever comes to an end with it */
	#charge(object: KubeObject, attributes: AdmissionAttributes, evaluator: QuotaEvaluator, end: () => void): void {
		try {
			const charges = chargesOf(quotasOf(attributes), evaluator, object, attributes);
			if (charges.length > 0 && !attributes.dryRun) {
				attributes.join(this.#joinedWrite(attributes.namespace, charges, end));
				return;
			}
		} catch (error) {
			end();
			throw error;
		}
		end();
	}

	#joinedWrite(namespace: string, charges: readonly Charge[], end: () => void): JoinedWrite {
		const keyed = charges.map((charge) => ({ ...charge, key: this.#keyOf(namespace, charge.quota.metadata?.name ?? "") }));
		return {
			compare: keyed.map(({ key, quota }) => ({ key, target: "mod", result: "=", value: Number(quota.metadata?.resourceVersion) })),
			operations: keyed.map(({ key, quota, used }) => {
				const charged: ResourceQuota = used === undefined ? quota : { ...quota, status: { ...quota.status, used } };
				return { type: "put", request: { key, value: encodeForStorage(charged) } };
			}),
			settled: end,
		};
	}
}

function quotasOf({ lookup, namespace }: AdmissionAttributes): readonly ResourceQuota[] {
	return lookup.list("", "resourcequotas", namespace);
}
