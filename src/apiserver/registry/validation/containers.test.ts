import { describe, expect, it } from "vitest";
import { podKind } from "../core/pod.ts";
import { problems } from "../testing/kind-probe.ts";
import { app, containerProblems, eachRow, podOf, specProblems } from "../testing/pod-probe.ts";

const label63 = "must be no more than 63 characters";
const LABEL =
	"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

describe("containers", () => {
	eachRow(
		[
			[{ containers: [] }, "spec.containers: Required value"],
			[{ containers: [{ image: "a" }] }, "spec.containers[0].name: Required value"],
			[{ containers: [{ name: "A_", image: "a" }] }, `spec.containers[0].name: Invalid value: "A_": ${LABEL}`],
			[{ containers: [{ name: "a.b", image: "a" }] }, 'spec.containers[0].name: Invalid value: "a.b": must not contain dots'],
			[{ containers: [{ name: "a".repeat(64), image: "a" }] }, `spec.containers[0].name: Invalid value: "${"a".repeat(64)}": ${label63}`],
			[{ containers: [app, app] }, 'spec.containers[1].name: Duplicate value: "app"'],
			[
				{ containers: [{ image: "a" }, { image: "b" }] },
				"spec.containers[0].name: Required value",
				"spec.containers[1].name: Required value",
				'spec.containers[1].name: Duplicate value: ""',
			],
			[{ containers: [{ name: "a" }] }, "spec.containers[0].image: Required value"],
			[
				{ containers: [{ name: "a", image: " b" }] },
				'spec.containers[0].image: Invalid value: " b": must not have leading or trailing whitespace',
			],
			[
				{ containers: [{ name: "a", image: "b\n" }] },
				'spec.containers[0].image: Invalid value: "b\\n": must not have leading or trailing whitespace',
			],
		],
		(change, errors) => expect(specProblems(change)).toEqual(errors),
	);
});

