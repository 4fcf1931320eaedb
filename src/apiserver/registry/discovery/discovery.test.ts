import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { changeProblems, created, defaulted, kindOf, printed, problems, updateProblems } from "../testing/kind-probe.ts";
import { discoveryKinds } from "./index.ts";

const kind = kindOf(discoveryKinds, "endpointslices");
const slice = (fields: object): KubeObject =>
	({ metadata: { name: "web-x", creationTimestamp: created }, addressType: "IPv4", ...fields }) as KubeObject;
const endpoints = (...addresses: string[]) => addresses.map((address) => ({ addresses: [address] }));

describe("EndpointSlice", () => {
	it("prints three of its endpoints", () => {
		const object = slice({ ports: [{ port: 80 }, { name: "any" }], endpoints: endpoints("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4") });
		expect(printed(kind, object)).toBe(
			"NAME | ADDRESSTYPE | PORTS | ENDPOINTS | AGE\nweb-x | IPv4 | 80,any | 10.0.0.1,10.0.0.2,10.0.0.3 + 1 more... | 5m",
		);
		expect(printed(kind, slice({})).split("\n")[1]).toBe("web-x | IPv4 | <unset> | <unset> | 5m");
	});

	it("has ports of TCP without a name", () => {
		expect(defaulted(kind, slice({ ports: [{ port: 80 }] }))).toEqual(slice({ ports: [{ port: 80, name: "", protocol: "TCP" }] }));
	});

	it("takes addresses of its type that can be reached", () => {
		expect(problems(kind, slice({ endpoints: [...endpoints("127.0.0.1", "::1", "10.0.0.256", "169.254.1.1", "010.0.0.1"), {}] }))).toEqual([
			'endpoints[0].addresses[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
			'endpoints[1].addresses[0]: Invalid value: "::1": must be a valid IPv4 address',
			'endpoints[1].addresses[0]: Invalid value: "::1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
			'endpoints[2].addresses[0]: Invalid value: "10.0.0.256": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
			'endpoints[3].addresses[0]: Invalid value: "169.254.1.1": may not be in the link-local range (169.254.0.0/16, fe80::/10)',
			'endpoints[4].addresses[0]: Invalid value: "010.0.0.1": must not have leading 0s',
			"endpoints[5].addresses: Required value: must contain at least 1 address",
		]);
		expect(problems(kind, slice({ addressType: "IPv6", endpoints: endpoints("fd00::1") }))).toEqual([]);
	});

	it("keeps its address type and names each port once", () => {
		expect(updateProblems(kind, slice({ addressType: "IPv6" }), slice({}))).toEqual([
			'addressType: Invalid value: "IPv6": field is immutable',
		]);
		expect(problems(kind, slice({ ports: [{ name: "a" }, { name: "a" }, {}, {}] }))).toEqual([
			'ports[1].name: Duplicate value: "a"',
			'ports[3].name: Duplicate value: ""',
		]);
	});

	it("counts what it holds, and says for whom it is", () => {
		const topology = Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`a${index}`, ""]));
		const hints = { forZones: [{ name: "a" }, { name: "a" }, { name: "-" }], forNodes: Array.from({ length: 9 }, () => ({ name: "n" })) };
		const label =
			"a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
		expect(problems(kind, slice({ endpoints: [{ addresses: ["10.0.0.1"], deprecatedTopology: topology, hints, hostname: "" }] }))).toEqual([
			"endpoints[0].deprecatedTopology: Too many: 17: must have at most 16 items",
			"endpoints[0].hostname: Required value",
			'endpoints[0].hints.forZones[1].name: Duplicate value: "a"',
			`endpoints[0].hints.forZones[2].name: Invalid value: "-": ${label}`,
			"endpoints[0].hints.forNodes: Too many: 9: must have at most 8 items",
		]);
		expect(problems(kind, slice({ endpoints: [{ addresses: Array.from({ length: 101 }, () => "10.0.0.1") }] }))).toEqual([
			"endpoints[0].addresses: Too many: 101: must have at most 100 items",
		]);
	});

	it("may keep addresses that were sloppy, and is warned of", () => {
		const sloppy = slice({ endpoints: endpoints("010.0.0.1") });
		expect(changeProblems(kind, sloppy, sloppy)).toEqual([]);
		expect(kind.warnings?.(slice({ addressType: "IPv6", endpoints: endpoints("FD00::1") }))).toEqual([
			'endpoints[0].addresses[0]: IPv6 address "FD00::1" should be in RFC 5952 canonical format ("fd00::1")',
		]);
		expect(kind.warnings?.(slice({ addressType: "FQDN" }))).toEqual(["spec.addressType: FQDN endpoints are deprecated"]);
	});
});
