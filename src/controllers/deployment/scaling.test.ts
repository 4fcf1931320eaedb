import fc from "fast-check";
import { expect, test } from "vitest";
import type { Deployment, ReplicaSet } from "../../apimachinery/schema/generated/types.ts";
import { planNewReplicaSet, planOldReplicaSets, planScale, type Resize, type Rollout, specReplicas } from "./scaling.ts";
import { maxSurge, maxUnavailable } from "./strategy.ts";

function deployment(replicas: number, surge: number | string, unavailable: number | string): Deployment {
	const strategy = { type: "RollingUpdate", rollingUpdate: { maxSurge: surge, maxUnavailable: unavailable } };
	return { spec: { replicas, strategy, selector: {}, template: {} } };
}

function replicaSet(name: string, replicas: number, available = replicas, annotations: Record<string, string> = {}): ReplicaSet {
	return {
		metadata: { name, annotations, creationTimestamp: "2026-01-01T00:00:00Z" },
		spec: { replicas, selector: {} },
		status: { replicas, availableReplicas: available },
	};
}

function sizes(resizes: readonly Resize[]): Record<string, number> {
	return Object.fromEntries(resizes.map(({ replicaSet: { metadata }, replicas }) => [metadata?.name, replicas]));
}

/** Surge and unavailable of 10 replicas: percentages round up and down, and never both to nothing. */
test.each([
	["25%", "25%", 3, 2],
	["1%", "1%", 1, 0],
	[0, "1%", 0, 1],
	[2, 20, 2, 10],
	["100%", 0, 10, 0],
	["7%", "7%", 1, 0],
])("maxSurge %s and maxUnavailable %s", (surge, unavailable, surgePods, unavailablePods) => {
	const subject = deployment(10, surge, unavailable);
	expect([maxSurge(subject), maxUnavailable(subject)]).toEqual([surgePods, unavailablePods]);
});

test("pods that do not serve go before pods that do, whatever their ReplicaSet", () => {
	const rollout: Rollout = {
		deployment: deployment(4, 1, 1),
		newReplicaSet: replicaSet("new", 1, 0),
		oldReplicaSets: [replicaSet("a", 2, 2), replicaSet("b", 2, 0)],
	};
	// 5 pods, of which 3 must serve and 1 new one does not yet: one may go, and it is a broken one.
	expect(sizes(planOldReplicaSets(rollout))).toEqual({ b: 1 });
});

test("any rolling update gets to its end, within its limits at every step, whatever becomes available when", () => {
	const limit = fc.oneof(
		fc.integer({ min: 0, max: 5 }),
		fc.integer({ min: 0, max: 100 }).map((percent) => `${percent}%`),
	);
	fc.assert(
		fc.property(
			fc.integer({ min: 1, max: 30 }),
			limit,
			limit,
			fc.array(fc.nat(5), { minLength: 1 }),
			(replicas, surge, unavailable, arrivals) => {
				const subject = deployment(replicas, surge, unavailable);
				const [most, least] = [replicas + maxSurge(subject), replicas - maxUnavailable(subject)];
				fc.pre(most > replicas || least < replicas);
				let old = { size: replicas, available: replicas };
				let fresh = { size: 0, available: 0 };
				for (let step = 0; old.size > 0 || fresh.available < replicas; step++) {
					expect(step).toBeLessThan(500);
					const rollout: Rollout = {
						deployment: subject,
						newReplicaSet: replicaSet("new", fresh.size, fresh.available),
						oldReplicaSets: [replicaSet("old", old.size, old.available)],
					};
					const up = planNewReplicaSet(rollout);
					const next = sizes(up.length > 0 ? up : planOldReplicaSets(rollout));
					fresh = { ...fresh, size: next.new ?? fresh.size };
					old = { size: next.old ?? old.size, available: Math.min(old.available, next.old ?? old.size) };
					expect(old.size + fresh.size).toBeLessThanOrEqual(most);
					expect(old.available + fresh.available).toBeGreaterThanOrEqual(least);
					const arrived = up.length === 0 ? (arrivals[step % arrivals.length] ?? 0) + (step % 7 === 0 ? 1 : 0) : 0;
					fresh = { ...fresh, available: Math.min(fresh.size, fresh.available + arrived) };
				}
				expect([old.size, fresh.size]).toEqual([0, replicas]);
			},
		),
	);
});

test.each([
	["one ReplicaSet is active", "RollingUpdate", [2]],
	["a Recreate has two", "Recreate", [2, 1]],
])("a size that is right already does not keep the annotations of another: %s", (_when, type, active) => {
	const annotations = { "deployment.kubernetes.io/desired-replicas": "3" };
	const subject = deployment(2, 0, 1);
	const ofType = { ...subject, spec: { ...subject.spec, strategy: { ...subject.spec?.strategy, type } } } as Deployment;
	const sets = active.map((size, index) => replicaSet(`old-${index}`, size, 0, annotations));
	const rollout: Rollout = { deployment: ofType, newReplicaSet: undefined, oldReplicaSets: sets };
	expect(planScale(rollout)).toEqual(sets.map((set) => ({ replicaSet: set, replicas: specReplicas(set) })));
});

test("pods that are going already do not count as available, though the status still says so", () => {
	const sets = [replicaSet("old", 2, 3), replicaSet("new", 3, 2)] as const;
	// Of 4 pods 3 have to serve: 2 old ones that stay and 2 new ones do, and so one may go.
	expect(sizes(planOldReplicaSets({ deployment: deployment(4, 1, 1), newReplicaSet: sets[1], oldReplicaSets: [sets[0]] }))).toEqual({
		old: 1,
	});
});

test("scaling in the middle of a rollout adds up to the new size, and shrinks and grows nobody the wrong way", () => {
	const size = fc.integer({ min: 1, max: 20 });
	fc.assert(
		fc.property(size, size, fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 5 }), (first, second, wanted, surge) => {
			const before = first + second;
			const annotations = {
				"deployment.kubernetes.io/max-replicas": String(before),
				"deployment.kubernetes.io/desired-replicas": String(before - surge),
			};
			const subject = deployment(wanted, surge, 1);
			const sets = [replicaSet("old", first, 0, annotations), replicaSet("new", second, 0, annotations)] as const;
			const rollout: Rollout = { deployment: subject, newReplicaSet: sets[1], oldReplicaSets: [sets[0]] };
			const result = planScale(rollout);
			const allowed = wanted === 0 ? 0 : wanted + surge;
			expect(result.reduce((total, { replicas }) => total + replicas, 0)).toBe(allowed);
			for (const { replicaSet: set, replicas } of result) {
				if (allowed >= before) expect(replicas).toBeGreaterThanOrEqual(specReplicas(set));
				else expect(replicas).toBeLessThanOrEqual(specReplicas(set));
			}
		}),
	);
});
