import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { changeProblems, created, createProblems, defaulted, kindOf, printed, problems, updateProblems } from "../testing/kind-probe.ts";
import { storageKinds } from "./index.ts";

const of = (resource: string) => kindOf(storageKinds, resource);
const subdomain =
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
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
			`spec.attacher: Invalid value: "": ${subdomain}`,
			"spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName",
		]);
		expect(problems(of("csinodes"), object({ spec: { drivers: [{ name: "a" }, { name: "a", nodeID: "1" }] } }))).toEqual([
			"spec.drivers[0].nodeID: Required value",
			'spec.drivers[1].name: Duplicate value: "a"',
		]);
	});
});

describe("a new object", () => {
	const qualified =
		"name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
	const zone = (...values: string[]) => ({ matchLabelExpressions: [{ key: "zone", values }] });
	const attachment = { attacher: "a.io", nodeName: "n" };
	it.each<[string, object, readonly string[]]>([
		["storageclasses", { provisioner: "A/-" }, [`provisioner: Invalid value: "a/-": ${qualified}`]],
		["storageclasses", { provisioner: "a/b", parameters: { "": "x" } }, ['parameters: Invalid value: "": field can not be empty.']],
		[
			"storageclasses",
			{ provisioner: "a/b", parameters: { a: "x".repeat(256 * 1024) } },
			["parameters: Too long: may not be more than 262144 bytes"],
		],
		[
			"storageclasses",
			{ provisioner: "a/b", allowedTopologies: [zone("a", "b"), zone("b", "a"), zone("c", "c"), {}, zone()] },
			[
				'allowedTopologies[1].matchLabelExpressions: Duplicate value: ""',
				'allowedTopologies[2].matchLabelExpressions[0].values[1]: Duplicate value: "c"',
				'allowedTopologies[3].matchLabelExpressions: Duplicate value: ""',
				"allowedTopologies[4].matchLabelExpressions[0].values: Required value",
			],
		],
		[
			"volumeattributesclasses",
			{ driverName: "" },
			["driverName: Required value", "parameters: Required value: must contain at least one key/value pair"],
		],
		[
			"volumeattachments",
			{ spec: { ...attachment, source: { persistentVolumeName: "" } } },
			[
				"spec.source.persistentVolumeName: Required value: must specify non empty persistentVolumeName",
				`spec.source.persistentVolumeName: Invalid value: "": ${subdomain}`,
			],
		],
		[
			"volumeattachments",
			{ spec: { ...attachment, source: { persistentVolumeName: "a", inlineVolumeSpec: {} } } },
			["spec.source: Forbidden: must specify exactly one of inlineVolumeSpec and persistentVolumeName"],
		],
		[
			"csinodes",
			{ spec: { drivers: [{ name: "a", nodeID: "x".repeat(257), allocatable: { count: -1 }, topologyKeys: ["", "b", "b"] }] } },
			[
				`spec.drivers[0].nodeID: Invalid value: "${"x".repeat(257)}": must be 256 characters or less`,
				"spec.drivers[0].allocatable.count: Invalid value: -1: must be greater than or equal to 0",
				"spec.drivers[0]: Required value",
				'spec.drivers[0]: Invalid value: "": name part must be non-empty',
				`spec.drivers[0]: Invalid value: "": ${qualified}`,
				'spec.drivers[0]: Duplicate value: "b"',
			],
		],
		[
			"csidrivers",
			{
				spec: {
					fsGroupPolicy: "All",
					tokenRequests: [
						{ audience: "" },
						{ audience: "" },
						{ audience: "b", expirationSeconds: 5 },
						{ audience: "c", expirationSeconds: 2 ** 33 },
					],
					volumeLifecycleModes: ["Once"],
					nodeAllocatableUpdatePeriodSeconds: 9,
				},
			},
			[
				'spec.fsGroupPolicy: Unsupported value: "All": supported values: "File", "None", "ReadWriteOnceWithFSType"',
				'spec.tokenRequests[1].audience: Duplicate value: ""',
				"spec.tokenRequests[2].expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes",
				"spec.tokenRequests[3].expirationSeconds: Invalid value: 8589934592: may not specify a duration larger than 2^32 seconds",
				'spec.volumeLifecycleModes: Unsupported value: "Once": supported values: "Persistent", "Ephemeral"',
				"spec.nodeAllocatableUpdatePeriodSeconds: Invalid value: 9: must be greater than or equal to 10 seconds",
			],
		],
		[
			"csistoragecapacities",
			{ storageClassName: "A", capacity: "-1" },
			[`storageClassName: Invalid value: "A": ${subdomain}`, 'capacity: Invalid value: "-1": must be greater than or equal to 0'],
		],
	])("of %s %j", (resource, fields, expected) => {
		expect(createProblems(of(resource), object(fields))).toEqual(expected);
	});

	it("of VolumeAttachment never changes its spec, and reports errors of bounded length", () => {
		const kind = of("volumeattachments");
		const spec = { ...attachment, source: { persistentVolumeName: "a" } };
		expect(changeProblems(kind, object({ spec: { ...spec, nodeName: "m" } }), object({ spec }))).toEqual([
			'spec: Invalid value: {"Attacher":"a.io","Source":{"PersistentVolumeName":"a","InlineVolumeSpec":null},"NodeName":"m"}: field is immutable',
		]);
		const status = { attachmentMetadata: { a: "x".repeat(256 * 1024) }, attachError: { message: "x".repeat(1025), errorCode: -1 } };
		expect(kind.validateStatusUpdate?.(object({ spec, status }), object({ spec })).map(String)).toEqual([
			"status.attachmentMetadata: Too long: may not be more than 262144 bytes",
			"status.attachError.message: Too long: may not be more than 262144 bytes",
			"status.attachError.errorCode: Invalid value: -1: must be between 0 and 2147483647, inclusive",
		]);
	});

	it("of CSINode keeps its drivers, but for what they can take", () => {
		const driver = { name: "a", nodeID: "1" };
		const drivers = (fields: object) => object({ spec: { drivers: [{ ...driver, ...fields }] } });
		expect(changeProblems(of("csinodes"), drivers({ allocatable: { count: 2 } }), drivers({ allocatable: { count: 1 } }))).toEqual([]);
		expect(changeProblems(of("csinodes"), drivers({ nodeID: "2" }), drivers({}))).toEqual([
			'spec.drivers: Invalid value: {"name":"a","nodeID":"2"}: field is immutable',
		]);
	});
});
