import { expect, test } from "vitest";
import type { KubeObject } from "../apimachinery/meta.ts";
import { selectorFromMap } from "../apimachinery/selector.ts";
import { planClaims } from "./owner.ts";

const owner = { apiVersion: "apps/v1", kind: "ReplicaSet", metadata: { namespace: "default", name: "web", uid: "me" } };
const selector = selectorFromMap({ app: "web" });

function pod(name: string, app: string, controllerUid?: string, deleting = false): KubeObject {
	const reference = { apiVersion: "apps/v1", kind: "ReplicaSet", name: "x", uid: controllerUid ?? "", controller: true };
	return {
		metadata: {
			name,
			labels: { app },
			...(controllerUid === undefined ? {} : { ownerReferences: [reference] }),
			...(deleting ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}),
		},
	};
}

const all = [
	pod("mine", "web", "me"),
	pod("mine-going", "web", "me", true),
	pod("mine-relabelled", "debug", "me"),
	pod("orphan", "web"),
	pod("orphan-going", "web", undefined, true),
	pod("orphan-of-another-app", "db"),
	pod("another-controllers", "web", "other"),
];

function names(plan: ReturnType<typeof planClaims>) {
	const of = (objects: readonly KubeObject[]) => objects.map(({ metadata }) => metadata?.name);
	return { keep: of(plan.keep), adopt: of(plan.adopt), release: of(plan.release) };
}

test("keeps what matches, adopts matching orphans, releases what no longer matches, and never touches another's", () => {
	expect(names(planClaims(owner, selector, all))).toEqual({
		keep: ["mine", "mine-going"],
		adopt: ["orphan"],
		release: ["mine-relabelled"],
	});
});

test("a controller that is being deleted only keeps", () => {
	const going = { ...owner, metadata: { ...owner.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } };
	expect(names(planClaims(going, selector, all))).toEqual({ keep: ["mine", "mine-going"], adopt: [], release: [] });
});
