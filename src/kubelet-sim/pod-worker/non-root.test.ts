/** `runAsNonRoot`: who may run is decided by the pod's user, or by the image's. */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { PodSpec } from "../../apimachinery/schema/generated/types.ts";
import { FleetHarness } from "../testing/fleet-harness.ts";

let harness: FleetHarness;
beforeEach(async () => {
	harness = new FleetHarness();
	await harness.start();
});
afterEach(() => harness.stop());

type Security = NonNullable<PodSpec["securityContext"]>;

test.each<[string, string, Security, Security | undefined, string]>([
	["an image that runs as root", "nginx", { runAsNonRoot: true }, undefined, "container has runAsNonRoot and image will run as root"],
	["whoever says root", "nginx", { runAsNonRoot: true, runAsUser: 0 }, undefined, "container's runAsUser breaks non-root policy"],
	[
		"a name",
		"curlimages/curl",
		{ runAsNonRoot: true },
		undefined,
		"container has runAsNonRoot and image has non-numeric user (curl_user), cannot verify user is non-root",
	],
	[
		"a container over its pod",
		"nginx",
		{ runAsUser: 1000 },
		{ runAsNonRoot: true, runAsUser: 0 },
		"container's runAsUser breaks non-root policy",
	],
	["another user", "busybox:1.36", { runAsNonRoot: true, runAsUser: 1000 }, undefined, ""],
	["an image of another user", "registry.k8s.io/pause:3.10", { runAsNonRoot: true }, undefined, ""],
	["an image that nobody knows", "example.com/some/thing", { runAsNonRoot: true }, undefined, ""],
	["a container that may", "nginx", { runAsNonRoot: true }, { runAsNonRoot: false }, ""],
])("%s", async (_who, image, securityContext, own, problem) => {
	await harness.pod("web", { image, ...(own === undefined ? {} : { securityContext: own }) }, { securityContext });
	await harness.clock.advance(2_000);
	const { metadata, status } = await harness.get("web");
	const { waiting } = status?.containerStatuses?.[0]?.state ?? {};
	if (problem === "") {
		expect(waiting?.reason).not.toBe("CreateContainerConfigError");
		return;
	}
	const message = `${problem} (pod: "web_default(${metadata?.uid})", container: c)`;
	expect(waiting).toEqual({ reason: "CreateContainerConfigError", message });
	expect(await harness.events("web")).toContain(`Warning Failed Error: ${message}`);
});
