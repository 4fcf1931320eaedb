import { describe, expect, it } from "vitest";
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import {
	containerCgroup,
	containerSettings,
	milliCpuToShares,
	ociCgroupsPath,
	oomScoreAdjOf,
	podSettings,
	weightOfShares,
} from "./layout.ts";

const pod = (qosClass: string, more: Partial<NonNullable<Pod["spec"]>> = {}): Pod => ({
	metadata: { uid: "0a1b2c3d-0000-4000-8000-000000000001" },
	spec: { containers: [], ...more },
	status: { qosClass },
});

describe("cpu.weight", () => {
	it.each([
		[0, 1],
		[2, 1],
		[102, 17],
		[512, 59],
		[1024, 100],
		[2048, 174],
		[4096, 303],
		[262_144, 10_000],
	])("of %i shares is %i", (shares, weight) => {
		expect(weightOfShares(shares)).toBe(weight);
	});

	it("comes from what is requested", () => {
		expect([0, 1, 100, 1000].map(milliCpuToShares)).toEqual([2, 2, 102, 1024]);
		expect(containerSettings({ limits: { cpu: "1" } }, true)["cpu.weight"]).toBe("100");
		expect(containerSettings({ requests: { cpu: "500m" }, limits: { cpu: "1" } }, true)["cpu.weight"]).toBe("59");
	});
});

describe("limits", () => {
	it("of a container are its own", () => {
		const settings = containerSettings({ limits: { cpu: "1500m", memory: "100Mi" } }, true);
		expect(settings).toMatchObject({ "cpu.max": "150000 100000", "memory.max": "104857600", "memory.oom.group": "1" });
		expect(containerSettings({ limits: { cpu: "1m" } }, true)["cpu.max"]).toBe("1000 100000");
	});

	it("of a container's processes are not killed together where the kubelet does not want it", () => {
		expect(containerSettings(undefined, false)["memory.oom.group"]).toBe("0");
	});

	it.each<readonly [string, readonly (Readonly<Record<string, string>> | undefined)[], object]>([
		[
			"are the sum",
			[
				{ cpu: "1", memory: "1Gi" },
				{ cpu: "500m", memory: "1Gi" },
			],
			{ "cpu.max": "150000 100000", "memory.max": "2147483648" },
		],
		["are absent where one container has none", [{ cpu: "1", memory: "1Gi" }, { cpu: "1" }], { "cpu.max": "200000 100000" }],
		["are absent where nobody has any", [undefined], {}],
	])("of a pod %s", (_, limits, expected) => {
		const containers = limits.map((_limit, index) => ({ name: `c${index}` }));
		const settings = podSettings(pod("Burstable"), containers, 1000, (name) => ({
			...(limits[Number(name.slice(1))] === undefined ? {} : { limits: limits[Number(name.slice(1))] ?? {} }),
		}));
		expect(settings).toEqual({ "cpu.shares": "1024", "cpu.weight": "100", ...expected });
	});
});

it.each([
	["Guaranteed", "systemd", "/kubepods.slice/kubepods-pod0a1b2c3d_0000_4000_8000_000000000001.slice/cri-containerd-abc.scope"],
	[
		"Burstable",
		"systemd",
		"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0a1b2c3d_0000_4000_8000_000000000001.slice/cri-containerd-abc.scope",
	],
	["BestEffort", "cgroupfs", "/kubepods/besteffort/pod0a1b2c3d-0000-4000-8000-000000000001/abc"],
	["Guaranteed", "cgroupfs", "/kubepods/pod0a1b2c3d-0000-4000-8000-000000000001/abc"],
] as const)("the group of a container of a %s pod with %s", (qosClass, driver, path) => {
	expect(containerCgroup(pod(qosClass), "abc", driver)).toBe(path);
});

it.each([
	["systemd", "kubepods-burstable-pod0a1b2c3d_0000_4000_8000_000000000001.slice:cri-containerd:abc"],
	["cgroupfs", "/kubepods/burstable/pod0a1b2c3d-0000-4000-8000-000000000001/abc"],
] as const)("what the OCI runtime is told with %s", (driver, path) => {
	expect(ociCgroupsPath(pod("Burstable"), "abc", driver)).toBe(path);
});

it.each([
	["Guaranteed", undefined, -997],
	["BestEffort", undefined, 1000],
	["Burstable", "1Gi", 875],
	["Burstable", undefined, 999],
	["Burstable", "8Gi", 3],
])("oom_score_adj of a container of a %s pod that requests %s of 8 GiB", (qosClass, memory, adjust) => {
	const resources = memory === undefined ? {} : { requests: { memory } };
	expect(oomScoreAdjOf(pod(qosClass), { name: "c", resources }, 8 * 1024 ** 3)).toBe(adjust);
});

it("spares a pod that the node cannot do without", () => {
	const critical = pod("BestEffort", { priority: 2_000_001_000, priorityClassName: "system-node-critical" });
	expect(oomScoreAdjOf(critical, { name: "c" }, 1)).toBe(-997);
});
