import { describe, expect, it } from "vitest";
import { podKind } from "../core/pod.ts";
import { podTemplateKind } from "../core/pod-template.ts";
import { problems } from "../testing/kind-probe.ts";
import { app, eachRow, podOf, specProblems } from "../testing/pod-probe.ts";

const LABEL =
	"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN =
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const SEARCH =
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')";
const IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";

describe("a Pod's spec", () => {
	eachRow(
		[
			[
				{ restartPolicy: "Sometimes" },
				'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
			],
			[
				{ dnsPolicy: "Local" },
				'spec.dnsPolicy: Unsupported value: "Local": supported values: "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"',
			],
			[{ serviceAccountName: "A" }, `spec.serviceAccountName: Invalid value: "A": ${SUBDOMAIN}`],
			[{ nodeName: "node_1" }, `spec.nodeName: Invalid value: "node_1": ${SUBDOMAIN}`],
			[{ activeDeadlineSeconds: 1 }],
			[{ activeDeadlineSeconds: 0 }, "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"],
			[
				{ activeDeadlineSeconds: 2147483648 },
				"spec.activeDeadlineSeconds: Invalid value: 2147483648: must be between 1 and 2147483647, inclusive",
			],
			[{ terminationGracePeriodSeconds: 0 }],
			[{ terminationGracePeriodSeconds: -1 }],
			[{ hostname: "A" }, `spec.hostname: Invalid value: "A": ${LABEL}`],
			[{ subdomain: "a.b" }, 'spec.subdomain: Invalid value: "a.b": must not contain dots'],
			[{ hostnameOverride: "a.example.com" }],
			[{ hostnameOverride: "" }, `spec.hostnameOverride: Invalid value: "": ${SUBDOMAIN}`],
			[{ hostnameOverride: `${"a".repeat(60)}.${"b".repeat(10)}` }, "spec.hostnameOverride: Too long: may not be more than 64 bytes"],
			[
				{ hostnameOverride: "a", setHostnameAsFQDN: true },
				"spec.hostnameOverride: Forbidden: may not be specified when setHostnameAsFQDN is true",
			],
			[{ hostnameOverride: "a", hostNetwork: true }, "spec.hostnameOverride: Forbidden: may not be specified when hostNetwork is true"],
			[{ priorityClassName: "A" }, `spec.priorityClassName: Invalid value: "A": ${SUBDOMAIN}`],
			[{ runtimeClassName: "A" }, `spec.runtimeClassName: Invalid value: "A": ${SUBDOMAIN}`],
			[{ runtimeClassName: "" }, `spec.runtimeClassName: Invalid value: "": ${SUBDOMAIN}`],
			[{ preemptionPolicy: "Never" }],
			[{ preemptionPolicy: "" }, "spec.preemptionPolicy: Required value"],
			[
				{ preemptionPolicy: "Later" },
				'spec.preemptionPolicy: Unsupported value: "Later": supported values: "PreemptLowerPriority", "Never"',
			],
			[{ overhead: { cpu: "100m" } }],
			[{ overhead: { cpu: "-1" } }, 'spec.overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0'],
			[{ nodeSelector: { "kubernetes.io/os": "linux" } }],
			[{ imagePullSecrets: [{ name: "" }] }],
			[{ setHostnameAsFQDN: true, enableServiceLinks: false, shareProcessNamespace: true, schedulerName: "Other!" }],
		],
		(change, errors) => expect(specProblems(change)).toEqual(errors),
	);
});

