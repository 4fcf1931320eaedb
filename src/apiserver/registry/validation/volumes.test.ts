import { describe, expect, it } from "vitest";
import { eachRow, specProblems } from "../testing/pod-probe.ts";
import { validateVolumes } from "./volumes.ts";

const at = "spec.volumes[0]";
const MODE = "must be a number between 0 and 0777 (octal), both inclusive";
const SUBDOMAIN =
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

describe("names and number of sources", () => {
	const emptyDir = {};
	eachRow(
		[
			[[{ name: "a" }, { name: "b", emptyDir: { medium: "Memory", sizeLimit: "1Gi" } }]],
			[[{ emptyDir }], `${at}.name: Required value`],
			[[{ name: "a.b" }], `${at}.name: Invalid value: "a.b": must not contain dots`],
			[[{ name: "a" }, { name: "a" }], 'spec.volumes[1].name: Duplicate value: "a"'],
			[[{ name: "a", emptyDir, hostPath: { path: "/a" } }], `${at}.hostPath: Forbidden: may not specify more than 1 volume type`],
			[
				[{ name: "a", emptyDir, cephfs: { monitors: ["m"] }, downwardAPI: {}, configMap: { name: "c" } }],
				`${at}.cephFS: Forbidden: may not specify more than 1 volume type`,
				`${at}.downwarAPI: Forbidden: may not specify more than 1 volume type`,
				`${at}.configMap: Forbidden: may not specify more than 1 volume type`,
			],
			[[{ name: "d" }, { name: "p", persistentVolumeClaim: { claimName: "web-d" } }]],
		],
		(change, errors) => expect(specProblems({ volumes: change })).toEqual(errors),
	);

	it("are at least one source", () => {
		expect(validateVolumes([{ name: "a" }], "web", "spec.volumes").errors.map(String)).toEqual([
			"spec.volumes[0]: Required value: must specify a volume type",
		]);
	});
});

