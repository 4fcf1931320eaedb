/** A disk on which more is written than fits is full: the node's, which all that runs there shares, and a claim's own. */
import { afterEach, expect, test } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import type { Container, PodSpec } from "../../apimachinery/schema/generated/types.ts";
import { nodes, persistentVolumeClaims, persistentVolumes, volumeAttachments } from "../../client/resources.ts";
import { Collector, SharedDisk } from "../../host/index.ts";
import { FleetHarness } from "../testing/fleet-harness.ts";
import { onNode } from "../testing/on-node.ts";

let harness: FleetHarness | undefined;
afterEach(() => harness?.stop());

/** A node whose kubelet evicts nobody for its disk. */
async function started(size: string): Promise<FleetHarness> {
	harness = new FleetHarness();
	const evictionHard = { "nodefs.available": "0%", "imagefs.available": "0%", "nodefs.inodesFree": "0%", "memory.available": "0%" };
	await harness.start("n1", { capacity: { "ephemeral-storage": size }, kubelet: { evictionHard } });
	return harness;
}

async function exec(fleet: FleetHarness, pod: string, script: string): Promise<string> {
	const output = new Collector();
	const write = async (chunk: Uint8Array) => output.write(chunk);
	let isOver = false;
	const target = { node: "n1", namespace: "default", pod, container: "c" };
	const command = ["sh", "-c", script];
	void fleet.fleet.connector
		.exec(target, { command, stdin: false, tty: false }, { stdout: write, stderr: write }, new AbortController().signal)
		.finally(() => {
			isOver = true;
		});
	for (let turn = 0; !isOver && turn < 1000; turn++) await fleet.clock.advance(10);
	return output.text().trim();
}

const sleeper: Partial<Container> = { command: ["sleep", "infinity"], volumeMounts: [{ name: "data", mountPath: "/data" }] };
const temporary: Partial<PodSpec> = { volumes: [{ name: "data", emptyDir: {} }] };

test("what one pod takes of a node's disk, another lacks; what is removed is free again", async () => {
	const fleet = await started("10Gi");
	await fleet.pod("a", sleeper, temporary);
	await fleet.pod("b", sleeper, temporary);
	await fleet.clock.advance(2_000);
	expect(await exec(fleet, "a", "fallocate -l 8G /data/large; df -h /data | tail -n 1 | awk '{print $2, $5}'")).toMatch(/^10G 8[0-9]%$/);
	expect(await exec(fleet, "b", "fallocate -l 4G /data/large; echo $?; ls /data")).toMatch(/No space left on device\n1/);
	expect(await exec(fleet, "b", "fallocate -l 4G /large")).toContain("No space left on device");
	expect(await onNode(fleet, "fallocate -l 4G /srv/large")).toContain("No space left on device");
	expect(await exec(fleet, "a", "rm /data/large")).toBe("");
	expect(await exec(fleet, "b", "fallocate -l 4G /data/large && echo fits")).toBe("fits");
});

test("a program that writes on and on ends when the disk is full", async () => {
	const fleet = await started("2Gi");
	await fleet.pod("a", sleeper, temporary);
	await fleet.clock.advance(2_000);
	expect(await exec(fleet, "a", "head -c 20G /dev/zero > /data/file; df /data | tail -n 1 | awk '{print $5}'")).toMatch(
		/No space left on device\n100%$/,
	);
});

test("an image finds no room on it", async () => {
	const fleet = await started("2Gi");
	await fleet.pod("a", sleeper, temporary);
	await fleet.clock.advance(2_000);
	await exec(fleet, "a", "head -c 20G /dev/zero > /data/file");
	await fleet.clock.advance(20_000);
	await fleet.pod("b", { image: "nginx" });
	await fleet.clock.advance(2_000);
	expect((await fleet.events("b")).join("\n")).toContain("ingest: no space left on device");
});

test("a claim's disk is as large as its volume, and grows with it", async () => {
	const fleet = await started("100Gi");
	const driver = "disk.csi.kubesim.io";
	const claims = fleet.client.resource(persistentVolumeClaims);
	const made = await claims.create({
		metadata: { namespace: "default", name: "data" },
		spec: { volumeName: "pv" },
		status: { phase: "Bound", capacity: { storage: "1Gi" } },
	});
	const volume = await fleet.client.resource(persistentVolumes).create({
		metadata: { name: "pv" },
		spec: {
			capacity: { storage: "1Gi" },
			accessModes: ["ReadWriteOnce"],
			claimRef: { namespace: "default", name: "data", uid: made.metadata?.uid ?? "" },
			csi: { driver, volumeHandle: "handle", fsType: "ext4" },
		},
		status: { phase: "Bound" },
	});
	await fleet.pod("a", sleeper, { volumes: [{ name: "data", persistentVolumeClaim: { claimName: "data" } }] });
	await fleet.clock.advance(1_000);
	await fleet.client.resource(volumeAttachments).create({
		metadata: { name: "attachment" },
		spec: { attacher: driver, nodeName: "n1", source: { persistentVolumeName: "pv" } },
		status: { attached: true },
	});
	const node = await fleet.client.resource(nodes).get({ name: "n1" });
	const volumesAttached = [{ name: `kubernetes.io/csi/${driver}^handle`, devicePath: "" }];
	await fleet.client.resource(nodes).updateStatus({ ...node, status: { ...node.status, volumesAttached } });
	await fleet.clock.advance(1_000);
	const shown = "df -h /data | tail -n 1 | awk '{print $1, $2, $5}'";
	expect(await exec(fleet, "a", `fallocate -l 512M /data/half; ${shown}; fallocate -l 600M /data/more`)).toMatch(
		/^\/dev\/vdb 1.0G 50%\n.*No space left on device$/,
	);
	const bound = await claims.get({ namespace: "default", name: "data" });
	await fleet.client.resource(persistentVolumes).update({ ...volume, spec: { ...volume.spec, capacity: { storage: "2Gi" } } });
	await fleet.clock.advance(10);
	await claims.updateStatus({ ...bound, status: { ...bound.status, allocatedResourceStatuses: { storage: "NodeResizePending" } } });
	await fleet.clock.advance(1_000);
	expect(await exec(fleet, "a", `rm -f /data/more; fallocate -l 600M /data/more && ${shown}`)).toMatch(/^\/dev\/vdb 2.0G 5\d%$/);
});

test("a disk is not measured for each write, and full to the last byte", () => {
	let [free, looks] = [1024 ** 3, 0];
	const clock = new VirtualClock();
	const disk = new SharedDisk(clock, () => {
		looks++;
		return free;
	});
	const block = 64 * 1024;
	let written = 0;
	while (disk.take(block)) {
		written += block;
		free -= block;
	}
	expect([written, free]).toEqual([1024 ** 3, 0]);
	expect(looks).toBeLessThan(50);
});
