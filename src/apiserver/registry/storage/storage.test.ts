import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { created, defaulted, kindOf, printed, problems, updateProblems } from "../testing/kind-probe.ts";
import { storageKinds } from "./index.ts";

const of = (resource: string) => kindOf(storageKinds, resource);
const object = (fields: object): KubeObject => ({ metadata: { name: "fast", creationTimestamp: created }, ...fields });

describe("StorageClass", () => {
	const kind = of("storageclasses");
	const minimal = object({ provisioner: "kubernetes.io/no-provisioner" });

	it("deletes volumes and binds at once unless told otherwise", () => {
		expect(defaulted(kind, minimal)).toEqual({ ...minimal, reclaimPolicy: "Delete", volumeBindingMode: "Immediate" });
	});

	it("prints the default one with a mark", () => {
		const metadata = { name: "fast", creationTimestamp: created, annotations: { "storageclass.kubernetes.io/is-default-class": "true" } };
		expect(printed(kind, { ...minimal, metadata } as KubeObject)).toBe(
			"NAME | PROVISIONER | RECLAIMPOLICY | VOLUMEBINDINGMODE | ALLOWVOLUMEEXPANSION | AGE\nfast (default) | kubernetes.io/no-provisioner | Delete | Immediate | false | 5m",
		);
	});

	it("says what is wrong, and what may not change", () => {
		expect(problems(kind, object({ reclaimPolicy: "Recycle", volumeBindingMode: "Later" }))).toEqual([
			"provisioner: Required value",
			'reclaimPolicy: Unsupported value: "Recycle": supported values: "Delete", "Retain"',
			'volumeBindingMode: Unsupported value: "Later": supported values: "Immediate", "WaitForFirstConsumer"',
		]);
		const changed = object({
			provisioner: "b.io/x",
			parameters: { type: "ssd" },
			reclaimPolicy: "Retain",
			volumeBindingMode: "WaitForFirstConsumer",
		});
		expect(updateProblems(kind, changed, minimal)).toEqual([
			"parameters: Forbidden: updates to parameters are forbidden.",
			"provisioner: Forbidden: updates to provisioner are forbidden.",
			"reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden.",
			'volumeBindingMode: Invalid value: "WaitForFirstConsumer": field is immutable',
		]);
	});
});

describe("what CSI drivers write and are described by", () => {
	it("prints", () => {
		const driver = defaulted(of("csidrivers"), object({ spec: { tokenRequests: [{ audience: "vault" }] } }));
		expect(printed(of("csidrivers"), driver)).toBe(
			"NAME | ATTACHREQUIRED | PODINFOONMOUNT | STORAGECAPACITY | TOKENREQUESTS | REQUIRESREPUBLISH | MODES | AGE\nfast | true | false | false | vault | false | Persistent | 5m",
		);
		expect(printed(of("csinodes"), object({ spec: { drivers: [{ name: "a", nodeID: "1" }] } }))).toBe(
			"NAME | DRIVERS | AGE\nfast | 1 | 5m",
		);
		expect(printed(of("csistoragecapacities"), object({ storageClassName: "fast", capacity: "1Gi" }))).toBe(
			"NAME | STORAGECLASSNAME | CAPACITY\nfast | fast | 1Gi",
		);
		expect(printed(of("volumeattributesclasses"), object({ driverName: "ebs.csi.aws.com" }))).toBe(
			"NAME | DRIVERNAME | AGE\nfast | ebs.csi.aws.com | 5m",
		);
		const spec = { attacher: "ebs.csi.aws.com", nodeName: "node-1", source: { persistentVolumeName: "pv-1" } };
		expect(printed(of("volumeattachments"), object({ spec, status: { attached: true } }))).toBe(
			"NAME | ATTACHER | PV | NODE | ATTACHED | AGE\nfast | ebs.csi.aws.com | pv-1 | node-1 | true | 5m",
		);
	});

	it("is refused for bad names and sources", () => {
		expect(problems(of("volumeattachments"), object({ spec: { attacher: "", nodeName: "n", source: {} } }))).toEqual([
			"spec.attacher: Required value",
			"spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName",
		]);
		expect(problems(of("csinodes"), object({ spec: { drivers: [{ name: "a" }, { name: "a", nodeID: "1" }] } }))).toEqual([
			"spec.drivers[0].nodeID: Required value",
			'spec.drivers[1].name: Duplicate value: "a"',
		]);
	});
});