describe("a source", () => {
	eachRow(
		[
			[{ emptyDir: { sizeLimit: "-1" } }, `${at}.emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity`],
			[{ hostPath: { path: "/a", type: "DirectoryOrCreate" } }],
			[{ hostPath: { path: "" } }, `${at}.hostPath.path: Required value`],
			[{ hostPath: { path: "/a/../b" } }, `${at}.hostPath.path: Invalid value: "/a/../b": must not contain '..'`],
			[
				{ hostPath: { path: "/a", type: "Pipe" } },
				`${at}.hostPath.type: Unsupported value: "Pipe": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"`,
			],
			[{ gitRepo: { repository: "https://example.com/a", directory: "b" } }],
			[{ gitRepo: { repository: "" } }, `${at}.gitRepo.repository: Required value`],
			[{ gitRepo: { repository: "a", directory: "/b" } }, `${at}.gitRepo.directory: Invalid value: "/b": must be a relative path`],
			[{ gitRepo: { repository: "a", directory: "../b" } }, `${at}.gitRepo.directory: Invalid value: "../b": must not contain '..'`],
			[{ gcePersistentDisk: { pdName: "" } }, `${at}.persistentDisk.pdName: Required value`],
			[
				{ gcePersistentDisk: { pdName: "a", partition: 256 } },
				`${at}.persistentDisk.partition: Invalid value: 256: must be between 1 and 255, inclusive`,
			],
			[{ awsElasticBlockStore: { volumeID: "" } }, `${at}.awsElasticBlockStore.volumeID: Required value`],
			[
				{ awsElasticBlockStore: { volumeID: "a", partition: -1 } },
				`${at}.awsElasticBlockStore.partition: Invalid value: -1: must be between 1 and 255, inclusive`,
			],
			[{ nfs: { server: "a", path: "/b" } }],
			[
				{ nfs: { server: "", path: "b" } },
				`${at}.nfs.server: Required value`,
				`${at}.nfs.path: Invalid value: "b": must be an absolute path`,
			],
			[{ nfs: { server: "a", path: "" } }, `${at}.nfs.path: Required value`, `${at}.nfs.path: Invalid value: "": must be an absolute path`],
			[{ iscsi: { targetPortal: "10.0.0.1", iqn: "iqn.2015-02.example.com:test", lun: 1 } }],
			[
				{ iscsi: { targetPortal: "", iqn: "", lun: 256 } },
				`${at}.iscsi.targetPortal: Required value`,
				`${at}.iscsi.iqn: Required value`,
				`${at}.iscsi.lun: Invalid value: 256: must be between 0 and 255, inclusive`,
			],
			[
				{ iscsi: { targetPortal: "a", iqn: "abc", lun: 0 } },
				`${at}.iscsi.iqn: Invalid value: "abc": must be valid format starting with iqn, eui, or naa`,
			],
			[{ iscsi: { targetPortal: "a", iqn: "iqn.2015", lun: 0 } }, `${at}.iscsi.iqn: Invalid value: "iqn.2015": must be valid format`],
			[
				{ iscsi: { targetPortal: "a", iqn: "eui.0123456789ABCDEF", lun: 0, chapAuthSession: true } },
				`${at}.iscsi.secretRef: Required value`,
			],
			[
				{ iscsi: { targetPortal: "a".repeat(70), iqn: "eui.0123456789ABCDEF", lun: 0, initiatorName: "eui.0123456789ABCDEF" } },
				`${at}.name: Invalid value: "v": Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.`,
			],
			[{ glusterfs: { endpoints: "", path: "" } }, `${at}.glusterfs.endpoints: Required value`, `${at}.glusterfs.path: Required value`],
			[{ flocker: { datasetName: "a" } }],
			[{ flocker: {} }, `${at}.flocker: Required value: one of datasetName and datasetUUID is required`],
			[
				{ flocker: { datasetName: "a/b", datasetUUID: "c" } },
				`${at}.flocker: Invalid value: "resource": datasetName and datasetUUID can not be specified simultaneously`,
				`${at}.flocker.datasetName: Invalid value: "a/b": must not contain '/'`,
			],
			[{ persistentVolumeClaim: { claimName: "" } }, `${at}.persistentVolumeClaim.claimName: Required value`],
			[{ rbd: { monitors: [], image: "" } }, `${at}.rbd.monitors: Required value`, `${at}.rbd.image: Required value`],
			[{ cinder: { volumeID: "", secretRef: {} } }, `${at}.cinder.volumeID: Required value`, `${at}.cinder.secretRef.name: Required value`],
			[{ cephfs: { monitors: [] } }, `${at}.cephfs.monitors: Required value`],
			[{ quobyte: { registry: "host:1,[::1]:2", volume: "a" } }],
			[
				{ quobyte: { registry: "", volume: "" } },
				`${at}.quobyte.registry: Required value: must be a host:port pair or multiple pairs separated by commas`,
				`${at}.quobyte.volume: Required value`,
			],
			[
				{ quobyte: { registry: "host", volume: "a" } },
				`${at}.quobyte.registry: Invalid value: "host": must be a host:port pair or multiple pairs separated by commas`,
			],
			[
				{ quobyte: { registry: "host:1", volume: "a", tenant: "t".repeat(65) } },
				`${at}.quobyte.tenant: Required value: must be a UUID and may not exceed a length of 64 characters`,
			],
			[{ fc: { targetWWNs: ["a"], lun: 0 } }],
			[{ fc: { wwids: ["a"] } }],
			[{ fc: {} }, `${at}.fc.targetWWNs: Required value: must specify either targetWWNs or wwids, but not both`],
			[{ fc: { targetWWNs: ["a"] } }, `${at}.fc.lun: Required value: lun is required if targetWWNs is specified`],
			[{ fc: { targetWWNs: ["a"], lun: 256 } }, `${at}.fc.lun: Invalid value: 256: must be between 0 and 255, inclusive`],
			[
				{ fc: { targetWWNs: ["a"], wwids: ["b"], lun: 1 } },
				`${at}.fc.targetWWNs: Invalid value: ["a"]: targetWWNs and wwids can not be specified simultaneously`,
			],
			[{ flexVolume: { driver: "a/b", options: { "example.com/c": "d" } } }],
			[{ flexVolume: { driver: "" } }, `${at}.flexVolume.driver: Required value`],
			[
				{ flexVolume: { driver: "a", options: { "kubernetes.io/c": "d" } } },
				`${at}.flexVolume.options[kubernetes.io/c]: Invalid value: "kubernetes.io/c": kubernetes.io and k8s.io namespaces are reserved`,
			],
			[
				{ flexVolume: { driver: "a", options: { "a.K8s.io/c": "d" } } },
				`${at}.flexVolume.options[a.K8s.io/c]: Invalid value: "a.K8s.io/c": kubernetes.io and k8s.io namespaces are reserved`,
			],
			[
				{ azureFile: { secretName: "", shareName: "" } },
				`${at}.azureFile.secretName: Required value`,
				`${at}.azureFile.shareName: Required value`,
			],
			[{ vsphereVolume: { volumePath: "" } }, `${at}.vsphereVolume.volumePath: Required value`],
			[{ photonPersistentDisk: { pdID: "" } }, `${at}.photonPersistentDisk.pdID: Required value`],
			[{ portworxVolume: { volumeID: "" } }, `${at}.portworxVolume.volumeID: Required value`],
			[{ azureDisk: { diskName: "a", diskURI: "https://b" } }],
			[{ azureDisk: { diskName: "a", diskURI: "/subscriptions/b", kind: "Managed" } }],
			[
				{ azureDisk: { diskName: "", diskURI: "https://a", cachingMode: "Full", kind: "Other" } },
				`${at}.azureDisk.diskName: Required value`,
				`${at}.azureDisk.cachingMode: Unsupported value: "Full": supported values: "None", "ReadOnly", "ReadWrite"`,
				`${at}.azureDisk.kind: Unsupported value: "Other": supported values: "Dedicated", "Managed", "Shared"`,
			],
			[
				{ azureDisk: { diskName: "a", diskURI: "b", kind: "Managed" } },
				`${at}.azureDisk.diskURI: Unsupported value: "b": supported values: "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"`,
			],
			[
				{ azureDisk: { diskName: "a", diskURI: "b" } },
				`${at}.azureDisk.diskURI: Unsupported value: "b": supported values: "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"`,
			],
			[{ storageos: { volumeName: "" } }, `${at}.storageos.volumeName: Required value`],
			[
				{ storageos: { volumeName: "a.b", volumeNamespace: "c.d", secretRef: {} } },
				`${at}.storageos.volumeName: Invalid value: "a.b": must not contain dots`,
				`${at}.storageos.volumeNamespace: Invalid value: "c.d": must not contain dots`,
				`${at}.storageos.secretRef.name: Required value`,
			],
			[
				{ scaleIO: { gateway: "", system: "", volumeName: "" } },
				`${at}.scaleIO.gateway: Required value`,
				`${at}.scaleIO.system: Required value`,
				`${at}.scaleIO.volumeName: Required value`,
			],
			[{ csi: { driver: "csi.example.com", nodePublishSecretRef: { name: "a" } } }],
			[{ csi: { driver: "" } }, `${at}.csi.driver: Required value`, `${at}.csi.driver: Invalid value: "": ${SUBDOMAIN}`],
			[{ csi: { driver: "a", nodePublishSecretRef: {} } }, `${at}.csi.nodePublishSecretRef.name: Required value`],
			[{ csi: { driver: "a", nodePublishSecretRef: { name: "B" } } }, `${at}.csi.name: Invalid value: "B": ${SUBDOMAIN}`],
			[{ image: { reference: "a:1" } }],
			[
				{ image: { pullPolicy: "Sometimes" } },
				`${at}.image.reference: Required value`,
				`${at}.image.pullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"`,
			],
		],
		(change, errors) => expect(specProblems({ volumes: [{ name: "v", ...change }] })).toEqual(errors),
	);
});