describe("what any container has", () => {
	eachRow(
		[
			[{}],
			[
				{ imagePullPolicy: "Sometimes" },
				'spec.containers[0].imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"',
			],
			[
				{ terminationMessagePolicy: "Loud" },
				'spec.containers[0].terminationMessagePolicy: Unsupported value: "Loud": supported values: "File", "FallbackToLogsOnError"',
			],
			[{ terminationMessagePolicy: "FallbackToLogsOnError" }],
			[{ ports: [{ containerPort: 80 }, { containerPort: 443, protocol: "UDP", name: "web", hostIP: "10.0.0.1", hostPort: 8443 }] }],
			[{ ports: [{}] }, "spec.containers[0].ports[0].containerPort: Required value"],
			[
				{ ports: [{ containerPort: 65536 }] },
				"spec.containers[0].ports[0].containerPort: Invalid value: 65536: must be between 1 and 65535, inclusive",
			],
			[
				{ ports: [{ containerPort: -1 }] },
				"spec.containers[0].ports[0].containerPort: Invalid value: -1: must be between 1 and 65535, inclusive",
			],
			[
				{ ports: [{ containerPort: 80, hostPort: 70000 }] },
				"spec.containers[0].ports[0].hostPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
			],
			[
				{ ports: [{ containerPort: 80, protocol: "ICMP" }] },
				'spec.containers[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"',
			],
			[
				{ ports: [{ containerPort: 80, name: "web-server-is-here" }] },
				'spec.containers[0].ports[0].name: Invalid value: "web-server-is-here": must be no more than 15 characters',
			],
			[
				{ ports: [{ containerPort: 80, name: "123" }] },
				'spec.containers[0].ports[0].name: Invalid value: "123": must contain at least one letter (a-z)',
			],
			[
				{ ports: [{ containerPort: 80, name: "a--b" }] },
				'spec.containers[0].ports[0].name: Invalid value: "a--b": must not contain consecutive hyphens',
			],
			[
				{ ports: [{ containerPort: 80, name: "-a" }] },
				'spec.containers[0].ports[0].name: Invalid value: "-a": must not begin or end with a hyphen',
			],
			[
				{ ports: [{ containerPort: 80, name: "Web" }] },
				'spec.containers[0].ports[0].name: Invalid value: "Web": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
			],
			[
				{
					ports: [
						{ containerPort: 80, name: "web" },
						{ containerPort: 81, name: "web" },
					],
				},
				'spec.containers[0].ports[1].name: Duplicate value: "web"',
			],
			[
				{
					ports: [
						{ containerPort: 80, hostPort: 8080 },
						{ containerPort: 81, hostPort: 8080 },
					],
				},
				'spec.containers[0].ports[1].hostPort: Duplicate value: "TCP//8080"',
			],
			[
				{
					ports: [
						{ containerPort: 80, hostPort: 8080 },
						{ containerPort: 81, hostPort: 8080, protocol: "UDP" },
					],
				},
			],
			[
				{
					ports: [
						{ containerPort: 80, hostPort: 8080, hostIP: "10.0.0.1" },
						{ containerPort: 81, hostPort: 8080, hostIP: "10.0.0.1" },
					],
				},
				'spec.containers[0].ports[1].hostPort: Duplicate value: "TCP/10.0.0.1/8080"',
			],
			[
				{
					ports: [
						{ containerPort: 80, hostPort: 8080, hostIP: "10.0.0.1" },
						{ containerPort: 81, hostPort: 8080, hostIP: "10.0.0.2" },
					],
				},
			],
		],
		(change, errors) => expect(containerProblems(change)).toEqual(errors),
	);

	it("wants a port of the host for itself, whichever container has it", () => {
		const ports = [{ containerPort: 80, hostPort: 8080 }];
		expect(
			specProblems({
				containers: [
					{ ...app, ports },
					{ name: "b", image: "b", ports },
				],
			}),
		).toEqual(['spec.containers[1].ports[0].hostPort: Duplicate value: "TCP//8080"']);
	});

	eachRow(
		[
			[{ hostNetwork: true, containers: [{ ...app, ports: [{ containerPort: 80 }] }] }],
			[
				{ hostNetwork: true, containers: [{ ...app, ports: [{ containerPort: 80, hostPort: 81 }] }] },
				"spec.containers[0].ports[0].hostPort: Invalid value: 81: must match `containerPort` when `hostNetwork` is true",
			],
			[
				{ hostNetwork: true, initContainers: [{ name: "i", image: "i", ports: [{ containerPort: 80, hostPort: 81 }] }] },
				"spec.initContainers[0].ports[0].hostPort: Invalid value: 81: must match `containerPort` when `hostNetwork` is true",
			],
		],
		(change, errors) => expect(specProblems(change)).toEqual(errors),
	);
});

