/** Rules of PersistentVolumes and claims, one row a rule. */
import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { changeProblems, created, createProblems, defaulted, kindOf, stored } from "../testing/kind-probe.ts";
import { coreKinds } from "./index.ts";

const metadata = { name: "data", creationTimestamp: created };
const object = (spec: object, rest: object = {}): KubeObject => ({ metadata, spec, ...rest }) as KubeObject;
const subdomain =
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const modes = 'supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"';

describe("PersistentVolume", () => {
	const kind = kindOf(coreKinds, "persistentvolumes");
	const base = { accessModes: ["ReadWriteOnce"], capacity: { storage: "1Gi" } };
	const csi = { driver: "ebs.csi.aws.com", volumeHandle: "vol-1" };
	const affinity = (key: string) => ({ required: { nodeSelectorTerms: [{ matchExpressions: [{ key, operator: "In", values: ["a"] }] }] } });

	it.each<[string, object, readonly string[]]>([
		["a good one", { csi }, []],
		["no modes", { csi, accessModes: [] }, ["spec.accessModes: Required value"]],
		[
			"modes that exclude each other",
			{ csi, accessModes: ["ReadWriteOncePod", "ReadOnlyMany", "Any"] },
			[
				`spec.accessModes: Unsupported value: "Any": ${modes}`,
				"spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes",
			],
		],
		[
			"no size",
			{ csi, capacity: undefined },
			["spec.capacity: Required value", 'spec.capacity: Unsupported value: null: supported values: "storage"'],
		],
		[
			"more than a size",
			{ csi, capacity: { storage: "1Gi", iops: "1" } },
			['spec.capacity: Unsupported value: {"storage":"1Gi","iops":"1"}: supported values: "storage"'],
		],
		[
			"less than nothing",
			{ csi, capacity: { storage: "-1Gi" } },
			[
				"spec.capacity[storage]: Invalid value: -1073741824: must be a valid resource quantity",
				'spec.capacity[storage]: Invalid value: "-1Gi": must be greater than zero',
			],
		],
		[
			"a policy that nobody knows",
			{ csi, persistentVolumeReclaimPolicy: "Keep" },
			['spec.persistentVolumeReclaimPolicy: Unsupported value: "Keep": supported values: "Delete", "Recycle", "Retain"'],
		],
		["no source", {}, ["spec: Required value: must specify a volume type"]],
		[
			"two sources",
			{ hostPath: { path: "/a" }, cephfs: {}, nfs: {}, flexVolume: { driver: "x/y" } },
			["spec.nfs: Forbidden: may not specify more than 1 volume type", "spec.cephFS: Forbidden: may not specify more than 1 volume type"],
		],
		[
			"the node's root, recycled",
			{ hostPath: { path: "//" }, persistentVolumeReclaimPolicy: "Recycle" },
			["spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'"],
		],
		[
			"an affinity that requires nothing",
			{ csi, nodeAffinity: {} },
			["spec.nodeAffinity.required: Required value: must specify required node constraints"],
		],
		[
			"a local one anywhere",
			{ local: { path: "/mnt/../a" } },
			[
				"spec.local.path: Invalid value: \"/mnt/../a\": must not contain '..'",
				"spec.nodeAffinity: Required value: Local volume requires node affinity",
			],
		],
		["a local one nowhere", { local: {}, nodeAffinity: affinity("a") }, ["spec.local.path: Required value"]],
		["a class that could not be", { csi, storageClassName: "A" }, [`spec.storageClassName: Invalid value: "A": ${subdomain}`]],
		[
			"a mode that nobody knows",
			{ csi, volumeMode: "Tape" },
			['spec.volumeMode: Unsupported value: "Tape": supported values: "Block", "Filesystem"'],
		],
		[
			"attributes without a driver",
			{ hostPath: { path: "/a" }, volumeAttributesClassName: "" },
			[
				"spec.volumeAttributesClassName: Required value: an empty string is disallowed",
				"spec.csi: Required value: has to be specified when using volumeAttributesClassName",
			],
		],
		[
			"gcePersistentDisk",
			{ gcePersistentDisk: { partition: 256 } },
			[
				"spec.persistentDisk.pdName: Required value",
				"spec.persistentDisk.partition: Invalid value: 256: must be between 1 and 255, inclusive",
			],
		],
		["awsElasticBlockStore", { awsElasticBlockStore: {} }, ["spec.awsElasticBlockStore.volumeID: Required value"]],
		[
			"glusterfs",
			{ glusterfs: { endpointsNamespace: "" } },
			[
				"spec.glusterfs.endpoints: Required value",
				"spec.glusterfs.path: Required value",
				'spec.glusterfs.endpointsNamespace: Invalid value: "": if the endpointnamespace is set, it must be a valid namespace name',
			],
		],
		["flocker", { flocker: {} }, ["spec.flocker: Required value: one of datasetName and datasetUUID is required"]],
		[
			"flocker, twice",
			{ flocker: { datasetName: "a/b", datasetUUID: "u" } },
			[
				'spec.flocker: Invalid value: "resource": datasetName and datasetUUID can not be specified simultaneously',
				"spec.flocker.datasetName: Invalid value: \"a/b\": must not contain '/'",
			],
		],
		["nfs", { nfs: { path: "a" } }, ["spec.nfs.server: Required value", 'spec.nfs.path: Invalid value: "a": must be an absolute path']],
		["rbd", { rbd: {} }, ["spec.rbd.monitors: Required value", "spec.rbd.image: Required value"]],
		[
			"quobyte",
			{ quobyte: {} },
			[
				"spec.quobyte.registry: Required value: must be a host:port pair or multiple pairs separated by commas",
				"spec.quobyte.volume: Required value",
			],
		],
		[
			"quobyte's registries",
			{ quobyte: { registry: "a:1,b,[::1]:2", volume: "v" } },
			['spec.quobyte.registry: Invalid value: "a:1,b,[::1]:2": must be a host:port pair or multiple pairs separated by commas'],
		],
		["cephfs", { cephfs: {} }, ["spec.cephfs.monitors: Required value"]],
		[
			"iscsi",
			{ iscsi: { lun: 256, chapAuthSession: true, initiatorName: "x" } },
			[
				"spec.iscsi.targetPortal: Required value",
				"spec.iscsi.iqn: Required value",
				"spec.iscsi.lun: Invalid value: 256: must be between 0 and 255, inclusive",
				"spec.iscsi.secretRef: Required value",
				'spec.iscsi.initiatorname: Invalid value: "x": must be valid format',
			],
		],
		["iscsi's names", { iscsi: { targetPortal: "10.0.0.1:3260", iqn: "iqn.2001-04.com.example:storage.kube.sys1.xyz" } }, []],
		[
			"cinder",
			{ cinder: { secretRef: {} } },
			[
				"spec.cinder.volumeID: Required value",
				"spec.cinder.secretRef.name: Required value",
				"spec.cinder.secretRef.namespace: Required value",
			],
		],
		["fc", { fc: {} }, ["spec.fc.targetWWNs: Required value: must specify either targetWWNs or wwids, but not both"]],
		[
			"fc, both ways",
			{ fc: { targetWWNs: ["a"], wwids: ["b"] } },
			[
				'spec.fc.targetWWNs: Invalid value: ["a"]: targetWWNs and wwids can not be specified simultaneously',
				"spec.fc.lun: Required value: lun is required if targetWWNs is specified",
			],
		],
		[
			"flexVolume",
			{ flexVolume: { options: { "a.K8s.io/x": "" } } },
			[
				"spec.flexVolume.driver: Required value",
				'spec.flexVolume.options[a.K8s.io/x]: Invalid value: "a.K8s.io/x": kubernetes.io and k8s.io namespaces are reserved',
			],
		],
		[
			"azureFile",
			{ azureFile: { secretNamespace: "" } },
			[
				"spec.azureFile.secretName: Required value",
				"spec.azureFile.shareName: Required value",
				"spec.azureFile.secretNamespace: Required value",
			],
		],
		["vsphereVolume", { vsphereVolume: {} }, ["spec.vsphereVolume.volumePath: Required value"]],
		["photonPersistentDisk", { photonPersistentDisk: {} }, ["spec.photonPersistentDisk.pdID: Required value"]],
		["portworxVolume", { portworxVolume: {} }, ["spec.portworxVolume.volumeID: Required value"]],
		[
			"azureDisk",
			{ azureDisk: { kind: "Managed", cachingMode: "All" } },
			[
				"spec.azureDisk.diskName: Required value",
				"spec.azureDisk.diskURI: Required value",
				'spec.azureDisk.cachingMode: Unsupported value: "All": supported values: "None", "ReadOnly", "ReadWrite"',
				'spec.azureDisk.diskURI: Unsupported value: "": supported values: "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"',
			],
		],
		[
			"scaleIO",
			{ scaleIO: {} },
			["spec.scaleIO.gateway: Required value", "spec.scaleIO.system: Required value", "spec.scaleIO.volumeName: Required value"],
		],
		[
			"storageos",
			{ storageos: { secretRef: { name: "a" } } },
			["spec.storageos.volumeName: Required value", "spec.storageos.secretRef.namespace: Required value"],
		],
		[
			"csi",
			{ csi: { nodePublishSecretRef: { name: "A" } } },
			[
				"spec.csi.driver: Required value",
				`spec.csi.driver: Invalid value: "": ${subdomain}`,
				"spec.csi.volumeHandle: Required value",
				`spec.csi.nodePublishSecretRef.name: Invalid value: "A": ${subdomain}`,
				"spec.csi.nodePublishSecretRef.namespace: Required value",
			],
		],
	])("%s", (_, spec, expected) => {
		expect(createProblems(kind, object({ ...base, ...spec }))).toEqual(expected);
	});

	it.each<[string, object, object, readonly string[]]>([
		["stays", { csi }, { csi }, []],
		[
			"another source",
			{ csi: { ...csi, volumeHandle: "vol-2" } },
			{ csi },
			["spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation"],
		],
		["a secret to grow with", { csi: { ...csi, controllerExpandSecretRef: { name: "a", namespace: "b" } } }, { csi }, []],
		["another mode", { csi, volumeMode: "Block" }, { csi }, ['volumeMode: Invalid value: "Block": field is immutable']],
		["an affinity", { csi, nodeAffinity: affinity("a") }, { csi }, []],
		[
			"another affinity",
			{ csi, nodeAffinity: affinity("b") },
			{ csi, nodeAffinity: affinity("a") },
			[
				'nodeAffinity: Invalid value: {"Required":{"NodeSelectorTerms":[{"MatchExpressions":[{"Key":"b","Operator":"In","Values":["a"]}],"MatchFields":null}]}}: field is immutable, except for updating from beta label to GA',
			],
		],
		[
			"the new name of a label",
			{ csi, nodeAffinity: affinity("topology.kubernetes.io/zone") },
			{ csi, nodeAffinity: affinity("failure-domain.beta.kubernetes.io/zone") },
			[],
		],
		[
			"no attributes any more",
			{ csi },
			{ csi, volumeAttributesClassName: "gold" },
			["spec.volumeAttributesClassName: Forbidden: update from non-nil value to nil is forbidden"],
		],
	])("may become: %s", (_, spec, old, expected) => {
		expect(changeProblems(kind, object({ ...base, ...spec }), defaulted(kind, object({ ...base, ...old })))).toEqual(expected);
	});

	it("warns of what is old", () => {
		const annotations = { "volume.beta.kubernetes.io/storage-class": "a", "volume.beta.kubernetes.io/mount-options": "ro" };
		const spec = {
			persistentVolumeReclaimPolicy: "Recycle",
			storageos: {},
			nodeAffinity: affinity("beta.kubernetes.io/arch"),
		};
		expect(kind.warnings?.({ metadata: { annotations }, spec } as KubeObject)).toEqual([
			'metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use "storageClassName" attribute instead',
			'metadata.annotations[volume.beta.kubernetes.io/mount-options]: deprecated since v1.31; use "mountOptions" attribute instead',
			"spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.",
			'spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].key: beta.kubernetes.io/arch is deprecated since v1.14; use "kubernetes.io/arch" instead',
			"spec.storageOS: deprecated in v1.22, non-functional in v1.25+",
		]);
	});
});