describe("files from the API", () => {
	const item = { key: "k", path: "p" };
	eachRow(
		[
			[{ configMap: { name: "a", items: [{ ...item, mode: 0o400 }], defaultMode: 0o777 } }],
			[{ configMap: {} }, `${at}.configMap.name: Required value`],
			[{ configMap: { name: "a", defaultMode: 0o1000 } }, `${at}.configMap.defaultMode: Invalid value: 512: ${MODE}`],
			[
				{ configMap: { name: "a", items: [{}] } },
				`${at}.configMap.items[0].key: Required value`,
				`${at}.configMap.items[0].path: Required value`,
			],
			[
				{ configMap: { name: "a", items: [{ key: "k", path: "/p" }] } },
				`${at}.configMap.items[0].path: Invalid value: "/p": must be a relative path`,
			],
			[
				{ configMap: { name: "a", items: [{ key: "k", path: "../p" }] } },
				`${at}.configMap.items[0].path: Invalid value: "../p": must not contain '..'`,
			],
			[
				{ configMap: { name: "a", items: [{ key: "k", path: "..p" }] } },
				`${at}.configMap.items[0].path: Invalid value: "..p": must not start with '..'`,
			],
			[{ configMap: { name: "a", items: [{ ...item, mode: -1 }] } }, `${at}.configMap.items[0].mode: Invalid value: -1: ${MODE}`],
			[{ secret: {} }, `${at}.secret.secretName: Required value`],
			[{ secret: { secretName: "a", items: [{ key: "k" }] } }, `${at}.secret.items[0].path: Required value`],
			[{ downwardAPI: { items: [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }] } }],
			[{ downwardAPI: { items: [{ path: "cpu", resourceFieldRef: { containerName: "app", resource: "limits.cpu" } }] } }],
			[
				{ downwardAPI: { items: [{ path: "a", fieldRef: { fieldPath: "spec.nodeName" } }] } },
				`${at}.downwardAPI.fieldRef.fieldPath: Unsupported value: "spec.nodeName": supported values: "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"`,
			],
			[
				{ downwardAPI: { items: [{ path: "a", resourceFieldRef: { resource: "limits.cpu" } }] } },
				`${at}.downwardAPI.resourceFieldRef.containerName: Required value`,
			],
			[{ downwardAPI: { items: [{ path: "a" }] } }, `${at}.downwardAPI: Required value: one of fieldRef and resourceFieldRef is required`],
			[
				{ downwardAPI: { items: [{ path: "a", fieldRef: { fieldPath: "metadata.name" }, resourceFieldRef: {} }] } },
				`${at}.downwardAPI: Invalid value: "resource": fieldRef and resourceFieldRef can not be specified simultaneously`,
			],
			[
				{ downwardAPI: { items: [{ fieldRef: { fieldPath: "metadata.name" }, mode: 0o1000 }] } },
				`${at}.downwardAPI.path: Required value`,
				`${at}.downwardAPI.mode: Invalid value: 512: ${MODE}`,
			],
		],
		(change, errors) => expect(specProblems({ volumes: [{ name: "v", ...change }] })).toEqual(errors),
	);
});

