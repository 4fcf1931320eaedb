/**
 * serviceaccount-controller: every active namespace has a ServiceAccount named default.
 *
 * Watches  namespaces, ServiceAccounts
 * Writes   creates the missing ServiceAccount
 *
 * Source of behaviour: pkg/controller/serviceaccount/serviceaccounts_controller.go.
 */
import { runController } from "../client/controller.ts";
import { namespaces, serviceAccounts } from "../client/resources.ts";
import { type Controller, type ControllerContext, queueOf } from "./controller.ts";
import { createInNamespace, isActive } from "./namespace-content.ts";

const name = "serviceaccount-controller";
const defaultName = "default";

export const serviceAccountController: Controller = { name, run };

async function run(context: ControllerContext, signal: AbortSignal): Promise<void> {
	const { informers, client, log } = context;
	const namespaceInformer = informers.informer(namespaces);
	const accountInformer = informers.informer(serviceAccounts);
	await Promise.all([namespaceInformer.whenSynced(), accountInformer.whenSynced()]);
	const queue = queueOf(context, "serviceaccount");
	const enqueue = (namespace: string | undefined) => queue.add(namespace ?? "");
	namespaceInformer.onChange(
		{ added: ({ metadata }) => enqueue(metadata?.name), updated: (_old, { metadata }) => enqueue(metadata?.name) },
		signal,
	);
	const onDeleted = ({ metadata }: { metadata?: { name?: string; namespace?: string } }) => {
		if (metadata?.name === defaultName) enqueue(metadata.namespace);
	};
	accountInformer.onChange({ deleted: onDeleted }, signal);
	const reconcile = async (namespace: string) => {
		if (!isActive(namespaceInformer.cache.get(namespace))) return;
		if (accountInformer.cache.get(`${namespace}/${defaultName}`) !== undefined) return;
		await createInNamespace(client.resource(serviceAccounts), {
			apiVersion: "v1",
			kind: "ServiceAccount",
			metadata: { namespace, name: defaultName },
		});
	};
	await runController({ name, queue, concurrency: 1, reconcile, log, signal });
}