describe("restart policies and rules", () => {
	const exit = { action: "Restart", exitCodes: { operator: "In", values: [42] } };
	eachRow(
		[
			[{ restartPolicy: "Never", restartPolicyRules: [exit] }],
			[{ restartPolicy: "OnFailure", restartPolicyRules: [{ ...exit, action: "RestartAllContainers" }] }],
			[
				{ restartPolicy: "Sometimes" },
				'spec.containers[0].restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"',
			],
			[
				{ restartPolicyRules: [exit] },
				"spec.containers[0].restartPolicy: Required value: must specify restartPolicy when restart rules are used",
			],
			[
				{ restartPolicy: "Never", restartPolicyRules: Array(21).fill(exit) },
				"spec.containers[0].restartPolicyRules: Too many: 21: must have at most 20 items",
			],
			[
				{ restartPolicy: "Never", restartPolicyRules: [{ ...exit, action: "Stop" }] },
				'spec.containers[0].restartPolicyRules[0].action: Unsupported value: "Stop": supported values: "Restart", "RestartAllContainers"',
			],
			[
				{ restartPolicy: "Never", restartPolicyRules: [{ action: "Restart" }] },
				"spec.containers[0].restartPolicyRules[0].exitCodes: Required value: must be specified",
			],
			[
				{ restartPolicy: "Never", restartPolicyRules: [{ action: "Restart", exitCodes: { operator: "Is", values: [1] } }] },
				'spec.containers[0].restartPolicyRules[0].exitCodes.operator: Unsupported value: "Is": supported values: "In", "NotIn"',
			],
			[
				{ restartPolicy: "Never", restartPolicyRules: [{ action: "Restart", exitCodes: { operator: "In", values: Array(256).fill(1) } }] },
				"spec.containers[0].restartPolicyRules[0].exitCodes.values: Too many: 256: must have at most 255 items",
			],
			[
				{
					resizePolicy: [
						{ resourceName: "cpu", restartPolicy: "NotRequired" },
						{ resourceName: "memory", restartPolicy: "RestartContainer" },
					],
				},
			],
			[
				{
					resizePolicy: [
						{ resourceName: "cpu", restartPolicy: "NotRequired" },
						{ resourceName: "cpu", restartPolicy: "NotRequired" },
					],
				},
				'spec.containers[0].resizePolicy[1]: Duplicate value: "cpu"',
			],
			[
				{ resizePolicy: [{ resourceName: "gpu", restartPolicy: "NotRequired" }] },
				'spec.containers[0].resizePolicy: Unsupported value: "gpu": supported values: "cpu", "memory"',
			],
			[
				{ resizePolicy: [{ resourceName: "cpu", restartPolicy: "Maybe" }] },
				'spec.containers[0].resizePolicy: Unsupported value: "Maybe": supported values: "NotRequired", "RestartContainer"',
			],
		],
		(change, errors) => expect(containerProblems(change)).toEqual(errors),
	);

	it("has nothing to restart where the Pod never does", () => {
		const resizePolicy = [{ resourceName: "cpu", restartPolicy: "RestartContainer" }];
		expect(specProblems({ restartPolicy: "Never", containers: [{ ...app, resizePolicy }] })).toEqual([
			"spec.containers[0].resizePolicy: Invalid value: \"RestartContainer\": must be 'NotRequired' when pod `restartPolicy` is 'Never'",
		]);
	});
});

describe("init containers", () => {
	const init = { name: "init", image: "busybox" };
	const probe = { exec: { command: ["true"] } };
	const NOT_INIT = "may not be set for init containers without restartPolicy=Always";
	eachRow(
		[
			[init],
			[
				{
					...init,
					restartPolicy: "Always",
					readinessProbe: probe,
					livenessProbe: probe,
					startupProbe: probe,
					lifecycle: { preStop: probe },
				},
			],
			[{ ...init, restartPolicy: "OnFailure" }],
			[
				{ ...init, restartPolicy: "Once" },
				'spec.initContainers[0].restartPolicy: Unsupported value: "Once": supported values: "Always", "Never", "OnFailure"',
			],
			[
				{ ...init, restartPolicyRules: [{ action: "Restart", exitCodes: { operator: "In", values: [1] } }] },
				"spec.initContainers[0].restartPolicy: Required value: must specify restartPolicy when restart rules are used",
			],
			[{ ...init, name: "app" }, 'spec.initContainers[0].name: Duplicate value: "app"'],
			[{ image: "a" }, "spec.initContainers[0].name: Required value"],
			[
				{ ...init, lifecycle: { preStop: probe }, livenessProbe: probe, readinessProbe: probe, startupProbe: probe },
				`spec.initContainers[0].lifecycle: Forbidden: ${NOT_INIT}`,
				`spec.initContainers[0].livenessProbe: Forbidden: ${NOT_INIT}`,
				`spec.initContainers[0].readinessProbe: Forbidden: ${NOT_INIT}`,
				`spec.initContainers[0].startupProbe: Forbidden: ${NOT_INIT}`,
			],
			[
				{ ...init, restartPolicy: "Always", livenessProbe: {} },
				"spec.initContainers[0].livenessProbe: Required value: must specify a handler type",
			],
			[
				{ ...init, resizePolicy: [{ resourceName: "cpu", restartPolicy: "RestartContainer" }] },
				"spec.initContainers[0].resizePolicy[0].restartPolicy: Invalid value: \"RestartContainer\": must not be set to 'RestartContainer' for non-sidecar initContainers",
			],
			[{ ...init, restartPolicy: "Always", resizePolicy: [{ resourceName: "cpu", restartPolicy: "RestartContainer" }] }],
			[{ ...init, image: "a " }, 'spec.initContainers[0].image: Invalid value: "a ": must not have leading or trailing whitespace'],
		],
		(change, errors) => expect(specProblems({ initContainers: [change] })).toEqual(errors),
	);

	it("run one by one, so that they may have the same port of the host, each once", () => {
		const ports = [{ containerPort: 80, hostPort: 8080 }];
		expect(
			specProblems({
				initContainers: [
					{ ...init, ports },
					{ ...init, name: "b", ports },
				],
			}),
		).toEqual([]);
		expect(specProblems({ initContainers: [init, { ...init, name: "b", ports: [...ports, ...ports] }] })).toEqual([
			'spec.initContainers[0].ports[1].hostPort: Duplicate value: "TCP//8080"',
		]);
	});
});

