/**
 * An operator written for @kubernetes/client-node, as it would be for any cluster: it keeps a copy of each ConfigMap that has the label
 * `copy: "yes"`, under the name `NAME-copy`, and takes the copy away with it. Nothing in it knows of kubesim.
 */
import { ApiException, CoreV1Api, type KubeConfig, ListWatch, type V1ConfigMap, Watch } from "@kubernetes/client-node";

const namespace = "default";
const suffix = "-copy";

/** What it needs besides the cluster, so that a test can give it other time. */
export interface CopierOptions {
	readonly signal: AbortSignal;
	/** Resolves later; default setTimeout's time. */
	readonly delay?: (ms: number) => Promise<unknown>;
}

const realDelay = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const retryMs = 1_000;

/** Works until the signal aborts. */
export async function runCopier(config: KubeConfig, { signal, delay = realDelay }: CopierOptions): Promise<void> {
	const api = config.makeApiClient(CoreV1Api);
	const path = `/api/v1/namespaces/${namespace}/configmaps`;
	const list = () => api.listNamespacedConfigMap({ namespace });
	const informer = new ListWatch(path, new Watch(config), list, false, undefined, undefined, { delayFn: delay });
	const reconcileUntilDone = async (name: string) => {
		while (!signal.aborted) {
			try {
				await reconcile(api, informer, name);
				return;
			} catch {
				await delay(retryMs);
			}
		}
	};
	const see = ({ metadata }: V1ConfigMap) => void reconcileUntilDone((metadata?.name ?? "").replace(/-copy$/, ""));
	informer.on("change", see);
	informer.on("error", () => void delay(retryMs).then(() => (signal.aborted ? undefined : informer.start())));
	signal.addEventListener("abort", () => void informer.stop(), { once: true });
	await informer.start();
}

async function reconcile(api: CoreV1Api, informer: ListWatch<V1ConfigMap>, name: string): Promise<void> {
	const [original, copy] = [informer.get(name, namespace), informer.get(name + suffix, namespace)];
	const isWanted = original?.metadata?.labels?.copy === "yes";
	if (!isWanted) {
		if (copy !== undefined) await api.deleteNamespacedConfigMap({ namespace, name: name + suffix }).catch(unless(404));
	} else if (copy === undefined) {
		const body = { metadata: { name: name + suffix }, data: { ...original.data } };
		await api.createNamespacedConfigMap({ namespace, body }).catch(unless(409));
	} else if (JSON.stringify(copy.data) !== JSON.stringify(original.data)) {
		await api.replaceNamespacedConfigMap({ namespace, name: name + suffix, body: { ...copy, data: { ...original.data } } });
	}
}

function unless(code: number): (error: unknown) => void {
	return (error) => {
		if (!(error instanceof ApiException) || error.code !== code) throw error;
	};
}
