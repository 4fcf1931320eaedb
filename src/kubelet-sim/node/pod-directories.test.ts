/** What a shell on a node sees of its pods below /var/lib/kubelet. */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { PodSpec } from "../../apimachinery/schema/generated/types.ts";
import { configMaps, secrets } from "../../client/resources.ts";
import { FleetHarness } from "../testing/fleet-harness.ts";
import { onNode } from "../testing/on-node.ts";

let harness: FleetHarness;
beforeEach(async () => {
	harness = new FleetHarness();
	await harness.start();
	await harness.client.resource(configMaps).create({ metadata: { namespace: "default", name: "map" }, data: { key: "value" } });
	await harness.client.resource(secrets).create({ metadata: { namespace: "default", name: "secret" }, data: { password: "aGlkZGVu" } });
});
afterEach(() => harness.stop());

const volumes: NonNullable<PodSpec["volumes"]> = [
	{ name: "cache", emptyDir: {} },
	{ name: "settings", configMap: { name: "map" } },
	{ name: "keys", secret: { secretName: "secret" } },
	{ name: "about", downwardAPI: { items: [{ path: "name", fieldRef: { fieldPath: "metadata.name" } }] } },
	{ name: "all", projected: { sources: [{ configMap: { name: "map" } }] } },
	{ name: "node", hostPath: { path: "/srv" } },
];
const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/${name}` }));

/** The pod's directory on the node, with a pod that has written into its cache. */
async function directory(script = "echo mine > /cache/file; sleep 3600", security: PodSpec["securityContext"] = {}): Promise<string> {
	await harness.pod("web", { command: ["sh", "-c", script], volumeMounts }, { volumes, securityContext: security });
	await harness.clock.advance(2_000);
	return `/var/lib/kubelet/pods/${(await harness.get("web")).metadata?.uid}`;
}

test("a pod's volumes are where the kubelet mounts them", async () => {
	const at = await directory();
	expect((await onNode(harness, `cd ${at}; ls; ls -d volumes/*/*; ls plugins/*`)).trim().split("\n")).toEqual([
		...["containers", "etc-hosts", "plugins", "volumes"],
		"volumes/kubernetes.io~configmap/settings",
		"volumes/kubernetes.io~downward-api/about",
		"volumes/kubernetes.io~empty-dir/cache",
		"volumes/kubernetes.io~projected/all",
		"volumes/kubernetes.io~secret/keys",
		...["plugins/kubernetes.io~configmap:", "settings", ""],
		...["plugins/kubernetes.io~downward-api:", "about", ""],
		...["plugins/kubernetes.io~empty-dir:", "cache", "wrapped_about", "wrapped_all", "wrapped_keys", "wrapped_settings", ""],
		...["plugins/kubernetes.io~projected:", "all", ""],
		...["plugins/kubernetes.io~secret:", "keys"],
	]);
});

test.each([
	["what a container wrote", "cat volumes/kubernetes.io~empty-dir/cache/file", "mine\n"],
	["a Secret, in plain text", "cat volumes/kubernetes.io~secret/keys/password", "hidden"],
	[
		"through links, as it was written",
		"readlink volumes/kubernetes.io~configmap/settings/..data volumes/kubernetes.io~configmap/settings/key",
		"..2026_01_01_00_00_00.000000000\n..data/key\n",
	],
	[
		"whose it is",
		"stat -c '%A %u %g' . volumes/kubernetes.io~empty-dir/cache volumes/kubernetes.io~secret/keys",
		"drwxr-x--- 0 0\ndrwxrwsrwx 0 2000\ndrwxrwsrwt 0 2000\n",
	],
	["the pod's hosts", "grep -c web etc-hosts", "1\n"],
])("%s", async (_what, script, printed) => {
	const at = await directory(undefined, { fsGroup: 2000 });
	expect(await onNode(harness, `cd ${at}; ${script}`)).toBe(printed);
});

test("what is written on the node, the container reads; the directories themselves stay", async () => {
	const at = await directory("while ! [ -e /cache/go ]; do sleep 1; done; cat /cache/go > /dev/termination-log; exit 3");
	expect(await onNode(harness, `cd ${at}; echo gone > volumes/kubernetes.io~empty-dir/cache/go; rm -r volumes`)).toContain(
		"Read-only file system",
	);
	await harness.clock.advance(1_500);
	expect(await onNode(harness, `cat ${at}/containers/c/*`)).toBe("gone\n");
	await harness.delete("web");
	await harness.clock.advance(40_000);
	expect(await onNode(harness, "ls /var/lib/kubelet/pods")).toBe("");
});

test("from a container that has the node's files, too", async () => {
	const at = await directory();
	const root = {
		volumeMounts: [{ name: "root", mountPath: "/host" }],
		command: ["sh", "-c", `cat /host${at}/volumes/*/cache/file > /dev/termination-log`],
	};
	await harness.pod("agent", root, { restartPolicy: "Never", volumes: [{ name: "root", hostPath: { path: "/" } }] });
	await harness.clock.advance(2_000);
	expect((await harness.get("agent")).status?.containerStatuses?.[0]?.state?.terminated?.message).toBe("mine\n");
});

test("pods are there once their volumes are", async () => {
	await harness.pod(
		"waits",
		{ volumeMounts: [{ name: "none", mountPath: "/none" }] },
		{ volumes: [{ name: "none", configMap: { name: "none" } }] },
	);
	await harness.clock.advance(2_000);
	expect(await onNode(harness, "ls /var/lib/kubelet/pods")).toBe("");
});
