import { expect, test } from "vitest";
import type { PodTemplateSpec } from "../../apimachinery/schema/generated/types.ts";
import {
	byRevision,
	revisionData,
	revisionHash,
	revisionName,
	sameRevision,
	statefulSetRevision,
	templateOf,
} from "./controller-revision.ts";

// A set and its revision as Kubernetes 1.34 made it: pkg/controller/statefulset/testdata/compatibility_{set,revision}_1.34.0.json.
const template = {
	metadata: { labels: { app: "foo" }, annotations: { test: "value" } },
	spec: {
		terminationGracePeriodSeconds: 30,
		containers: [
			{
				name: "test",
				image: "test",
				imagePullPolicy: "Always",
				resources: {},
				terminationMessagePath: "/dev/termination-log",
				terminationMessagePolicy: "File",
			},
		],
		dnsPolicy: "ClusterFirst",
		restartPolicy: "Always",
		schedulerName: "default-scheduler",
		securityContext: {},
	},
} satisfies PodTemplateSpec;

test("a template's revision has the data and the hash that Kubernetes gives it", () => {
	const data = revisionData(template);
	expect(JSON.stringify(data)).toBe(
		'{"spec":{"template":{"$patch":"replace","metadata":{"annotations":{"test":"value"},"labels":{"app":"foo"}},"spec":{"containers":[{"image":"test","imagePullPolicy":"Always","name":"test","resources":{},"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File"}],"dnsPolicy":"ClusterFirst","restartPolicy":"Always","schedulerName":"default-scheduler","securityContext":{},"terminationGracePeriodSeconds":30}}}}',
	);
	expect(revisionHash(data, 0)).toBe("776999688b");
	expect(revisionHash(data, 1)).not.toBe("776999688b");
});

test("a hash is of JSON as Go writes it, safe inside HTML", () => {
	// FNV-1 of the bytes "\u003ca \u0026 b\u003e"0, worked out apart.
	expect(revisionHash("<a & b>", 0)).toBe("856578d9f7");
});

test("a revision gives back its template, bears its owner's annotations and its hash", () => {
	const owner = {
		apiVersion: "apps/v1",
		kind: "StatefulSet",
		metadata: { namespace: "default", name: "web", uid: "u", annotations: { a: "b" } },
	};
	const revision = statefulSetRevision({ owner, template, hash: "776999688b", revision: 2 });
	expect(templateOf(revision)).toEqual(template);
	expect(revision.metadata).toEqual({
		name: "web-776999688b",
		namespace: "default",
		labels: { app: "foo", "controller.kubernetes.io/hash": "776999688b" },
		annotations: { a: "b" },
		ownerReferences: [{ apiVersion: "apps/v1", kind: "StatefulSet", name: "web", uid: "u", controller: true, blockOwnerDeletion: true }],
	});
	expect(sameRevision(revision, { data: revisionData({ ...template }) })).toBe(true);
	expect(sameRevision(revision, { data: revisionData({ ...template, metadata: {} }) })).toBe(false);
	expect(templateOf({ revision: 1, data: "else" })).toBeUndefined();
});

test("a long name leaves room for the hash", () => {
	expect(revisionName("x".repeat(240), "776999688b")).toBe(`${"x".repeat(223)}-776999688b`);
});

test("revisions are sorted by number, then age, then name", () => {
	const of = (name: string, revision: number, creationTimestamp: string) => ({ revision, metadata: { name, creationTimestamp } });
	const sorted = [of("d", 2, "1"), of("c", 1, "2"), of("b", 1, "1"), of("a", 1, "1")].sort(byRevision);
	expect(sorted.map(({ metadata }) => metadata.name)).toEqual(["a", "b", "c", "d"]);
});