describe("several sources in one", () => {
	const projected = `${at}.projected`;
	const token = { path: "token" };
	eachRow(
		[
			[[{ serviceAccountToken: token }, { configMap: { name: "a" } }, { secret: { name: "b" } }, { downwardAPI: { items: [] } }]],
			[[{}]],
			[[{ clusterTrustBundle: { name: "a", path: "b" } }, { podCertificate: { signerName: "a", keyType: "b" } }]],
			[[{ configMap: {} }], `${projected}.sources[0].configMap.name: Required value`],
			[[{ secret: {} }], `${projected}.sources[0].secret.name: Required value`],
			[
				[{ secret: { name: "a" }, configMap: { name: "a" } }],
				`${projected}.sources[0]: Forbidden: may not specify more than 1 volume type per source`,
			],
			[
				[{ configMap: { name: "a", items: [{ key: "k", path: "p" }] } }, { secret: { name: "b", items: [{ key: "k", path: "p" }] } }],
				`${projected}: Invalid value: "b": conflicting duplicate paths`,
			],
			[
				[{ serviceAccountToken: { ...token, expirationSeconds: 599 } }],
				`${projected}.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes`,
			],
			[
				[{ serviceAccountToken: { ...token, expirationSeconds: 2 ** 32 + 1 } }],
				`${projected}.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds`,
			],
			[[{ serviceAccountToken: {} }], `${projected}.path: Required value`],
			[[{ serviceAccountToken: { path: "/a" } }], `${projected}.path: Invalid value: "/a": must be a relative path`],
			[
				[{ downwardAPI: { items: [{ path: "a" }] } }],
				`${projected}.sources[0].downwardAPI: Required value: one of fieldRef and resourceFieldRef is required`,
			],
		],
		(change, errors) => {
			const volumes = [{ name: "v", projected: { sources: change } }];
			expect(specProblems({ serviceAccountName: "robot", volumes })).toEqual(errors);
		},
	);

	it("have no token where there is no account", () => {
		expect(specProblems({ volumes: [{ name: "v", projected: { sources: [{ serviceAccountToken: token }] } }] })).toEqual([
			`${projected}.sources[0].serviceAccountToken: Forbidden: must not be specified when serviceAccountName is not set`,
		]);
	});

	it("have a mode", () => {
		expect(specProblems({ volumes: [{ name: "v", projected: { defaultMode: -1 } }] })).toEqual([
			`${projected}.defaultMode: Invalid value: -1: ${MODE}`,
		]);
	});
});

