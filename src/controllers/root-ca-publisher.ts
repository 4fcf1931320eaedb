/**
 * root-ca-certificate-publisher-controller: every active namespace has the ConfigMap kube-root-ca.crt, from which pods
 * take the certificate to trust the API server by.
 *
 * Watches  namespaces, ConfigMaps named kube-root-ca.crt
 * Writes   creates the ConfigMap, puts it right when somebody changed it
 *
 * Source of behaviour and text: pkg/controller/certificates/rootcacertpublisher.
 */
import { jsonEqual } from "../apimachinery/json.ts";
import { runController } from "../client/controller.ts";
import { configMaps, namespaces } from "../client/resources.ts";
import { type Controller, type ControllerContext, queueOf } from "./controller.ts";
import { createInNamespace, isActive } from "./namespace-content.ts";

const name = "root-ca-certificate-publisher-controller";
const configMapName = "kube-root-ca.crt";
const descriptionAnnotation = "kubernetes.io/description";
const description =
	"Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. " +
	"No other usage is guaranteed across distributions of Kubernetes clusters.";

/** @param rootCa the CA's certificate in PEM; asked for when it is needed. */
export function rootCaPublisher(rootCa: () => string): Controller {
	return { name, run: (context, signal) => run(rootCa, context, signal) };
}

async function run(rootCa: () => string, context: ControllerContext, signal: AbortSignal): Promise<void> {
	const { informers, client, log } = context;
	const namespaceInformer = informers.informer(namespaces);
	const configMapInformer = informers.informer(configMaps, { fieldSelector: `metadata.name=${configMapName}` });
	await Promise.all([namespaceInformer.whenSynced(), configMapInformer.whenSynced()]);
	const queue = queueOf(context, "root_ca_cert_publisher");
	const enqueue = (namespace: string | undefined) => queue.add(namespace ?? "");
	namespaceInformer.onChange(
		{ added: ({ metadata }) => enqueue(metadata?.name), updated: (_old, { metadata }) => enqueue(metadata?.name) },
		signal,
	);
	configMapInformer.onChange(
		{ updated: (_old, { metadata }) => enqueue(metadata?.namespace), deleted: ({ metadata }) => enqueue(metadata?.namespace) },
		signal,
	);
	const reconcile = async (namespace: string) => {
		if (!isActive(namespaceInformer.cache.get(namespace))) return;
		const data = { "ca.crt": rootCa() };
		const known = configMapInformer.cache.get(`${namespace}/${configMapName}`);
		const annotations = { ...known?.metadata?.annotations, [descriptionAnnotation]: description };
		if (known === undefined) {
			const metadata = { namespace, name: configMapName, annotations };
			await createInNamespace(client.resource(configMaps), { apiVersion: "v1", kind: "ConfigMap", metadata, data });
		} else if (!jsonEqual(known.data, data) || !known.metadata?.annotations?.[descriptionAnnotation]) {
			await client.resource(configMaps).update({ ...known, metadata: { ...known.metadata, annotations }, data });
		}
	};
	await runController({ name, queue, concurrency: 1, reconcile, log, signal });
}