describe("host aliases and DNS", () => {
	const dns = "spec.dnsConfig";
	eachRow(
		[
			[{ hostAliases: [{ ip: "10.0.0.1", hostnames: ["a", "b.c"] }, { ip: "::1" }] }],
			[{ hostAliases: [{ ip: "a" }] }, `spec.hostAliases[0].ip: Invalid value: "a": ${IP}`],
			[{ hostAliases: [{ ip: "10.0.0.01" }] }, 'spec.hostAliases[0].ip: Invalid value: "10.0.0.01": must not have leading 0s'],
			[
				{ hostAliases: [{ ip: "10.0.0.1", hostnames: ["a", "b_c"] }] },
				`spec.hostAliases[0].hostnames[1]: Invalid value: "b_c": ${SUBDOMAIN}`,
			],
			[{ dnsPolicy: "None" }, `${dns}: Required value: must provide \`dnsConfig\` when \`dnsPolicy\` is None`],
			[
				{ dnsPolicy: "None", dnsConfig: {} },
				`${dns}.nameservers: Required value: must provide at least one DNS nameserver when \`dnsPolicy\` is None`,
			],
			[
				{
					dnsPolicy: "None",
					dnsConfig: { nameservers: ["10.0.0.1"], searches: ["a.b.", "_sip.c", "."], options: [{ name: "ndots", value: "2" }] },
				},
			],
			[
				{ dnsConfig: { nameservers: ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"] } },
				`${dns}.nameservers: Invalid value: ["10.0.0.1","10.0.0.2","10.0.0.3","10.0.0.4"]: must not have more than 3 nameservers`,
			],
			[{ dnsConfig: { nameservers: ["dns"] } }, `${dns}.nameservers[0]: Invalid value: "dns": ${IP}`],
			[{ dnsConfig: { searches: ["A"] } }, `${dns}.searches[0]: Invalid value: "A": ${SEARCH}`],
			[{ dnsConfig: { options: [{ value: "2" }] } }, `${dns}.options[0]: Required value: must not be empty`],
		],
		(change, errors) => expect(specProblems(change)).toEqual(errors),
	);

	it("have a longest list of domains to search in", () => {
		const searches = Array.from({ length: 33 }, (_, index) => `d${index}`);
		expect(specProblems({ dnsConfig: { searches } })).toEqual([
			`${dns}.searches: Invalid value: ${JSON.stringify(searches)}: must not have more than 32 search paths`,
		]);
		const long = Array.from({ length: 12 }, () => Array(3).fill("a".repeat(60)).join("."));
		expect(specProblems({ dnsConfig: { searches: long } })).toEqual([
			`${dns}.searches: Invalid value: ${JSON.stringify(long)}: must not have more than 2048 characters (including spaces) in the search list`,
		]);
	});
});

describe("annotations of a Pod", () => {
	const at = "metadata.annotations";
	const APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/";
	const SECCOMP = "seccomp.security.alpha.kubernetes.io/pod";
	const COST = "controller.kubernetes.io/pod-deletion-cost";
	const TOLERATIONS = "scheduler.alpha.kubernetes.io/tolerations";
	eachRow(
		[
			[{ [COST]: "-10", [`${APP_ARMOR}app`]: "runtime/default", [SECCOMP]: "localhost/a.json", a: "b" }],
			[
				{ "kubernetes.io/config.mirror": "x" },
				`${at}[kubernetes.io/config.mirror]: Invalid value: "x": must set spec.nodeName if mirror pod annotation is set`,
			],
			[{ [COST]: "+1" }, `${at}[${COST}]: Invalid value: "+1": must be a 32bit integer`],
			[{ [COST]: "01" }, `${at}[${COST}]: Invalid value: "01": must be a 32bit integer`],
			[{ [COST]: "" }, `${at}[${COST}]: Invalid value: "": must be a 32bit integer`],
			[{ [COST]: "2147483648" }, `${at}[${COST}]: Invalid value: "2147483648": must be a 32bit integer`],
			[{ [TOLERATIONS]: '[{"key":"a","operator":"Exists"}]' }],
			[
				{ [TOLERATIONS]: '[{"key":"a","operator":"Is"}]' },
				`${at}.${TOLERATIONS}[0].operator: Unsupported value: "Is": supported values: "Equal", "Exists"`,
			],
			[{ [SECCOMP]: "strict" }, `${at}.${SECCOMP}: Invalid value: "strict": must be a valid seccomp profile`],
			[{ [SECCOMP]: "localhost//a" }, `${at}.${SECCOMP}: Invalid value: "/a": must be a relative path`],
			[
				{ "container.seccomp.security.alpha.kubernetes.io/app": "" },
				`${at}.container.seccomp.security.alpha.kubernetes.io/app: Invalid value: "": must be a valid seccomp profile`,
			],
			[{ [`${APP_ARMOR}other`]: "unconfined" }, `${at}[${APP_ARMOR}other]: Invalid value: "other": container not found`],
			[{ [`${APP_ARMOR}app`]: "strict" }, `${at}[${APP_ARMOR}app]: Invalid value: "strict": invalid AppArmor profile name: "strict"`],
		],
		(annotations, errors) => expect(problems(podKind, podOf({}, { annotations }))).toEqual(errors),
	);

	const profiles = (podAnnotation: string, field: object) =>
		problems(podKind, podOf({ securityContext: { seccompProfile: field } }, { annotations: { [SECCOMP]: podAnnotation } }));
	const field = "spec.securityContext.seccompProfile";
	it.each([
		["unconfined", { type: "Unconfined" }, []],
		["docker/default", { type: "RuntimeDefault" }, []],
		["localhost/a", { type: "Localhost", localhostProfile: "a" }, []],
		["unconfined", { type: "RuntimeDefault" }, [`${field}.type: Forbidden: seccomp type in annotation and field must match`]],
		[
			"runtime/default",
			{ type: "Localhost", localhostProfile: "a" },
			[`${field}.type: Forbidden: seccomp type in annotation and field must match`],
		],
		[
			"localhost/a",
			{ type: "Localhost", localhostProfile: "b" },
			[`${field}.localhostProfile: Forbidden: seccomp profile in annotation and field must match`],
		],
	])("say the same of seccomp as the field: %s, %j", (annotation, profile, errors) => {
		expect(profiles(annotation, profile)).toEqual(errors);
	});

	it("say the same of AppArmor as the field of the container, or of the Pod, unless it is for Windows", () => {
		const annotations = { [`${APP_ARMOR}app`]: "runtime/default" };
		const appArmorProfile = { type: "Unconfined" };
		const error = "spec.containers[0].securityContext.appArmorProfile.type: Forbidden: apparmor type in annotation and field must match";
		expect(problems(podKind, podOf({ securityContext: { appArmorProfile } }, { annotations }))).toEqual([error]);
		expect(problems(podKind, podOf({ containers: [{ ...app, securityContext: { appArmorProfile } }] }, { annotations }))).toEqual([error]);
		expect(problems(podKind, podOf({ os: { name: "windows" }, containers: [app] }, { annotations }))).toEqual([]);
	});
});

it("does not let ephemeral containers be there from the start", () => {
	expect(specProblems({ ephemeralContainers: [{ name: "debug", image: "busybox" }] })).toEqual([
		"spec.ephemeralContainers: Forbidden: cannot be set on create",
	]);
});

describe("a template", () => {
	const VALUE =
		"a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
	const spec = { containers: [app] };
	eachRow(
		[
			[{ spec }],
			[{}, "template.spec.containers: Required value"],
			[{ spec: { containers: [] } }, "template.spec.containers: Required value"],
			[{ spec, metadata: { labels: { a: "b c" } } }, `template.labels: Invalid value: "b c": ${VALUE}`],
			[
				{ spec, metadata: { annotations: { "container.apparmor.security.beta.kubernetes.io/x": "unconfined" } } },
				'template.annotations[container.apparmor.security.beta.kubernetes.io/x]: Invalid value: "x": container not found',
			],
			[
				{ spec: { ...spec, ephemeralContainers: [{ name: "debug", image: "busybox" }] } },
				"template.spec.ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template",
			],
			// What only Pods are held to.
			[{ spec: { containers: [{ ...app, image: " a" }] } }],
			[{ spec: { ...spec, volumes: [{ name: "v", projected: { sources: [{ serviceAccountToken: { path: "t" } }] } }] } }],
			[{ spec: { hostNetwork: true, containers: [{ ...app, ports: [{ containerPort: 80 }] }] } }],
			[
				{ spec: { hostNetwork: true, containers: [{ ...app, ports: [{ containerPort: 80, hostPort: 81 }] }] } },
				"template.spec.containers[0].ports[0].hostPort: Invalid value: 81: must match `containerPort` when `hostNetwork` is true",
			],
			[{ spec: { ...spec, nodeName: "node-1", schedulingGates: [{ name: "a" }] } }],
		],
		(template, errors) => {
			const object = { apiVersion: "v1", kind: "PodTemplate", metadata: { name: "a" }, template };
			expect(problems(podTemplateKind, object)).toEqual(errors);
		},
	);
});
