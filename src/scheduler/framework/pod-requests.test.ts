import { describe, expect, it } from "vitest";
import { container, pod } from "../testing/builders.ts";
import { computePodRequests } from "./pod-requests.ts";

const milliCpu = (spec: Parameters<typeof pod>[1], status = {}) => computePodRequests(pod("p", spec, {}, status)).requests.milliCpu;
const cpu = (amount: string, rest = {}) => container({ cpu: amount }, rest);
const sidecar = { restartPolicy: "Always" };

describe("computePodRequests", () => {
	it.each([
		["the sum of the containers", { containers: [cpu("500m"), cpu("250m")] }, 750],
		["an init container that needs more", { containers: [cpu("1")], initContainers: [cpu("3"), cpu("2")] }, 3000],
		["an init container that needs less", { containers: [cpu("2"), cpu("2")], initContainers: [cpu("3")] }, 4000],
		["a sidecar beside the containers", { containers: [cpu("1")], initContainers: [cpu("2", sidecar)] }, 3000],
		["an init container beside the sidecars before it", { containers: [cpu("1")], initContainers: [cpu("2", sidecar), cpu("4")] }, 6000],
		["an init container without the sidecars after it", { containers: [cpu("1")], initContainers: [cpu("4"), cpu("2", sidecar)] }, 4000],
		["the overhead on top", { containers: [cpu("1")], initContainers: [cpu("3")], overhead: { cpu: "250m" } }, 3250],
		["pod-level requests instead of the containers'", { containers: [cpu("1"), cpu("1")], resources: { requests: { cpu: "5" } } }, 5000],
		["a fraction of a thousandth, rounded up", { containers: [cpu("0.0001")] }, 1],
	] as const)("counts %s", (_name, spec, expected) => {
		expect(milliCpu(spec)).toBe(expected);
	});

	it("counts the most of wanted, allocated and actual during a resize, and not the wanted if it is infeasible", () => {
		const containerStatuses = [
			{
				name: "main",
				image: "",
				imageID: "",
				ready: true,
				restartCount: 0,
				allocatedResources: { cpu: "2" },
				resources: { requests: { cpu: "1" } },
			},
		];
		const infeasible = [{ type: "PodResizePending", status: "True", reason: "Infeasible" }];
		expect(milliCpu({ containers: [cpu("4")] }, { containerStatuses })).toBe(4000);
		expect(milliCpu({ containers: [cpu("1")] }, { containerStatuses })).toBe(2000);
		expect(milliCpu({ containers: [cpu("4")] }, { containerStatuses, conditions: infeasible })).toBe(2000);
	});

	it("counts containers without requests as 100m and 200Mi for scoring only", () => {
		const { requests, nonZeroMilliCpu, nonZeroMemoryBytes } = computePodRequests(pod("p", { containers: [container(), cpu("1")] }));
		expect([requests.milliCpu, requests.memoryBytes]).toEqual([1000, 0]);
		expect([nonZeroMilliCpu, nonZeroMemoryBytes]).toEqual([1100, 2 * 200 * 1024 * 1024]);
	});

	it("counts extended resources and huge pages by name and leaves out what the scheduler does not know", () => {
		const { requests } = computePodRequests(
			pod("p", { containers: [container({ "example.com/gpu": "2", "hugepages-2Mi": "4Mi", storage: "1" })] }),
		);
		expect([...(requests.scalars ?? [])]).toEqual([
			["example.com/gpu", 2],
			["hugepages-2Mi", 4 * 1024 * 1024],
		]);
	});
});
