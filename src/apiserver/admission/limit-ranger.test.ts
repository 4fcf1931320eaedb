import { describe, expect, it, test } from "vitest";
import type { LimitRange, LimitRangeItem, Pod, PodSpec } from "../../apimachinery/schema/generated/types.ts";
import type { AdmissionAttributes } from "./admission.ts";
import { limitRanger } from "./limit-ranger.ts";
import { attributesFor } from "./testing/attributes.ts";

const limitRange = (...limits: readonly LimitRangeItem[]): LimitRange => ({
	metadata: { name: "limits", namespace: "default" },
	spec: { limits },
});

function request(resource: string, limits: LimitRange, given: Partial<AdmissionAttributes> = {}): AdmissionAttributes {
	return attributesFor({ operation: "CREATE", resource, ...given }, { "/limitranges": [limits] });
}

const container = (name: string, requests: object = {}, limits: object = {}) =>
	({ name, resources: { requests, limits } }) as PodSpec["containers"][0];
const pod = (...containers: PodSpec["containers"]): Pod => ({ metadata: { name: "a", namespace: "default" }, spec: { containers } });

describe("defaults", () => {
	const limits = limitRange({ type: "Container", default: { cpu: "500m", memory: "1Gi" }, defaultRequest: { cpu: "250m" } });

	it("fill in what a container does not say, and are written on the pod", () => {
		const own = { ...pod(container("all", { cpu: "1" }, { cpu: "2", memory: "2Gi" })), metadata: { name: "a", annotations: { x: "y" } } };
		const given: Pod = {
			...own,
			spec: { containers: [...(own.spec?.containers ?? []), { name: "none" }], initContainers: [{ name: "init" }] },
		};
		const result = limitRanger.mutate?.(given, request("pods", limits)) as Pod;
		expect(result.spec?.containers).toEqual([
			given.spec?.containers[0],
			{ name: "none", resources: { limits: { cpu: "500m", memory: "1Gi" }, requests: { cpu: "250m" } } },
		]);
		expect(result.spec?.initContainers?.[0]?.resources?.requests).toEqual({ cpu: "250m" });
		expect(result.metadata?.annotations).toEqual({
			x: "y",
			"kubernetes.io/limit-ranger":
				"LimitRanger plugin set: cpu request for container none; cpu, memory limit for container none; cpu request for init container init; cpu, memory limit for init container init",
		});
	});

	it("change nothing where there is nothing to fill in", () => {
		const full = pod(container("all", { cpu: "1" }, { cpu: "2", memory: "2Gi" }));
		expect(limitRanger.mutate?.(full, request("pods", limits))).toBe(full);
		const bounds = limitRange({ type: "Pod", max: { cpu: "1" } });
		expect(limitRanger.mutate?.(full, request("pods", bounds))).toBe(full);
	});
});

