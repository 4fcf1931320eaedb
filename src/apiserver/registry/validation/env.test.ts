import { describe, expect } from "vitest";
import { containerProblems, eachRow, specProblems } from "../testing/pod-probe.ts";

const at = "spec.containers[0].env[0]";
const SUBDOMAIN =
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const CONFIG_KEY =
	"a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
const ENV_NAME = "a valid environment variable name must consist only of printable ASCII characters other than '='";
const ONE_OF = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`";

describe("an environment variable", () => {
	eachRow(
		[
			[{ name: "A", value: "1" }],
			[{ name: "a b-!", value: "" }],
			[{}, `${at}.name: Required value`],
			[{ name: "A=B" }, `${at}.name: Invalid value: "A=B": ${ENV_NAME}`],
			[{ name: "Ä" }, `${at}.name: Invalid value: "Ä": ${ENV_NAME}`],
			[{ name: "A", valueFrom: {} }, `${at}.valueFrom: Invalid value: "": ${ONE_OF}`],
			[
				{ name: "A", value: "1", valueFrom: { secretKeyRef: { name: "s", key: "k" } } },
				`${at}.valueFrom: Invalid value: "": may not be specified when \`value\` is not empty`,
			],
			[
				{ name: "A", valueFrom: { secretKeyRef: { name: "s", key: "k" }, configMapKeyRef: { name: "s", key: "k" } } },
				`${at}.valueFrom: Invalid value: "": may not have more than one field specified at a time`,
			],
		],
		(change, errors) => expect(containerProblems({ env: [change] })).toEqual(errors),
	);
});

describe("a variable's value", () => {
	const from = `${at}.valueFrom`;
	const fieldRef = (fieldPath: string, apiVersion = "v1") => ({ fieldRef: { fieldPath, apiVersion } });
	const FIELDS =
		'supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"';
	const unsupported = (field: string) =>
		`${from}.fieldRef.fieldPath: Invalid value: "${field}": error converting fieldPath: field label not supported: ${field}`;
	const RESOURCES =
		'supported values: "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory"';
	eachRow(
		[
			...[
				"metadata.name",
				"metadata.namespace",
				"metadata.uid",
				"spec.nodeName",
				"spec.serviceAccountName",
				"status.hostIP",
				"status.hostIPs",
				"status.podIP",
				"status.podIPs",
			].map((field) => [fieldRef(field)] as const),
			[fieldRef("metadata.labels['app']")],
			[fieldRef("metadata.annotations['example.com/a']")],
			[fieldRef("metadata.labels"), `${from}.fieldRef.fieldPath: Unsupported value: "metadata.labels": ${FIELDS}`],
			[fieldRef("status.phase"), `${from}.fieldRef.fieldPath: Unsupported value: "status.phase": ${FIELDS}`],
			[fieldRef("spec.image"), unsupported("spec.image")],
			[
				fieldRef("metadata.uid", "v2"),
				`${from}.fieldRef.fieldPath: Invalid value: "metadata.uid": error converting fieldPath: unsupported pod version: v2`,
			],
			[{ fieldRef: {} }, `${from}.fieldRef.fieldPath: Required value`],
			[
				fieldRef("metadata.labels['a b']"),
				`${from}.fieldRef: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`,
			],
			[{ resourceFieldRef: { resource: "limits.cpu" } }],
			[{ resourceFieldRef: { resource: "requests.memory", divisor: "1Mi" } }],
			[{ resourceFieldRef: { resource: "limits.hugepages-2Mi" } }],
			[{ resourceFieldRef: {} }, `${from}.resourceFieldRef.resource: Required value`],
			[
				{ resourceFieldRef: { resource: "limits.gpu" } },
				`${from}.resourceFieldRef.resource: Unsupported value: "limits.gpu": ${RESOURCES}`,
			],
			[
				{ resourceFieldRef: { resource: "limits.cpu", divisor: "2" } },
				`${from}.resourceFieldRef.divisor: Invalid value: "limits.cpu": only divisor's values 1m and 1 are supported with the cpu resource`,
			],
			[
				{ resourceFieldRef: { resource: "limits.memory", divisor: "2" } },
				`${from}.resourceFieldRef.divisor: Invalid value: "limits.memory": only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the memory resource`,
			],
			[
				{ resourceFieldRef: { resource: "limits.ephemeral-storage", divisor: "1m" } },
				`${from}.resourceFieldRef.divisor: Invalid value: "limits.ephemeral-storage": only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the local ephemeral storage resource`,
			],
			[{ configMapKeyRef: { name: "a", key: "b" } }],
			[{ configMapKeyRef: { name: "a" } }, `${from}.configMapKeyRef.key: Required value`],
			[{ configMapKeyRef: { name: "A", key: "b" } }, `${from}.configMapKeyRef.name: Invalid value: "A": ${SUBDOMAIN}`],
			[{ configMapKeyRef: { key: "b" } }, `${from}.configMapKeyRef.name: Invalid value: "": ${SUBDOMAIN}`],
			[{ secretKeyRef: { name: "a", key: "b!" } }, `${from}.secretKeyRef.key: Invalid value: "b!": ${CONFIG_KEY}`],
			[{ secretKeyRef: { name: "a", key: ".." } }, `${from}.secretKeyRef.key: Invalid value: "..": must not be '..'`],
			[{ secretKeyRef: { name: "a", key: "..b" } }, `${from}.secretKeyRef.key: Invalid value: "..b": must not start with '..'`],
		],
		(change, errors) => expect(containerProblems({ env: [{ name: "A", valueFrom: change }] })).toEqual(errors),
	);
});

