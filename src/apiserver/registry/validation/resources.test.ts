import { describe, expect, it } from "vitest";
import { app, containerProblems, eachRow, specProblems } from "../testing/pod-probe.ts";

const at = "spec.containers[0].resources";
const NOT_STANDARD = "must be a standard resource type or fully qualified";
const NOT_OF_CONTAINERS = "must be a standard resource for containers";
const QUALIFIED =
	"name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

describe("requests and limits of a container", () => {
	eachRow(
		[
			[{ limits: { cpu: "1", memory: "1Gi", "ephemeral-storage": "1Gi" }, requests: { cpu: "500m", memory: "1Gi" } }],
			[{ limits: { "example.com/gpu": "2" }, requests: { "example.com/gpu": "2" } }],
			[{ limits: { cpu: "1", "hugepages-2Mi": "4Mi" } }],
			[
				{ limits: { gpu: "1" } },
				`${at}.limits[gpu]: Invalid value: "gpu": ${NOT_STANDARD}`,
				`${at}.limits[gpu]: Invalid value: "gpu": ${NOT_OF_CONTAINERS}`,
				`${at}.requests[gpu]: Invalid value: "gpu": ${NOT_STANDARD}`,
				`${at}.requests[gpu]: Invalid value: "gpu": ${NOT_OF_CONTAINERS}`,
			],
			[{ requests: { pods: "1" } }, `${at}.requests[pods]: Invalid value: "pods": ${NOT_OF_CONTAINERS}`],
			[
				{ requests: { "a b": "1" } },
				`${at}.requests[a b]: Invalid value: "a b": ${QUALIFIED}`,
				`${at}.requests[a b]: Invalid value: "a b": ${NOT_OF_CONTAINERS}`,
			],
			[
				{ limits: { "requests.example.com/gpu": "1" }, requests: { "requests.example.com/gpu": "1" } },
				`${at}.limits[requests.example.com/gpu]: Invalid value: "requests.example.com/gpu": doesn't follow extended resource name standard`,
				`${at}.requests[requests.example.com/gpu]: Invalid value: "requests.example.com/gpu": doesn't follow extended resource name standard`,
			],
			[{ requests: { memory: "-1" } }, `${at}.requests[memory]: Invalid value: "-1": must be greater than or equal to 0`],
			[
				{ limits: { "example.com/gpu": "500m" } },
				`${at}.limits[example.com/gpu]: Invalid value: "500m": must be an integer`,
				`${at}.requests[example.com/gpu]: Invalid value: "500m": must be an integer`,
			],
			[
				{ limits: { cpu: "1" }, requests: { cpu: "2" } },
				`${at}.requests: Invalid value: "2": must be less than or equal to cpu limit of 1`,
			],
			[
				{ limits: { "example.com/gpu": "2" }, requests: { "example.com/gpu": "1" } },
				`${at}.requests: Invalid value: "1": must be equal to example.com/gpu limit of 2`,
			],
			[{ requests: { "example.com/gpu": "1" } }, `${at}.limits: Required value: Limit must be set for non overcommitable resources`],
			[
				{ requests: { "hugepages-2Mi": "2Mi", cpu: "1" } },
				`${at}.limits: Required value: Limit must be set for non overcommitable resources`,
			],
			[{ limits: { "hugepages-2Mi": "2Mi" } }, `${at}: Forbidden: HugePages require cpu or memory`],
			[
				{ limits: { "hugepages-2Mi": "3Mi", cpu: "1" } },
				`${at}.limits[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of hugepages-2Mi`,
				`${at}.requests[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of hugepages-2Mi`,
			],
		],
		(change, errors) => expect(containerProblems({ resources: change })).toEqual(errors),
	);
});

describe("claims of a container", () => {
	const resourceClaims = [
		{ name: "gpu", resourceClaimName: "gpu" },
		{ name: "nic", resourceClaimTemplateName: "nic" },
	];
	const UNKNOWN = "must be one of the names in pod.spec.resourceClaims: gpu, nic";
	const claims = `${at}.claims`;
	eachRow(
		[
			[[{ name: "gpu" }, { name: "nic", request: "fast" }]],
			[
				[
					{ name: "gpu", request: "a" },
					{ name: "gpu", request: "b" },
				],
			],
			[[{}], `${claims}[0]: Required value`],
			[[{ name: "disk" }], `${claims}[0]: Not found: "disk": ${UNKNOWN}`],
			[[{ name: "gpu" }, { name: "gpu" }], `${claims}[1]: Duplicate value: "gpu"`],
			[
				[
					{ name: "gpu", request: "a" },
					{ name: "gpu", request: "a" },
				],
				`${claims}[1]: Duplicate value: "gpu/a"`,
			],
			[[{ name: "gpu", request: "a" }, { name: "gpu" }], `${claims}[1]: Duplicate value: "gpu"`],
			[[{ name: "gpu" }, { name: "gpu", request: "a" }], `${claims}[1]: Duplicate value: "gpu"`],
			[[{ name: "gpu", request: "a.b" }], `${claims}[0].request: Invalid value: "a.b": must not contain dots`],
		],
		(change, errors) => expect(specProblems({ resourceClaims, containers: [{ ...app, resources: { claims: change } }] })).toEqual(errors),
	);

	it("are of claims that the Pod has", () => {
		expect(containerProblems({ resources: { claims: [{ name: "gpu" }] } })).toEqual([
			`${claims}[0]: Not found: "gpu": must be one of the names in pod.spec.resourceClaims which is empty`,
		]);
	});
});