describe("PersistentVolumeClaim", () => {
	const kind = kindOf(coreKinds, "persistentvolumeclaims");
	const sized = (storage: string) => ({ accessModes: ["ReadWriteOnce"], resources: { requests: { storage } } });
	const base = sized("2Gi");
	const snapshot = { apiGroup: "snapshot.storage.k8s.io", kind: "VolumeSnapshot", name: "a" };

	it.each<[string, object, readonly string[]]>([
		["a good one", base, []],
		["nothing", {}, ["spec.accessModes: Required value: at least 1 access mode is required", "spec.resources[storage]: Required value"]],
		["nothing to store", sized("0"), ['spec.resources[storage]: Invalid value: "0": must be greater than zero']],
		["a mode that nobody knows", { ...base, accessModes: ["Any"] }, [`spec.accessModes: Unsupported value: "Any": ${modes}`]],
		[
			"names that could not be",
			{ ...base, storageClassName: "A", volumeAttributesClassName: "B", volumeMode: "Tape" },
			[
				`spec.storageClassName: Invalid value: "A": ${subdomain}`,
				'spec.volumeMode: Unsupported value: "Tape": supported values: "Block", "Filesystem"',
				`spec.volumeAttributesClassName: Invalid value: "B": ${subdomain}`,
			],
		],
		[
			"a bad selector",
			{ ...base, selector: { matchLabels: { a: "-" } } },
			[
				"spec.selector.matchLabels: Invalid value: \"-\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
			],
		],
		[
			"a source of no group",
			{ ...base, dataSourceRef: { kind: "Pod", name: "" } },
			[
				"spec.dataSource.name: Required value",
				"spec.dataSource: Invalid value: \"Pod\": must be 'PersistentVolumeClaim' when referencing the default apiGroup",
				"spec.dataSourceRef.name: Required value",
				"spec.dataSourceRef: Invalid value: \"Pod\": must be 'PersistentVolumeClaim' when referencing the default apiGroup",
			],
		],
		[
			"two sources",
			{ ...base, dataSource: snapshot, dataSourceRef: { ...snapshot, name: "b" } },
			["spec: Invalid value: {}: must match dataSourceRef"],
		],
	])("%s", (_, spec, expected) => {
		expect(createProblems(kind, object(spec))).toEqual(expected);
	});

	it("says in both fields where its data come from, and drops what it does not know", () => {
		const prepared = (spec: object) => (stored(kind, object({ ...base, ...spec })) as unknown as { spec: object }).spec;
		expect(prepared({ dataSource: snapshot })).toMatchObject({ dataSource: snapshot, dataSourceRef: snapshot });
		expect(prepared({ dataSourceRef: { ...snapshot, kind: "Cake" } })).toMatchObject({ dataSource: { ...snapshot, kind: "Cake" } });
		expect(prepared({ dataSource: { ...snapshot, kind: "Cake" } })).not.toHaveProperty("dataSource");
		expect(prepared({ dataSourceRef: { ...snapshot, namespace: "other" } })).not.toHaveProperty("dataSourceRef");
	});

	const immutable =
		"spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
	const bound = { phase: "Bound", capacity: { storage: "1Gi" } };
	const shrunk = "spec.resources.requests.storage: Forbidden: field can not be less than status.capacity";
	it.each<[string, object, object, object, readonly string[]]>([
		["a volume, once", { ...base, volumeName: "pv-1" }, base, {}, []],
		["another volume", { ...base, volumeName: "pv-2" }, { ...base, volumeName: "pv-1" }, {}, [immutable]],
		["a class, once", { ...base, storageClassName: "fast" }, base, {}, []],
		["another class", { ...base, storageClassName: "fast" }, { ...base, storageClassName: "slow" }, {}, [immutable]],
		["a larger one before it is bound", sized("3Gi"), base, { phase: "Pending" }, [immutable]],
		["a larger one", sized("3Gi"), base, bound, []],
		["a smaller one than asked for", sized("1.5Gi"), base, bound, []],
		["a smaller one than there is", sized("1Gi"), base, bound, [shrunk]],
		["another mode", { ...base, volumeMode: "Block" }, base, bound, [immutable, 'volumeMode: Invalid value: "Block": field is immutable']],
		["other attributes", { ...base, volumeAttributesClassName: "b" }, { ...base, volumeAttributesClassName: "a" }, bound, []],
		[
			"no attributes",
			base,
			{ ...base, volumeAttributesClassName: "a" },
			bound,
			[immutable, "spec.volumeAttributesClassName: Forbidden: update from non-nil value to nil is forbidden"],
		],
	])("may become: %s", (_, spec, old, status, expected) => {
		expect(changeProblems(kind, object(spec, { status }), defaulted(kind, object(old, { status })))).toEqual(expected);
	});

	it("keeps its class where it was written, or moves it to the field", () => {
		const annotated = (value: string | undefined, spec: object) => ({
			metadata: { ...metadata, ...(value === undefined ? {} : { annotations: { "volume.beta.kubernetes.io/storage-class": value } }) },
			spec,
		});
		const old = defaulted(kind, annotated("fast", base) as KubeObject);
		expect(changeProblems(kind, annotated("slow", base) as KubeObject, old)).toEqual([
			'metadata.annotations[volume.beta.kubernetes.io/storage-class]: Invalid value: "slow": field is immutable',
		]);
		expect(changeProblems(kind, annotated(undefined, { ...base, storageClassName: "fast" }) as KubeObject, old)).toEqual([]);
	});

	it("has a status of sizes and of how resizing goes", () => {
		const status = {
			capacity: { storage: "-1" },
			allocatedResources: { cpu: "1", storage: "1Gi" },
			allocatedResourceStatuses: { storage: "Done" },
		};
		expect(kind.validateStatusUpdate?.(object({}, { status }), object({})).map(String)).toEqual([
			"Spec.accessModes: Required value",
			"status.capacity[storage]: Invalid value: -1: must be a valid resource quantity",
			'status.allocatedResourceStatus: Unsupported value: "storage": supported values: "ControllerResizeInProgress", "ControllerResizeInfeasible", "NodeResizeInProgress", "NodeResizeInfeasible", "NodeResizePending"',
			'status.allocatedResources: Unsupported value: "cpu": supported values: "storage"',
		]);
	});

	it("warns of parts of bytes", () => {
		expect(kind.warnings?.(object(sized("1500m")))).toEqual([
			'spec.resources.requests[storage]: fractional byte value "1500m" is invalid, must be an integer',
		]);
	});
});
