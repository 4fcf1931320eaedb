import { describe, expect, it } from "vitest";
import { containerProblems, eachRow, specProblems } from "../testing/pod-probe.ts";

const at = "spec.containers[0]";
const exec = { command: ["true"] };

describe("a liveness probe", () => {
	const probe = `${at}.livenessProbe`;
	eachRow(
		[
			[{ exec }],
			[{ httpGet: { port: 80 } }],
			[{ httpGet: { port: "http", path: "/health", scheme: "HTTPS", httpHeaders: [{ name: "X-A", value: "1" }] } }],
			[{ tcpSocket: { port: 80 }, periodSeconds: 5, timeoutSeconds: 2, failureThreshold: 3, initialDelaySeconds: 0 }],
			[{ grpc: { port: 80 }, terminationGracePeriodSeconds: 1 }],
			[{}, `${probe}: Required value: must specify a handler type`],
			[{ exec: {} }, `${probe}.exec.command: Required value`],
			[{ exec, httpGet: { port: 80 } }, `${probe}.httpGet: Forbidden: may not specify more than 1 handler type`],
			[
				{ exec, httpGet: { port: 80 }, tcpSocket: { port: 80 }, grpc: { port: 1 } },
				`${probe}.httpGet: Forbidden: may not specify more than 1 handler type`,
				`${probe}.tcpSocket: Forbidden: may not specify more than 1 handler type`,
				`${probe}.grpc: Forbidden: may not specify more than 1 handler type`,
			],
			[{ httpGet: { port: 0 } }, `${probe}.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive`],
			[
				{ httpGet: { port: "a-name-that-is-long" } },
				`${probe}.httpGet.port: Invalid value: "a-name-that-is-long": must be no more than 15 characters`,
			],
			[
				{ httpGet: { port: "" } },
				`${probe}.httpGet.port: Invalid value: "": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)`,
				`${probe}.httpGet.port: Invalid value: "": must contain at least one letter (a-z)`,
			],
			[{ httpGet: { port: 80, scheme: "FTP" } }, `${probe}.httpGet.scheme: Unsupported value: "FTP": supported values: "HTTP", "HTTPS"`],
			[
				{ httpGet: { port: 80, httpHeaders: [{ name: "X A", value: "1" }] } },
				`${probe}.httpGet.httpHeaders: Invalid value: "X A": a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')`,
			],
			[{ tcpSocket: { port: 70000 } }, `${probe}.tcpSocket.port: Invalid value: 70000: must be between 1 and 65535, inclusive`],
			[{ grpc: { port: 0 } }, `${probe}.grpc.port: Invalid value: 0: must be between 1 and 65535, inclusive`],
			[{ exec, initialDelaySeconds: -1 }, `${probe}.initialDelaySeconds: Invalid value: -1: must be greater than or equal to 0`],
			[{ exec, timeoutSeconds: -1 }, `${probe}.timeoutSeconds: Invalid value: -1: must be greater than or equal to 0`],
			[{ exec, periodSeconds: -1 }, `${probe}.periodSeconds: Invalid value: -1: must be greater than or equal to 0`],
			[{ exec, failureThreshold: -1 }, `${probe}.failureThreshold: Invalid value: -1: must be greater than or equal to 0`],
			[
				{ exec, successThreshold: -1 },
				`${probe}.successThreshold: Invalid value: -1: must be greater than or equal to 0`,
				`${probe}.successThreshold: Invalid value: -1: must be 1`,
			],
			[{ exec, successThreshold: 2 }, `${probe}.successThreshold: Invalid value: 2: must be 1`],
			[{ exec, terminationGracePeriodSeconds: 0 }, `${probe}.terminationGracePeriodSeconds: Invalid value: 0: must be greater than 0`],
			[{ exec, terminationGracePeriodSeconds: -5 }, `${probe}.terminationGracePeriodSeconds: Invalid value: -5: must be greater than 0`],
		],
		(change, errors) => expect(containerProblems({ livenessProbe: change })).toEqual(errors),
	);
});

describe("other probes", () => {
	eachRow(
		[
			[{ readinessProbe: { exec, successThreshold: 2 } }],
			[
				{ readinessProbe: { exec, terminationGracePeriodSeconds: 3 } },
				`${at}.readinessProbe.terminationGracePeriodSeconds: Invalid value: 3: must not be set for readinessProbes`,
			],
			[{ startupProbe: { exec, terminationGracePeriodSeconds: 3 } }],
			[{ startupProbe: { exec, successThreshold: 2 } }, `${at}.startupProbe.successThreshold: Invalid value: 2: must be 1`],
			[{ startupProbe: {} }, `${at}.startupProbe: Required value: must specify a handler type`],
		],
		(change, errors) => expect(containerProblems(change)).toEqual(errors),
	);
});

describe("lifecycle hooks", () => {
	const hook = `${at}.lifecycle`;
	eachRow(
		[
			[{ preStop: { exec }, postStart: { httpGet: { port: 80 } } }],
			[{ preStop: { tcpSocket: { port: 80 } } }],
			[{ preStop: { sleep: { seconds: 30 } } }],
			[{ preStop: { sleep: { seconds: 0 } } }],
			[{}],
			[{ preStop: {} }, `${hook}.preStop: Required value: must specify a handler type`],
			[
				{ postStart: { exec: {} }, preStop: { exec, sleep: { seconds: 1 } } },
				`${hook}.postStart.exec.command: Required value`,
				`${hook}.preStop.sleep: Forbidden: may not specify more than 1 handler type`,
			],
			[
				{ preStop: { sleep: { seconds: 31 } } },
				`${hook}.preStop.sleep: Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)`,
			],
			[
				{ preStop: { sleep: { seconds: -1 } } },
				`${hook}.preStop.sleep: Invalid value: -1: must be non-negative and less than terminationGracePeriodSeconds (30)`,
			],
		],
		(change, errors) => expect(containerProblems({ lifecycle: change })).toEqual(errors),
	);

	it("may sleep as long as the Pod has time", () => {
		const lifecycle = { preStop: { sleep: { seconds: 31 } } };
		expect(specProblems({ terminationGracePeriodSeconds: 60, containers: [{ name: "app", image: "nginx", lifecycle }] })).toEqual([]);
	});
});
