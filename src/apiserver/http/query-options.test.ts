import { describe, expect, test } from "vitest";
import type { Verb } from "../../apimachinery/api-request.ts";
import { StatusError } from "../../apimachinery/status-error.ts";
import { readDeleteOptions, readRequestOptions } from "./query-options.ts";

const read = (verb: Verb, query: string, patchType?: "application/apply-patch+yaml" | "application/merge-patch+json") =>
	readRequestOptions(verb, new URLSearchParams(query), "kubectl/v1.35.2 (linux/amd64)", patchType);

/** `CODE MESSAGE` of what was thrown. */
function failure(action: () => unknown): string {
	try {
		action();
	} catch (error) {
		if (error instanceof StatusError) return `${error.code} ${error.message}`;
		throw error;
	}
	return "nothing was thrown";
}

describe("lists and watches", () => {
	test("every parameter", () => {
		const query =
			"labelSelector=a%3Db&fieldSelector=spec.nodeName%3Dn&limit=500&continue=x&resourceVersion=7&timeoutSeconds=3&allowWatchBookmarks=true";
		expect(read("list", query)).toEqual({
			labelSelector: "a=b",
			fieldSelector: "spec.nodeName=n",
			limit: 500,
			continue: "x",
			resourceVersion: "7",
			timeoutSeconds: 3,
			allowWatchBookmarks: true,
		});
	});

	test("empty parameters are absent, booleans are true unless they say 0 or false", () => {
		expect(read("watch", "labelSelector=&limit=&allowWatchBookmarks=")).toEqual({ allowWatchBookmarks: true });
		expect(read("watch", "allowWatchBookmarks=False")).toEqual({ allowWatchBookmarks: false });
	});

	test.each([
		["list", "limit=ten", '400 strconv.ParseInt: parsing "ten": invalid syntax'],
		["list", "limit=99999999999999999999", '400 strconv.ParseInt: parsing "99999999999999999999": value out of range'],
		[
			"list",
			"resourceVersionMatch=Exact",
			'422 ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
		],
		[
			"list",
			"resourceVersionMatch=Exact&resourceVersion=0",
			'422 ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
		],
		[
			"list",
			"sendInitialEvents=true",
			'422 ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list',
		],
		[
			"watch",
			"sendInitialEvents=true",
			'422 ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
		],
	] as const)("%s ?%s", (verb, query, expected) => {
		expect(failure(() => read(verb, query))).toBe(expected);
	});

	test("an initial list as a watch", () => {
		expect(read("watch", "sendInitialEvents=true&resourceVersionMatch=NotOlderThan")).toEqual({
			sendInitialEvents: true,
			resourceVersionMatch: "NotOlderThan",
		});
	});
});

describe("writes", () => {
	test("the user agent stands in for the field manager", () => {
		expect(read("create", "")).toEqual({ fieldManager: "kubectl" });
		expect(read("update", "fieldManager=me&fieldValidation=Strict&dryRun=All")).toEqual({
			fieldManager: "me",
			fieldValidation: "Strict",
			dryRun: true,
		});
	});

	test("what cannot be printed, or is too long, is left out of the user agent's name", () => {
		const managerOf = (userAgent: string) => readRequestOptions("create", new URLSearchParams(), userAgent).fieldManager;
		expect(managerOf("a\tb\u0000c/1.0")).toBe("abc");
		expect(managerOf(`${"é".repeat(100)}/1.0`)).toBe("é".repeat(64));
		expect(managerOf("")).toBe("");
	});

	test.each([
		[
			"create",
			"dryRun=Some",
			undefined,
			'422 CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All"',
		],
		[
			"patch",
			"force=true",
			"application/merge-patch+json",
			'422 PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
		],
		[
			"patch",
			"",
			"application/apply-patch+yaml",
			'422 PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
		],
		[
			"update",
			`fieldManager=${"x".repeat(129)}`,
			undefined,
			'422 UpdateOptions.meta.k8s.io "" is invalid: fieldManager: Too long: may not be more than 128 bytes',
		],
	] as const)("%s ?%s", (verb, query, patchType, expected) => {
		expect(failure(() => read(verb, query, patchType))).toBe(expected);
	});
});

describe("deletes", () => {
	const query = new URLSearchParams("gracePeriodSeconds=0&propagationPolicy=Foreground&dryRun=All");

	test("the query counts only without a body", () => {
		expect(readDeleteOptions(query, undefined)).toEqual({ gracePeriodSeconds: 0, propagationPolicy: "Foreground", dryRun: ["All"] });
		expect(readDeleteOptions(query, { kind: "DeleteOptions", apiVersion: "v1", propagationPolicy: "Orphan" })).toEqual({
			kind: "DeleteOptions",
			apiVersion: "v1",
			propagationPolicy: "Orphan",
		});
	});

	test.each([
		[{ kind: "Pod" }, "400 decoded object cannot be converted to DeleteOptions"],
		[{ kind: {} }, "400 decoded object cannot be converted to DeleteOptions"],
		[[], "400 the body of a delete must be a DeleteOptions object"],
		[
			{ gracePeriodSeconds: "soon" },
			'400 DeleteOptions in version "v1" cannot be handled as a DeleteOptions: json: cannot unmarshal string into Go struct field DeleteOptions.gracePeriodSeconds of type int64',
		],
		[
			{ preconditions: { resourceVersion: {} } },
			'400 DeleteOptions in version "v1" cannot be handled as a DeleteOptions: json: cannot unmarshal object into Go struct field Preconditions.preconditions.resourceVersion of type string',
		],
		[
			{ dryRun: "All" },
			'400 DeleteOptions in version "v1" cannot be handled as a DeleteOptions: json: cannot unmarshal string into Go struct field DeleteOptions.dryRun of type []string',
		],
	])("a body that is none: %j", (body, expected) => {
		expect(failure(() => readDeleteOptions(query, body))).toBe(expected);
	});

	test("contradictions are refused", () => {
		expect(failure(() => readDeleteOptions(query, { orphanDependents: true, propagationPolicy: "Now" }))).toBe(
			'422 DeleteOptions.meta.k8s.io "" is invalid: [propagationPolicy: Invalid value: "Now": orphanDependents and deletionPropagation cannot be both set, propagationPolicy: Unsupported value: "Now": supported values: "Foreground", "Background", "Orphan", "nil"]',
		);
	});
});