describe("a variable's value from a file", () => {
	const from = `${at}.valueFrom.fileKeyRef`;
	const ref = { key: "A", volumeName: "files", path: "env" };
	eachRow(
		[
			[ref],
			[{ ...ref, path: "a/../b" }, `${from}.path: Invalid value: "a/../b": must not contain '..'`],
			[{ ...ref, path: "" }, `${from}.path: Required value`],
			[{ ...ref, key: "" }, `${from}.key: Required value`],
			[{ ...ref, key: "A=" }, `${from}.key: Invalid value: "A=": ${ENV_NAME}`],
			[{ ...ref, volumeName: "" }, `${from}.volumeName: Required value`, `${from}.volumeName: Not found: ""`],
			[{ ...ref, volumeName: "other" }, `${from}.volumeName: Not found: "other"`],
			[{ ...ref, volumeName: "claim" }, `${from}.volumeName: Invalid value: "claim": referenced volume must be of type emptyDir`],
		],
		(change, errors) => {
			const volumes = [{ name: "files" }, { name: "claim", persistentVolumeClaim: { claimName: "c" } }];
			const env = [{ name: "A", valueFrom: { fileKeyRef: change } }];
			expect(specProblems({ volumes, containers: [{ name: "app", image: "nginx", env }] })).toEqual(errors);
		},
	);
});

describe("a source of variables", () => {
	const list = "spec.containers[0].envFrom";
	eachRow(
		[
			[{ configMapRef: { name: "a" } }],
			[{ prefix: "P_", secretRef: { name: "a" } }],
			[{ prefix: "a=b", secretRef: { name: "a" } }, `${list}[0].prefix: Invalid value: "a=b": ${ENV_NAME}`],
			[{ configMapRef: {} }, `${list}[0].configMapRef.name: Required value`],
			[{ secretRef: { name: "A" } }, `${list}[0].secretRef.name: Invalid value: "A": ${SUBDOMAIN}`],
			[{}, `${list}: Invalid value: "": must specify one of: \`configMapRef\` or \`secretRef\``],
			[
				{ configMapRef: { name: "a" }, secretRef: { name: "a" } },
				`${list}: Invalid value: "": may not have more than one field specified at a time`,
			],
		],
		(change, errors) => expect(containerProblems({ envFrom: [change] })).toEqual(errors),
	);
});
