/**
 * An operator to learn from: a "site" is a ConfigMap with the label `kind: site`, and the operator runs a Deployment for it in the
 * namespace `sites`. Owner references do not reach across namespaces, so it cleans up by a finalizer. With one of the planted bugs it
 * looks as good, passes a test that creates a site and looks for its Deployment, and is wrong.
 */
import { type api, type Controller, isStatusError, resources, runController, WorkQueue } from "kubesim";

export type PlantedBug = "missing requeue" | "lost finalizer" | "hot loop";

const finalizer = "example.com/site";
const target = "sites";

export function siteOperator(bug?: PlantedBug): Controller {
	return {
		name: "site-operator",
		async run({ client, informers, clock, log }, signal) {
			const queue = new WorkQueue({ clock });
			let checks = 0;
			const sites = informers.informer(resources.configMaps, { labelSelector: "kind=site" });
			const deployments = informers.informer(resources.deployments, { namespace: target });
			const enqueue = ({ metadata }: api.ConfigMap) => queue.add(`${metadata?.namespace}/${metadata?.name}`);
			sites.onChange({ added: enqueue, updated: (_old, site) => enqueue(site), deleted: enqueue }, signal);
			const enqueueOwner = ({ metadata }: api.Deployment) => {
				const key = metadata?.annotations?.["example.com/site"];
				if (key !== undefined) queue.add(key);
			};
			deployments.onChange({ added: enqueueOwner, updated: (_old, deployment) => enqueueOwner(deployment), deleted: enqueueOwner }, signal);
			await Promise.all([sites.whenSynced(), deployments.whenSynced()]);

			const reconcile = async (key: string) => {
				const site = sites.cache.get(key);
				if (site === undefined) return;
				if (site.metadata?.deletionTimestamp !== undefined) await cleanUp(site);
				else await build(key, site);
			};

			const cleanUp = async (site: api.ConfigMap) => {
				const deleting = client.resource(resources.deployments).delete({ namespace: target, name: nameOf(site) });
				await deleting.catch((error: unknown) => {
					// Planted: whatever went wrong, the finalizer goes, and nobody will ever clean up again.
					if (bug !== "lost finalizer" && !isStatusError(error, "NotFound")) throw error;
				});
				await setFinalizers(
					site,
					(site.metadata?.finalizers ?? []).filter((each) => each !== finalizer),
				);
			};

			const build = async (key: string, site: api.ConfigMap) => {
				if (!site.metadata?.finalizers?.includes(finalizer)) {
					await setFinalizers(site, [...(site.metadata?.finalizers ?? []), finalizer]);
					return;
				}
				const wanted = deploymentOf(key, site);
				const found = deployments.cache.get(`${target}/${nameOf(site)}`);
				const client_ = client.resource(resources.deployments);
				if (found === undefined) {
					await client_.create(wanted).catch((error: unknown) => {
						// Planted: "it will be tried again", it says, and nobody does.
						if (bug !== "missing requeue") throw error;
						log.warn("could not create the deployment, will try again", { error: String(error) });
					});
					return;
				}
				const isSame = found.spec?.replicas === wanted.spec?.replicas;
				// Planted: the annotation is another one each time, so every look at the Deployment changes it, which calls for another look.
				if (isSame && bug !== "hot loop") return;
				const annotations = bug === "hot loop" ? { "example.com/checked": String(++checks) } : {};
				await client_.patch({ namespace: target, name: nameOf(site) }, "application/merge-patch+json", {
					metadata: { annotations },
					spec: { replicas: wanted.spec?.replicas },
				});
			};

			const setFinalizers = ({ metadata }: api.ConfigMap, finalizers: readonly string[]) =>
				client.resource(resources.configMaps).patch(
					{ namespace: metadata?.namespace, name: metadata?.name ?? "" },
					"application/merge-patch+json",
					// With the version, so that a finalizer that somebody else has just set is not lost.
					{ metadata: { finalizers, resourceVersion: metadata?.resourceVersion } },
				);

			await runController({ name: "site-operator", queue, concurrency: 2, reconcile, log, signal });
		},
	};
}

function nameOf({ metadata }: api.ConfigMap): string {
	return `${metadata?.namespace}-${metadata?.name}`;
}

function deploymentOf(key: string, site: api.ConfigMap): api.Deployment {
	const labels = { site: nameOf(site) };
	return {
		metadata: { namespace: target, name: nameOf(site), annotations: { "example.com/site": key } },
		spec: {
			replicas: Number(site.data?.replicas ?? 1),
			selector: { matchLabels: labels },
			template: { metadata: { labels }, spec: { containers: [{ name: "web", image: "nginx:1.27" }] } },
		},
	};
}
