/**
 * clusterrole-aggregation-controller: fills the ClusterRoles that gather others with the rules of those they select.
 *
 * Watches  ClusterRoles
 * Writes   rules of ClusterRoles with an aggregationRule, by server-side apply
 *
 * The rules are those of the selected roles, selector by selector and by name, each rule once, never the role's own: what
 * somebody wrote there by hand is replaced. Any change of a ClusterRole may concern all that gather, of which there are few.
 *
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles and
 * pkg/controller/clusterroleaggregation.
 */
import { jsonEqual } from "../apimachinery/json.ts";
import type { ClusterRole, PolicyRule } from "../apimachinery/schema/generated/types.ts";
import { labelSelectorFromObject } from "../apimachinery/selector.ts";
import { runController } from "../client/controller.ts";
import { clusterRoles } from "../client/resources.ts";
import { type Controller, type ControllerContext, queueOf } from "./controller.ts";

const name = "clusterrole-aggregation-controller";
/** kube-controller-manager's number of workers. */
const concurrency = 5;

export const clusterRoleAggregationController: Controller = { name, run };

async function run(context: ControllerContext, signal: AbortSignal): Promise<void> {
	const { informers, client, log } = context;
	const roles = informers.informer(clusterRoles);
	await roles.whenSynced();
	const queue = queueOf(context, "ClusterRoleAggregator");
	const enqueue = (role: ClusterRole) => {
		if (role.aggregationRule !== undefined) queue.add(nameOf(role));
	};
	const enqueueAll = () => roles.cache.list().forEach(enqueue);
	// What is there from the start comes one by one, and all of it is in the cache already.
	const added = (role: ClusterRole, initial: boolean) => (initial ? enqueue(role) : enqueueAll());
	roles.onChange({ added, updated: enqueueAll, deleted: enqueueAll }, signal);
	const reconcile = async (key: string) => {
		const role = roles.cache.get(key);
		if (role?.aggregationRule === undefined) return;
		const rules = gatheredRules(role, roles.cache.list());
		if (jsonEqual(rules, role.rules ?? [])) return;
		const applied = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata: { name: key }, rules };
		const options = { fieldManager: name, force: true };
		await client.resource(clusterRoles).patch({ name: key }, "application/apply-patch+yaml", applied, { options });
	};
	await runController({ name, queue, concurrency, reconcile, log, signal });
}

/** What the role has to hold. Throws SelectorError for a selector that cannot be read. */
function gatheredRules(role: ClusterRole, roles: readonly ClusterRole[]): readonly PolicyRule[] {
	const others = roles.filter((other) => nameOf(other) !== nameOf(role)).sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
	const rules: PolicyRule[] = [];
	for (const selector of role.aggregationRule?.clusterRoleSelectors ?? []) {
		const matcher = labelSelectorFromObject(selector);
		for (const other of others) {
			if (!matcher.matches(other.metadata?.labels)) continue;
			for (const rule of other.rules ?? []) if (!rules.some((known) => jsonEqual(known, rule))) rules.push(rule);
		}
	}
	return rules;
}

function nameOf({ metadata }: ClusterRole): string {
	return metadata?.name ?? "";
}