describe("a claim of a volume's own", () => {
	const claim = `${at}.ephemeral.volumeClaimTemplate`;
	const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
	const MODES = 'supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"';
	eachRow(
		[
			[{ spec }],
			[{ spec, metadata: { labels: { a: "b" }, annotations: { c: "d" } } }],
			[{ spec, metadata: { name: "x" } }, `${claim}.metadata.name: Forbidden: cannot be set`],
			[{ spec: { ...spec, accessModes: [] } }, `${claim}.spec.accessModes: Required value: at least 1 access mode is required`],
			[{ spec: { ...spec, accessModes: ["Any"] } }, `${claim}.spec.accessModes: Unsupported value: "Any": ${MODES}`],
			[
				{ spec: { ...spec, accessModes: ["ReadWriteOncePod", "ReadWriteOnce"] } },
				`${claim}.spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes`,
			],
			[{ spec: { accessModes: ["ReadWriteOnce"] } }, `${claim}.spec.resources[storage]: Required value`],
			[
				{ spec: { ...spec, resources: { requests: { storage: "0" } } } },
				`${claim}.spec.resources[storage]: Invalid value: "0": must be greater than zero`,
			],
			[{ spec: { ...spec, storageClassName: "A" } }, `${claim}.spec.storageClassName: Invalid value: "A": ${SUBDOMAIN}`],
			[
				{ spec: { ...spec, volumeMode: "Tape" } },
				`${claim}.spec.volumeMode: Unsupported value: "Tape": supported values: "Block", "Filesystem"`,
			],
			[
				{ spec: { ...spec, dataSource: { kind: "Other", name: "a" } } },
				`${claim}.spec.dataSource: Invalid value: "Other": must be 'PersistentVolumeClaim' when referencing the default apiGroup`,
			],
			[
				{ spec: { ...spec, dataSource: { apiGroup: "snapshot.storage.k8s.io", kind: "VolumeSnapshot", name: "" } } },
				`${claim}.spec.dataSource.name: Required value`,
			],
		],
		(change, errors) => expect(specProblems({ volumes: [{ name: "v", ephemeral: { volumeClaimTemplate: change } }] })).toEqual(errors),
	);

	eachRow(
		[
			[[{ name: "v", ephemeral: {} }], `${at}.ephemeral.volumeClaimTemplate: Required value`],
			[
				[
					{ name: "v", ephemeral: { volumeClaimTemplate: { spec } } },
					{ name: "w", persistentVolumeClaim: { claimName: "web-v" } },
				],
				'spec.volumes[1].persistentVolumeClaim.claimName: Invalid value: "web-v": must not reference a PVC that gets created for an ephemeral volume',
			],
		],
		(change, errors) => expect(specProblems({ volumes: change })).toEqual(errors),
	);
});