describe("ephemeral containers", () => {
	const debug = { name: "debug", image: "busybox" };
	const probe = { exec: { command: ["true"] } };
	const NOT_EPHEMERAL = "cannot be set for an Ephemeral Container";
	const at = "spec.ephemeralContainers[0]";
	/** Of a Pod that is there: they join it later. */
	const ephemeralProblems = (change: object) => {
		const spec = { ephemeralContainers: [change], initContainers: [{ name: "init", image: "i" }], volumes: [{ name: "v" }] };
		return problems(podKind, podOf(spec, { resourceVersion: "1" }));
	};
	eachRow(
		[
			[{ ...debug, targetContainerName: "app" }],
			[{ ...debug, targetContainerName: "init", stdin: true, tty: true, env: [{ name: "A", value: "1" }] }],
			[{ ...debug, targetContainerName: "other" }, `${at}.targetContainerName: Not found: "other"`],
			[{ ...debug, name: "app" }, `${at}.name: Duplicate value: "app"`],
			[{ ...debug, name: "init" }, `${at}.name: Duplicate value: "init"`],
			[{ ...debug, image: "" }, `${at}.image: Required value`],
			[{ ...debug, image: " a" }, `${at}.image: Invalid value: " a": must not have leading or trailing whitespace`],
			[{ ...debug, ports: [{ containerPort: 80 }] }, `${at}.ports: Forbidden: ${NOT_EPHEMERAL}`],
			[{ ...debug, resources: { limits: { cpu: "1" } } }, `${at}.resources: Forbidden: ${NOT_EPHEMERAL}`],
			[
				{ ...debug, resizePolicy: [{ resourceName: "cpu", restartPolicy: "NotRequired" }] },
				`${at}.resizePolicy: Forbidden: ${NOT_EPHEMERAL}`,
			],
			[{ ...debug, restartPolicy: "Always" }, `${at}.restartPolicy: Forbidden: ${NOT_EPHEMERAL}`],
			[
				{ ...debug, livenessProbe: probe, readinessProbe: probe, startupProbe: probe, lifecycle: { preStop: probe } },
				`${at}.livenessProbe: Forbidden: ${NOT_EPHEMERAL}`,
				`${at}.readinessProbe: Forbidden: ${NOT_EPHEMERAL}`,
				`${at}.startupProbe: Forbidden: ${NOT_EPHEMERAL}`,
				`${at}.lifecycle: Forbidden: ${NOT_EPHEMERAL}`,
			],
			[{ ...debug, volumeMounts: [{ name: "v", mountPath: "/v" }] }],
			[
				{
					...debug,
					volumeMounts: [
						{ name: "v", mountPath: "/v", subPath: "a" },
						{ name: "v", mountPath: "/w", subPathExpr: "b" },
					],
				},
				`${at}.volumeMounts[0].subPath: Forbidden: ${NOT_EPHEMERAL}`,
				`${at}.volumeMounts[1].subPathExpr: Forbidden: ${NOT_EPHEMERAL}`,
			],
		],
		(change, errors) => expect(ephemeralProblems(change)).toEqual(errors),
	);

	it("have names of their own", () => {
		expect(problems(podKind, podOf({ ephemeralContainers: [debug, debug] }, { resourceVersion: "1" }))).toEqual([
			'spec.ephemeralContainers[1].name: Duplicate value: "debug"',
		]);
	});
});
