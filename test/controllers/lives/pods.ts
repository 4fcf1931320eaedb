/** Pods that users make by hand: few names, so that they meet. */
import fc from "fast-check";
import type { Pod } from "../../../src/apimachinery/schema/generated/types.ts";
import { pods } from "../../../src/client/resources.ts";
import { patching, toOneOf } from "../life.ts";

export const podDeleted = fc
	.nat(5)
	.map((which) =>
		toOneOf(pods, which, "delete", ({ metadata }, { client }) =>
			client.resource(pods).delete({ namespace: metadata?.namespace, name: metadata?.name ?? "" }),
		),
	);

export function pod(name: string, app: string, spec: Partial<NonNullable<Pod["spec"]>> = {}): Pod {
	return {
		metadata: { name, labels: { app } },
		spec: { terminationGracePeriodSeconds: 5, containers: [{ name: "c", image: "i" }], ...spec },
	};
}

const apps = ["web", "db"];
const podNames = ["p0", "p1", "p2"];
export const app = fc.constantFrom(...apps);
export const podName = fc.constantFrom(...podNames);
export const relabelled = fc.tuple(podName, app).map(([name, its]) => patching(pods, name, { metadata: { labels: { app: its } } }));
