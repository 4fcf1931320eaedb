import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { created, kindOf, nowMs, printed, problems } from "../testing/kind-probe.ts";
import { coordinationKinds } from "./index.ts";

const kind = kindOf(coordinationKinds, "leases");
const lease = (spec: object): KubeObject => ({ metadata: { name: "node-1", creationTimestamp: created }, spec }) as KubeObject;

describe("Lease", () => {
	it("prints who holds it", () => {
		expect(printed(kind, lease({ holderIdentity: "node-1" }))).toBe("NAME | HOLDER | AGE\nnode-1 | node-1 | 5m");
		expect(printed(kind, lease({})).split("\n")[1]).toBe("node-1 |  | 5m");
	});

	it("says what is wrong", () => {
		expect(problems(kind, lease({ leaseDurationSeconds: 0, leaseTransitions: -1, preferredHolder: "b" }))).toEqual([
			"spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
			"spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0",
			"spec.preferredHolder: Forbidden: may only be specified if `strategy` is defined",
		]);
	});

	it("knows no coordinated leader election, but keeps what a lease has", () => {
		const elected = lease({ holderIdentity: "a", strategy: "OldestEmulationVersion", preferredHolder: "b" });
		const plain = lease({ holderIdentity: "a" });
		expect(kind.prepareForCreate?.(elected, { nowMs })).toEqual(plain);
		expect(kind.prepareForUpdate?.(elected, plain, { nowMs })).toEqual(plain);
		expect(kind.prepareForUpdate?.(elected, elected, { nowMs })).toEqual(elected);
	});
});