describe("claims of a Pod", () => {
	const claims = "spec.resourceClaims";
	const shown = (name: string, claim: string, template: string) =>
		`{"Name":"${name}","ResourceClaimName":${claim},"ResourceClaimTemplateName":${template}}`;
	const SUBDOMAIN =
		"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
	eachRow(
		[
			[[{ name: "a", resourceClaimName: "b.c" }]],
			[
				[{ name: "a" }],
				`${claims}[0]: Invalid value: ${shown("a", "null", "null")}: must specify one of: \`resourceClaimName\`, \`resourceClaimTemplateName\``,
			],
			[
				[{ name: "a", resourceClaimName: "b", resourceClaimTemplateName: "c" }],
				`${claims}[0]: Invalid value: ${shown("a", '"b"', '"c"')}: at most one of \`resourceClaimName\` or \`resourceClaimTemplateName\` may be specified`,
			],
			[[{ resourceClaimName: "b" }], `${claims}[0].name: Required value`],
			[[{ name: "a.b", resourceClaimName: "b" }], `${claims}[0].name: Invalid value: "a.b": must not contain dots`],
			[
				[
					{ name: "a", resourceClaimName: "b" },
					{ name: "a", resourceClaimName: "b" },
				],
				`${claims}[1].name: Duplicate value: "a"`,
			],
			[[{ name: "a", resourceClaimName: "B" }], `${claims}[0].resourceClaimName: Invalid value: "B": ${SUBDOMAIN}`],
			[[{ name: "a", resourceClaimTemplateName: "" }], `${claims}[0].resourceClaimTemplateName: Invalid value: "": ${SUBDOMAIN}`],
		],
		(change, errors) => expect(specProblems({ resourceClaims: change })).toEqual(errors),
	);
});

describe("requests and limits of a Pod as a whole", () => {
	const pod = "spec.resources";
	const asking = (resources: object) => ({ containers: [{ ...app, resources }] });
	eachRow(
		[
			[{ resources: { limits: { cpu: "2", memory: "1Gi" }, requests: { cpu: "1" } } }],
			[{ resources: { limits: { cpu: "2" } }, ...asking({ requests: { cpu: "1" }, limits: { cpu: "2" } }) }],
			[
				{ resources: { requests: { cpu: "1" } }, ...asking({ requests: { cpu: "2" } }) },
				`${pod}.requests[cpu]: Invalid value: "1": must be greater than or equal to aggregate container requests of 2`,
			],
			[
				{ resources: { limits: { cpu: "1" } }, ...asking({ limits: { cpu: "2" }, requests: { cpu: "1" } }) },
				`${pod}.containers[0][cpu].limits: Invalid value: "2": must be less than or equal to pod limits of 1`,
			],
			[
				{ resources: { limits: { "example.com/gpu": "1" } } },
				`${pod}.limits[example.com/gpu]: Unsupported value: "example.com/gpu": supported values: "cpu", "hugepages-", "memory"`,
			],
			[
				{ resources: { requests: { "ephemeral-storage": "1" } } },
				`${pod}.requests[ephemeral-storage]: Unsupported value: "ephemeral-storage": supported values: "cpu", "hugepages-", "memory"`,
			],
			[
				{ resources: { requests: { cpu: "2" }, limits: { cpu: "1" } } },
				`${pod}.requests: Invalid value: "2": must be less than or equal to cpu limit of 1`,
			],
			[
				{ resources: { claims: [{ name: "a" }] }, resourceClaims: [{ name: "a", resourceClaimName: "a" }] },
				`${pod}.claims: Forbidden: claims may not be set for Resources at pod-level`,
			],
			[{ resources: { limits: { cpu: "1" } }, os: { name: "windows" } }, `${pod}: Forbidden: may not be set for a windows pod`],
		],
		(change, errors) => expect(specProblems(change)).toEqual(errors),
	);

	it("count init containers at their highest, and sidecars with all that runs beside them", () => {
		const needs = (name: string, cpu: string, restartPolicy?: string) => ({
			name,
			image: "i",
			resources: { requests: { cpu } },
			...(restartPolicy === undefined ? {} : { restartPolicy }),
		});
		const problemsWith = (cpu: string) =>
			specProblems({
				resources: { requests: { cpu } },
				initContainers: [needs("log", "1", "Always"), needs("setup", "5")],
				containers: [needs("web", "2")],
			});
		expect(problemsWith("6")).toEqual([]);
		expect(problemsWith("5")).toEqual([
			'spec.resources.requests[cpu]: Invalid value: "5": must be greater than or equal to aggregate container requests of 6',
		]);
	});
});
