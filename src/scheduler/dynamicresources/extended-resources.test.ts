import { describe, expect, it } from "vitest";
import type { Container } from "../../apimachinery/schema/generated/types.ts";
import { container, pod } from "../testing/builders.ts";
import { deviceClass } from "../testing/devices.ts";
import { ExtendedResources, extendedRequests } from "./extended-resources.ts";

const gpu = "example.com/gpu";
const named = (name: string, extendedResourceName: string, creationTimestamp: string) => ({
	...deviceClass(name, { extendedResourceName }),
	metadata: { name, creationTimestamp },
});

describe("classes by resource", () => {
	const resources = new ExtendedResources([
		named("new", gpu, "2026-01-02T00:00:00Z"),
		named("old", gpu, "2026-01-01T00:00:00Z"),
		deviceClass("plain"),
	]);
	it.each([
		[gpu, "new"],
		["deviceclass.resource.kubernetes.io/old", "old"],
		["deviceclass.resource.kubernetes.io/plain", "plain"],
		["deviceclass.resource.kubernetes.io/other", undefined],
		["example.com/nic", undefined],
		["", undefined],
	])("%s", (resource, expected) => {
		expect(resources.classOf(resource)?.metadata?.name).toBe(expected);
	});
});

describe("requests", () => {
	const wants = (name: string, count: string, rest: Partial<Container> = {}) => container({ cpu: "1", [gpu]: count }, { name, ...rest });
	const requestsOf = (initContainers: readonly Container[], containers: readonly Container[]) => {
		const { requests, mappings } = extendedRequests(pod("p", { initContainers, containers }), new Set([gpu]), () => deviceClass("gpu"));
		return {
			requests: requests.map(({ name, exactly }) => `${name}: ${exactly?.count}`),
			mappings: mappings.map(({ containerName, requestName }) => `${containerName} ${requestName}`),
		};
	};

	it("are one a container, named by places", () => {
		expect(requestsOf([], [wants("a", "1"), container({}, { name: "b" }), wants("c", "2")])).toEqual({
			requests: ["container-0-request-1: 1", "container-2-request-1: 2"],
			mappings: ["a container-0-request-1", "c container-2-request-1"],
		});
	});

	it("of init containers are for what is missing, once for all of them", () => {
		expect(requestsOf([wants("init-0", "2"), wants("init-1", "4")], [wants("a", "1"), wants("b", "1")])).toEqual({
			requests: ["container-1-request-1: 2", "container-2-request-1: 1", "container-3-request-1: 1"],
			mappings: [
				"a container-2-request-1",
				"b container-3-request-1",
				"init-0 container-2-request-1",
				"init-0 container-3-request-1",
				"init-1 container-2-request-1",
				"init-1 container-3-request-1",
				"init-1 container-1-request-1",
			],
		});
	});

	it("of a sidecar that runs already are its own", () => {
		expect(requestsOf([wants("sidecar", "1", { restartPolicy: "Always" }), wants("init", "1")], [container({}, { name: "a" })])).toEqual({
			requests: ["container-0-request-1: 1", "container-1-request-1: 1"],
			mappings: ["sidecar container-0-request-1", "init container-1-request-1"],
		});
	});
});