describe("bounds of containers and pods", () => {
	const two = pod(container("a", { cpu: "1", memory: "1Gi" }, { cpu: "2" }), container("b", { cpu: "1500m" }, { cpu: "2" }));
	test.each<[string, LimitRangeItem, Pod, string | undefined]>([
		["within", { type: "Container", max: { cpu: "2" }, min: { cpu: "1" }, maxLimitRequestRatio: { cpu: "2" } }, two, undefined],
		[
			"limit over max",
			{ type: "Container", max: { cpu: "1" } },
			pod(container("a", {}, { cpu: "2" })),
			"maximum cpu usage per Container is 1, but limit is 2",
		],
		[
			"request over max",
			{ type: "Container", max: { cpu: "1" } },
			pod(container("a", { cpu: "1100m" }, { cpu: "1" })),
			"maximum cpu usage per Container is 1, but request is 1100m",
		],
		[
			"no limit",
			{ type: "Container", max: { memory: "1Gi" } },
			pod(container("a")),
			"maximum memory usage per Container is 1Gi.  No limit is specified",
		],
		[
			"request under min",
			{ type: "Container", min: { cpu: "200m" } },
			pod(container("a", { cpu: "100m" })),
			"minimum cpu usage per Container is 200m, but request is 100m",
		],
		[
			"limit under min",
			{ type: "Container", min: { cpu: "200m" } },
			pod(container("a", { cpu: "1" }, { cpu: "100m" })),
			"minimum cpu usage per Container is 200m, but limit is 100m",
		],
		[
			"no request",
			{ type: "Container", min: { memory: "64Mi" } },
			pod(container("a")),
			"minimum memory usage per Container is 64Mi.  No request is specified",
		],
		[
			"ratio",
			{ type: "Container", maxLimitRequestRatio: { cpu: "2" } },
			pod(container("a", { cpu: "1" }, { cpu: "2500m" })),
			"cpu max limit to request ratio per Container is 2, but provided ratio is 2.500000",
		],
		[
			"ratio of nothing",
			{ type: "Container", maxLimitRequestRatio: { cpu: "2" } },
			pod(container("a")),
			"cpu max limit to request ratio per Container is 2, but no request is specified or request is 0",
		],
		[
			"ratio without a limit",
			{ type: "Container", maxLimitRequestRatio: { cpu: "2" } },
			pod(container("a", { cpu: "1" })),
			"cpu max limit to request ratio per Container is 2, but no limit is specified or limit is 0",
		],
		["the sum of a pod", { type: "Pod", max: { cpu: "3" } }, two, "maximum cpu usage per Pod is 3, but limit is 4"],
		["the request of a pod", { type: "Pod", min: { memory: "2Gi" } }, two, "minimum memory usage per Pod is 2Gi, but request is 1Gi"],
		[
			"several at once",
			{ type: "Container", max: { cpu: "1", memory: "1Gi" } },
			pod(container("a", {}, { cpu: "2", memory: "2Gi" })),
			"[maximum cpu usage per Container is 1, but limit is 2, maximum memory usage per Container is 1Gi, but limit is 2Gi]",
		],
	])("%s", (_name, item, given, text) => {
		const check = () => limitRanger.validate?.(given, request("pods", limitRange(item)));
		if (text === undefined) expect(check).not.toThrow();
		else expect(check).toThrow(`pods "a" is forbidden: ${text}`);
	});

	it("count an init container that stays with those that run beside it", () => {
		const item: LimitRangeItem = { type: "Pod", max: { cpu: "2" } };
		const sidecar = { ...container("sidecar", {}, { cpu: "500m" }), restartPolicy: "Always" };
		const init = container("init", {}, { cpu: "2" });
		const spec = (initContainers: PodSpec["containers"]): Pod => ({
			metadata: { name: "a" },
			spec: { containers: [container("a", {}, { cpu: "1" })], initContainers },
		});
		const check = (given: Pod) => () => limitRanger.validate?.(given, request("pods", limitRange(item)));
		expect(check(spec([sidecar, container("init", {}, { cpu: "1" })]))).not.toThrow();
		expect(check(spec([sidecar, init]))).toThrow("maximum cpu usage per Pod is 2, but limit is 2500m");
		expect(check(spec([init, sidecar]))).not.toThrow();
	});

	it("leave alone what is on its way out, and every update but a resize", () => {
		const limits = limitRange({ type: "Container", max: { cpu: "1" } });
		const given = pod(container("a", {}, { cpu: "2" }));
		const oldObject: Pod = { ...given, metadata: { ...given.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } };
		const resize = { operation: "UPDATE", subresource: "resize" } as const;
		expect(() => limitRanger.validate?.(given, request("pods", limits, { ...resize, oldObject }))).not.toThrow();
		expect(() => limitRanger.validate?.(given, request("pods", limits, { ...resize, oldObject: given }))).toThrow("maximum cpu usage");
		expect(limitRanger.handles(request("pods", limits, { operation: "UPDATE" }))).toBe(false);
		expect(limitRanger.handles(request("pods", limits, resize))).toBe(true);
	});
});

test.each([
	["1Gi", { max: { storage: "2Gi" } }, undefined],
	["3Gi", { max: { storage: "2Gi" } }, "maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi"],
	["500Mi", { min: { storage: "1Gi" } }, "minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 500Mi"],
])("a claim for %s within %j", (storage, bounds, text) => {
	const claim = { metadata: { name: "a" }, spec: { resources: { requests: { storage } } } };
	const limits = limitRange({ type: "PersistentVolumeClaim", ...bounds });
	const check = () => limitRanger.validate?.(claim, request("persistentvolumeclaims", limits));
	if (text === undefined) expect(check).not.toThrow();
	else expect(check).toThrow(`persistentvolumeclaims "a" is forbidden: ${text}`);
});
