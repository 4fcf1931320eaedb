/**
 * validatingadmissionpolicy-status-controller: says in a policy's status what does not fit the kinds that it is for.
 *
 * Watches  ValidatingAdmissionPolicies
 * Writes   status.typeChecking and status.observedGeneration, once a generation
 *
 * The type checker is loaded with the first policy.
 * Source: pkg/controller/validatingadmissionpolicystatus/controller.go;
 * https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#type-checking
 */
import { runController } from "../client/controller.ts";
import { validatingAdmissionPolicies } from "../client/resources.ts";
import { type Controller, type ControllerContext, queueOf } from "./controller.ts";

const name = "validatingadmissionpolicy-status-controller";

export const validatingAdmissionPolicyStatusController: Controller = { name, run };

async function run(context: ControllerContext, signal: AbortSignal): Promise<void> {
	const { informers, client, log } = context;
	const policies = informers.informer(validatingAdmissionPolicies);
	await policies.whenSynced();
	const queue = queueOf(context, "validatingadmissionpolicy-status");
	policies.onChange(
		{ added: ({ metadata }) => queue.add(metadata?.name ?? ""), updated: (_old, { metadata }) => queue.add(metadata?.name ?? "") },
		signal,
	);
	const reconcile = async (key: string) => {
		const policy = policies.cache.get(key);
		const observedGeneration = policy?.metadata?.generation;
		if (policy === undefined || observedGeneration === undefined || policy.status?.observedGeneration === observedGeneration) return;
		const { typeCheckPolicy } = await import("../apimachinery/cel/index.ts");
		const expressionWarnings = typeCheckPolicy(policy);
		const typeChecking = expressionWarnings.length === 0 ? {} : { expressionWarnings };
		await client
			.resource(validatingAdmissionPolicies)
			.updateStatus({ ...policy, status: { ...policy.status, observedGeneration, typeChecking } });
	};
	await runController({ name, queue, concurrency: 1, reconcile, log, signal });
}
