import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { created, defaulted, kindOf, nowMs, printed, problems, updateProblems } from "../testing/kind-probe.ts";
import { resourceKinds } from "./index.ts";

const of = (resource: string) => kindOf(resourceKinds, resource);
const object = (fields: object): KubeObject => ({ metadata: { name: "gpu", creationTimestamp: created }, ...fields });
const claim = (requests: readonly object[], rest: object = {}) => object({ spec: { devices: { requests, ...rest } } });

describe("ResourceClaim", () => {
	const kind = of("resourceclaims");

	it("asks for one device", () => {
		expect(defaulted(kind, claim([{ name: "a", exactly: { deviceClassName: "gpu" } }]))).toEqual(
			claim([{ name: "a", exactly: { deviceClassName: "gpu", allocationMode: "ExactCount", count: 1 } }]),
		);
	});

	it("prints its state", () => {
		const allocation = { devices: {} };
		const row = (status: object) => printed(kind, object({ spec: {}, status }));
		expect(row({})).toBe("NAME | STATE | AGE\ngpu | pending | 5m");
		expect(row({ allocation, reservedFor: [{ uid: "1" }] })).toMatch(/\ngpu \| allocated,reserved \| 5m$/);
	});

	it("says what is wrong", () => {
		const requests = [{ name: "a" }, { name: "a", exactly: { deviceClassName: "", allocationMode: "All", count: 2, selectors: [{}] } }];
		expect(problems(kind, claim(requests, { constraints: [{ requests: ["b"] }] }))).toEqual([
			"spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required",
			"spec.devices.requests[1].exactly.deviceClassName: Required value",
			"spec.devices.requests[1].exactly.selectors[0].cel: Required value",
			"spec.devices.requests[1].exactly.count: Invalid value: 2: must not be specified when allocationMode is 'All'",
			'spec.devices.requests[1]: Duplicate value: "a"',
			"spec.devices.constraints[0].requests[0]: Invalid value: \"b\": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'",
			'spec.devices.constraints[0]: Required value: exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set',
		]);
	});

	it("never changes its spec", () => {
		expect(updateProblems(kind, claim([{ name: "b" }]), claim([{ name: "a" }]))).toEqual([
			'spec: Invalid value: {"devices":{"requests":[{"name":"b"}]}}: field is immutable',
		]);
	});
});

describe("ResourceSlice", () => {
	const kind = of("resourceslices");
	const spec = { driver: "gpu.example.com", pool: { name: "node-1", generation: 1, resourceSliceCount: 1 }, nodeName: "node-1" };

	it("prints, and can be found by node and driver", () => {
		expect(printed(kind, object({ spec }))).toBe("NAME | NODE | DRIVER | POOL | AGE\ngpu | node-1 | gpu.example.com | node-1 | 5m");
		expect(kind.selectableFields?.(object({ spec }))).toEqual({ "spec.driver": "gpu.example.com", "spec.nodeName": "node-1" });
	});

	it("stamps new taints", () => {
		const devices = (taint: object) =>
			object({ spec: { ...spec, devices: [{ name: "gpu-0", taints: [{ key: "broken", effect: "NoExecute", ...taint }] }] } });
		expect(kind.prepareForCreate?.(devices({}), { nowMs })).toEqual(devices({ timeAdded: "2026-01-01T00:05:00Z" }));
	});

	it("says where its devices are, in one way", () => {
		expect(problems(kind, object({ spec: { ...spec, allNodes: true } }))).toEqual([
			'spec: Invalid value: "{`nodeName`, `allNodes`}": exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required, but multiple fields are set',
		]);
	});
});
