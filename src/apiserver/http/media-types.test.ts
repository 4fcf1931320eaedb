import { expect, test } from "vitest";
import { StatusError } from "../../apimachinery/status-error.ts";
import { acceptsGzip, bodyEncoding, negotiateObject, negotiateStatus, negotiateStream } from "./media-types.ts";

const table = { kind: "Table", apiVersion: "meta.k8s.io/v1" };

test.each([
	[undefined, { encoding: "json" }],
	["*/*", { encoding: "json" }],
	["application/yaml", { encoding: "yaml" }],
	[
		"application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
		{ encoding: "json", conversion: table },
	],
	[
		"application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json",
		{ encoding: "json", conversion: { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1" } },
	],
	["application/vnd.kubernetes.protobuf,application/json", { encoding: "json" }],
	["application/json;q=0.5,application/yaml", { encoding: "yaml" }],
	["application/json;as=Poem;g=meta.k8s.io;v=v1,application/json", { encoding: "json" }],
])("Accept: %s", (accept, expected) => {
	expect(negotiateObject(accept)).toEqual(expected);
});

test("who accepts only what is not served is told what is", () => {
	const message = "only the following media types are accepted: application/json, application/yaml";
	expect(() => negotiateObject("application/vnd.kubernetes.protobuf")).toThrow(message);
	expect(() => negotiateObject("text/html")).toThrow(message);
	expect(() => negotiateStream("application/yaml")).toThrow("only the following media types are accepted: application/json;stream=watch");
	expect(negotiateStream("application/yaml, application/json;q=0.1")).toEqual({ encoding: "json" });
	expect(negotiateStatus("text/html")).toBe("json");
	expect(negotiateStatus("application/yaml;q=0.9")).toBe("yaml");
});

test("bodies", () => {
	expect(
		["application/json; charset=utf-8", undefined, "application/yaml", "application/vnd.kubernetes.protobuf"].map(bodyEncoding),
	).toEqual(["json", "json", "yaml", "protobuf"]);
	expect(() => bodyEncoding("text/plain")).toThrow(StatusError);
	expect(() => bodyEncoding("text/plain")).toThrow(
		"the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf",
	);
});

test("gzip", () => {
	expect(acceptsGzip("deflate, gzip;q=0.5")).toBe(true);
	expect(acceptsGzip("gzip;q=0")).toBe(false);
	expect(acceptsGzip(undefined)).toBe(false);
});
