import { expect, test } from "vitest";
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { isRunning, requireNode, resolveContainer } from "./container.ts";

function pod(containers: readonly string[], initContainers: readonly string[] = [], nodeName: string | undefined = "n1"): Pod {
	const named = (names: readonly string[]) => names.map((name) => ({ name, image: "busybox" }));
	return {
		metadata: { name: "web", namespace: "default" },
		spec: { containers: named(containers), initContainers: named(initContainers), ...(nodeName === undefined ? {} : { nodeName }) },
		status: { containerStatuses: [{ name: "a", image: "", imageID: "", ready: true, restartCount: 0, state: { running: {} } }] },
	};
}

test("the only container needs no name, init containers can be named", () => {
	const target = { namespace: "default", pod: "web", node: "n1" };
	expect(resolveContainer(pod(["a"]), undefined)).toEqual({ ...target, container: "a" });
	expect(resolveContainer(pod(["a", "b"], ["setup"]), "setup")).toEqual({ ...target, container: "setup" });
});

test.each([
	[["a", "b"], [], undefined, "a container name must be specified for pod web, choose one of: [a b]"],
	[
		["a", "b"],
		["c", "d"],
		undefined,
		"a container name must be specified for pod web, choose one of: [a b] or one of the init containers: [c d]",
	],
	[[], [], undefined, "a container name must be specified for pod web"],
	[["a"], [], "z", "container z is not valid for pod web"],
])("%j, init %j, asked for %s", (containers, initContainers, requested, message) => {
	expect(() => resolveContainer(pod(containers, initContainers), requested)).toThrow(message);
});

test("a pod without a node has no streams", () => {
	const waiting = pod(["a"], [], "");
	expect(resolveContainer(waiting, undefined)).toBeUndefined();
	expect(() => requireNode(waiting, undefined)).toThrow("pod web does not have a host assigned");
});

test("whether a container runs is in the status", () => {
	expect([isRunning(pod(["a", "b"]), "a"), isRunning(pod(["a", "b"]), "b")]).toEqual([true, false]);
});
